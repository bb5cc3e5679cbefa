"""What stands between the tables of the page."""

HEAD = """\
# Scaling

`python -m benchmarks.scaling` wrote this page and its picture; with `--full` it
adds the largest points. What is *measured* somebody has run; what is *foretold*
follows from that by formulas that stand here, and nobody has run it.

## Measured: one thing at a time
"""
GROWTH = """
The whole outer step on noise, each point in a process of its own:
{machine}.
Trajectory matching with the adjoint, 160 images of 32 pixels, 10 classes,
5 student steps on all of them, width 16, all augmentations. One thing of that
grows along each axis (classes: with 800 images). The exponent is of the upper
half of the points, by least squares in logarithms, and what follows ± is the
root mean square of what is left, nothing of two points; peaks of less than 20
MB above an idle process are left out of it. Exponents of images and of student
steps must not exceed 1.1.
"""
PICTURE = """
![seconds and gigabytes along each axis](scaling.png)

- Replicas share the cores of this processor, and each has a reference of its
  own: time grows with them here.
- Memory does not grow with student steps but for their parameters: that is what
  the adjoint is for.
- The memory's floats are measured with ten images seen by one student step:
  what grows is what an update goes through.
"""
FORMULA = """
## Memory of a step, by a formula

An outer step holds, in numbers of four bytes: MAPS for each value of the maps
of all blocks (width x pixels x (1 + 1/4 + ...)) of each image that is treated
at a time; WHOLE for each value of each image that the student sees, which
augmentations and the decoder hold however small the chunk; FLOATS for each
float of the memory; and the student's parameters after each of its steps. WHOLE
and FLOATS are slopes of the axes above, MAPS fits points up to a width of 64;
the largest points, which `--full` adds, are no part of either.
"""
STUDENT = """
On one H200 the step of `cifar10_ipc1_tm` (160 images, 50 student steps, width
128, in a pack) took 1.13 GB, measured. Whatever else of it the formula does not
know counts as MAPS there: {gap} times this processor's.
"""
CHUNKS = """
CIFAR-100 with 50 images a class is 100 classes of 128 decoded images, all in
each student step. With `student_chunk` it fits smaller cards; nine tenths of a
card are counted on, and chunks divide the images. Foretold:
"""
FORETOLD = """
## Foretold: larger sets

A ConvNet of width 128, of depth 3 for 32 pixels, 4 for 64 and 5 for 128. Of
CIFAR-100 and Tiny-ImageNet the presets `cifar100_ipc1_tm` to
`tiny_imagenet_ipc50_tm`: student steps published, all images in each, 15,000
outer steps. Of ImageNet's 1,000 classes what Cui et al. 2023 (arXiv 2211.10586)
give for one image a class and 64 pixels: students of 10 steps on 100 images,
10,000 outer steps; ten and fifty images and 128 pixels take the same here, and
keep Tiny-ImageNet's shares of coefficients. The first row is measured.
"""
HOURS = """
Hours are of outer steps alone, in bfloat16. A run shares references out over
replicas: with r of them a step takes r segments of experts, as long as one on
one card, and averages their gradients. So as many *steps* take as long on any
number of cards, and see r times the segments; as many *segments* take 1/r of
the hours. Whether r segments in one step are worth r steps of one is not
measured, and for 64 unlikely.
"""
ASSUMED = """
What replicas send is the loss and the gradients in the memory and in the
student's step size, once a step, in float32: each sends 2 (r - 1) / r times
their bytes in a ring. Gradients in the memory are dense, whatever the student
saw: with 50 images a class of 1,000 and 128 pixels that is most of a step of
64 cards, and images that no student saw could be left out. Nothing is sent
within a student.

How well the formula of time foretells rows of [RESULTS.md](../RESULTS.md) that
were distilled on an H200. Their minutes hold all of a run, also compiling, and
what else the card was doing: the rows of 1.3 and more shared it
([what mattered](what-mattered.md)).
"""
ASSUMPTIONS = """
What is assumed:

- Time is in proportion to the multiplications of convolutions. Larger batches
  fill a card better than 160 images of 32 pixels do, wider maps use its memory
  more; neither is measured.
- An update streams what FLOATS counts at 3 TB/s. Replicas send at 250 GB/s
  within a machine of 8 cards, and at 25 GB/s among 64. No step of several GPUs
  was measured here: what is exchanged follows from the code.
- FLOATS and WHOLE are those of a processor. XLA plans buffers otherwise.
- Reading experts is hidden behind the step, as it is with CIFAR-10. Experts
  themselves are not counted: an epoch of ImageNet has 25 times the images of
  CIFAR-10, of 4 or 16 times the pixels.
- The computer beside the cards holds the images that a memory begins with as
  float32: 6.3 GB of 128,000 images of 64 pixels, 25 GB of 128 pixels.
"""
SEVERAL = """
## Several networks at once

Experts, and networks that score a set, are trained one after the other. Several
at once, in one step, were tried (`python -m benchmarks.several_at_once`): five
ConvNets, eight steps a call, medians, on two cores that also did other things.

| times as fast as one after the other | 8 pixels | 32 pixels, width 16 both |
|---|---|---|
| a step of each in one graph, operations overlap | 1.44 | 1.26 |
| one after the other, XLA | 0.35 | |
| a step of each in one graph, XLA | 0.38 | |
| stacked weights, convolutions in groups, XLA | 0.30 | |

`tf.vectorized_map` takes no convolution whose kernels differ from turn to turn,
and TensorFlow has gradients of grouped convolutions for processors under XLA
only, whose convolutions there are slow. What one graph gains is what small
networks leave of a second core; wide ones leave nothing (two networks of width
128 side by side take 0.97 times as long, [what mattered](what-mattered.md)).
Weights agree to rounding, not bit for bit, so that a store of experts would
depend on how many were trained at once. No setting does it.

On an accelerator small networks leave most of it idle, and it should pay there;
nobody has measured it. Until then several processes do the same: `python
packs/run.py --processes=5` trains five experts of a pack at a time, in five
times the memory of one. `jax.vmap` cannot stand in for them: JAX has no
batching rule for functions that were lowered, which are what packs hold. On a
GPU the benchmark's sides tell which of them is worth a setting.
"""
