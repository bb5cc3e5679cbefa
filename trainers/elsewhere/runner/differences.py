"""Where a pack differs from the same run made with TensorFlow.

Nothing else does: the initial memory, the steps, and what they are made of are
those of `trainers.distill`, `trainers.train_experts` and `trainers.evaluate`.
Each sentence stands here once; `spent.json` lists those that are true of its
pack.
"""

# Of every pack.
_ALWAYS = (
    "XLA compiles everything. Under it the same seeds draw other initial "
    "parameters and augmentations than under TensorFlow, which compiles the "
    "outer steps alone, and these only with `--jit=on` or on a GPU.",
    "Matrix products and convolutions may run in TF32 on GPUs; on CPUs they "
    "are float32.",
)
# Of runs, by the kind of their references.
_DISTILLING = {
    "expert_segments": (
        "The order of images within an epoch of an expert, and the seeds of "
        "their augmentations, come from JAX's generator.",
        "What is left of an epoch and fills no batch is dropped while experts "
        "are trained; with TensorFlow it makes a smaller batch.",
        "Experts are trained for the epochs that segments need, and kept in "
        "float32; with TensorFlow for `experts.epochs`, and kept in "
        "`experts.dtype`.",
        "Experts are drawn with replacement; with TensorFlow every pass over "
        "them takes each once.",
        "The experts of segments, and the epochs that segments start at, come "
        "from JAX's generator.",
    ),
    "class_batches": (
        "Which real images a step sees comes from JAX's generator; they are "
        "as many of each class, drawn without replacement, all the same.",
    ),
}
STEPS = (
    "One device makes all steps. Where `distiller.references_per_step` is 0, a "
    "step takes one reference; with TensorFlow one for each replica.",
    "Twenty steps are measured before the first, to know the usual gradient; "
    "with TensorFlow five.",
    "A run that is lost stops, at the last state from before; with TensorFlow "
    "`--on_divergence` says what it does.",
)
_SCORING = (
    "The order of images in each pass of a network that is scored, and the "
    "seeds of their augmentations, come from JAX's generator; what is left of "
    "a pass makes a smaller batch all the same.",
)
ALL = (
    *_ALWAYS,
    *STEPS,
    *(sentence for kind in _DISTILLING.values() for sentence in kind),
    *_SCORING,
)


def of(about: dict) -> list[str]:
    """Returns those that are true of the pack that `pack.json` describes."""
    if "reference" not in about:
        return [*_ALWAYS, *_SCORING]
    distilling = _DISTILLING[about["reference"]["kind"]]
    return [*_ALWAYS, *STEPS, *distilling, *_SCORING]


def listed(indent: str = "") -> str:
    """Returns all of them as a list, for those who read."""
    return "".join(f"\n{indent}- {sentence}" for sentence in ALL)
