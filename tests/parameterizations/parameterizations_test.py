"""What both parameterizations promise, then what each adds."""

import keras
import numpy as np
import pytest
import scipy.fft
import tensorflow as tf

from fred_tf.parameterizations import Frequency, Pixel
from fred_tf.parameterizations.frequency_mask import explained_variance_ratio
from fred_tf.transforms import DCT


def make_frequency(instances_per_class=2, **changes):
    settings = {"coefficients_per_channel": 32, **changes}
    return Frequency(
        (8, 8, 1), 10, instances_per_class, Frequency.Settings(**settings)
    )


MEMBERS = {
    "pixel": lambda: Pixel((8, 8, 1), 10, 1),
    "frequency": make_frequency,
    "frequency, whole class, ortho, energy": lambda: make_frequency(
        norm="ortho",
        mask_statistics="whole_class",
        mask_rule="energy",
    ),
    **{
        f"frequency, {name}": lambda name=name: make_frequency(transform=name)
        for name in ("dft", "haar", "identity")
    },
    "frequency, joint": lambda: make_frequency(channels="joint"),
    **{
        f"frequency, {rule}": lambda rule=rule: make_frequency(mask_rule=rule)
        for rule in ("low_frequency", "high_frequency", "random")
    },
}


@pytest.fixture(params=MEMBERS.values(), ids=MEMBERS.keys())
def member(request, digits):
    memory = request.param()
    memory.adapt(digits.train.images, digits.train.labels, seed=0)
    return memory


def test_stores_exactly_the_budget(member):
    assert member.floats_stored == 10 * 8 * 8
    assert len(member.trainable_variables) == 1


def test_labels_are_class_major(member):
    expected = np.repeat(np.arange(10), member.instances_per_class)
    np.testing.assert_array_equal(member.labels, expected)


def test_decodes_any_order_of_indices(member):
    everything = member.decode().numpy()
    some = member(tf.constant([5, 0, 5])).numpy()
    np.testing.assert_allclose(some, everything[[5, 0, 5]], atol=1e-6)
    assert everything.shape == (member.instances, 8, 8, 1)


def test_adapting_is_a_function_of_the_seed(member, digits):
    before = member.decode().numpy()
    member.adapt(digits.train.images, digits.train.labels, seed=1)
    assert np.abs(member.decode().numpy() - before).max() > 0.1
    member.adapt(digits.train.images, digits.train.labels, seed=0)
    np.testing.assert_array_equal(member.decode(), before)


def test_config_round_trip(member):
    config = keras.saving.serialize_keras_object(member)
    again = keras.saving.deserialize_keras_object(config)
    again.set_weights(member.get_weights())
    np.testing.assert_array_equal(again.decode(), member.decode())


def test_checkpoint_round_trip(member, tmp_path):
    state = {"memory": [v.value for v in member.variables]}
    path = tf.train.Checkpoint(**state).save(str(tmp_path / "ckpt"))
    before = member.decode().numpy()
    for variable in member.trainable_variables:
        variable.assign(variable * 0)
    tf.train.Checkpoint(**state).restore(path).assert_consumed()
    np.testing.assert_array_equal(member.decode(), before)


def test_graph_xla_and_stateless_decoding_agree(member):
    expected = member.decode().numpy()
    for jit in (False, True):
        decode = tf.function(member.decode, jit_compile=jit)
        np.testing.assert_allclose(decode(), expected, atol=1e-5)
    stateless, _ = member.stateless_call(
        [v.value for v in member.trainable_variables],
        [v.value for v in member.non_trainable_variables],
        tf.range(member.instances),
    )
    np.testing.assert_allclose(stateless, expected, atol=1e-6)


def test_gradient_reaches_every_stored_float(member, generator):
    weights = generator.normal(size=(member.instances, *member.image_shape))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(member.decode() * weights.astype(np.float32))
    (gradient,) = tape.gradient(loss, member.trainable_variables)
    assert np.count_nonzero(tf.convert_to_tensor(gradient)) > 600


def test_refuses_a_class_with_too_few_images(member, digits):
    chosen = np.flatnonzero(digits.train.labels != 4)
    with pytest.raises(ValueError, match="4"):
        member.adapt(
            digits.train.images[chosen], digits.train.labels[chosen], 0
        )


def test_pixel_starts_from_real_images(digits):
    memory = Pixel((8, 8, 1), 10, 2)
    memory.adapt(digits.train.images, digits.train.labels, seed=0)
    for image, label in zip(memory.decode().numpy(), memory.labels):
        real = digits.train.images[digits.train.labels == label]
        assert (np.abs(real - image).max((1, 2, 3)) < 1e-6).any()


def test_frequency_is_the_inverse_of_masked_coefficients(digits):
    """Against SciPy: images = idctn(M * dctn(real images))."""
    memory = make_frequency(coefficients_per_channel=64)
    memory.adapt(digits.train.images, digits.train.labels, seed=0)
    originals = memory.decode().numpy()
    masked = make_frequency()
    masked.adapt(digits.train.images, digits.train.labels, seed=0)
    planes = scipy.fft.dctn(originals.astype(np.float64), axes=(1, 2))
    planes *= masked.masks[memory.labels][..., None]
    expected = scipy.fft.idctn(planes, axes=(1, 2))
    np.testing.assert_allclose(masked.decode(), expected, atol=1e-5)


def test_masks_hold_exactly_the_kept_entries(generator):
    labels = np.repeat(np.arange(3), 6)
    images = generator.normal(size=(18, 6, 10, 3)).astype(np.float32)
    memory = Frequency(
        (6, 10, 3), 3, 4, Frequency.Settings(coefficients_per_channel=15)
    )
    memory.adapt(images, labels, seed=0)
    assert memory.masks.shape == (3, 6, 10)
    np.testing.assert_array_equal(memory.masks.sum((1, 2)), 15)
    assert memory.decode().shape == (12, 6, 10, 3)


def coloured(generator, count):
    """Grey noise with a little colour: channels are much alike."""
    grey = generator.normal(size=(count, 6, 10, 1))
    colour = 0.2 * generator.normal(size=(count, 6, 10, 3))
    return (grey + colour).astype(np.float32)


def test_joint_channels_are_an_axis_of_the_transform(generator):
    """Against SciPy: images = idctn(M * dctn(real images)) over colours too."""
    labels, images = np.repeat(np.arange(3), 6), coloured(generator, 18)
    size = (6, 10, 3), 3, 4
    whole = Frequency(
        *size, Frequency.Settings(coefficients_per_channel=60, channels="joint")
    )
    whole.adapt(images, labels, seed=0)
    originals = whole.decode().numpy()
    memory = Frequency(
        *size, Frequency.Settings(coefficients_per_channel=15, channels="joint")
    )
    memory.adapt(images, labels, seed=0)
    assert memory.masks.shape == (3, 3, 6, 10)
    np.testing.assert_array_equal(memory.masks.sum((1, 2, 3)), 45)
    planes = scipy.fft.dctn(originals.astype(np.float64), axes=(1, 2, 3))
    planes *= np.moveaxis(memory.masks, 1, -1)[memory.labels]
    expected = scipy.fft.idctn(planes, axes=(1, 2, 3))
    np.testing.assert_allclose(memory.decode(), expected, atol=1e-5)


def test_joint_channels_store_as_much_and_keep_more(generator):
    labels, images = np.repeat(np.arange(3), 6), coloured(generator, 18)
    lost, floats = {}, {}
    for channels in ("separate", "joint"):
        decoded = []
        for kept in (60, 20):
            memory = Frequency(
                (6, 10, 3),
                3,
                4,
                Frequency.Settings(
                    coefficients_per_channel=kept, channels=channels
                ),
            )
            memory.adapt(images, labels, seed=0)
            decoded.append(memory.decode().numpy())
        lost[channels] = np.square(decoded[0] - decoded[1]).mean()
        floats[channels] = memory.floats_stored
    assert floats["joint"] == floats["separate"] == 12 * 20 * 3
    assert lost["joint"] < 0.6 * lost["separate"]


def test_joint_channels_need_a_transform_of_any_length():
    with pytest.raises(ValueError, match="dct.*dft.*identity.*'haar'"):
        Frequency.Settings(channels="joint", transform="haar")


def test_step_sizes_move_joint_channels_as_far_as_separate_ones():
    for transform, gain, colours in (
        ("dct", 6, 3),
        ("dct", 4, 1),
        ("dft", 1, 3),
    ):
        separate, joint = (
            Frequency.step_gain(
                Frequency.Settings(transform=transform, channels=channels),
                (32, 32, colours),
            )
            for channels in ("separate", "joint")
        )
        assert joint == pytest.approx(gain * separate)


def test_official_statistics_are_those_of_the_initial_images(digits):
    memory = make_frequency(coefficients_per_channel=64)
    memory.adapt(digits.train.images, digits.train.labels, seed=0)
    initial = DCT()(memory.decode()).numpy().reshape(10, 2, 8, 8, 1)
    masked = make_frequency()
    masked.adapt(digits.train.images, digits.train.labels, seed=0)
    for label in range(10):
        ratio = explained_variance_ratio(initial[label])
        inside = ratio[masked.masks[label]]
        outside = ratio[~masked.masks[label]]
        assert inside.min() >= outside.max() - 1e-9


def test_voxels_share_the_class(generator):
    images = generator.normal(size=(8, 4, 4, 4, 1)).astype(np.float32)
    memory = Frequency(
        (4, 4, 4, 1), 2, 2, Frequency.Settings(coefficients_per_channel=32)
    )
    memory.adapt(images, np.repeat([0, 1], 4), seed=0)
    assert memory.decode().shape == (4, 4, 4, 4, 1)
    assert memory.floats_stored == 2 * 64


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"coefficients_per_channel": 65}, "8 \\* 8 = 64.*Received: 65"),
        ({"mask_statistics": "all"}, "initial_images.*Received: 'all'"),
        ({"mask_rule": "zigzag"}, "explained_variance.*Received: 'zigzag'"),
        ({"channels": "all"}, "joint.*separate.*Received: 'all'"),
    ],
)
def test_refuses_bad_arguments(changes, message):
    with pytest.raises(ValueError, match=message):
        make_frequency(**changes)


def test_refuses_one_instance_unless_everything_is_kept(digits):
    memory = make_frequency(instances_per_class=1)
    with pytest.raises(ValueError, match="at least 2 instances"):
        memory.adapt(digits.train.images, digits.train.labels, 0)
    whole = make_frequency(instances_per_class=1, coefficients_per_channel=64)
    whole.adapt(digits.train.images, digits.train.labels, 0)
    assert whole.masks.all()
