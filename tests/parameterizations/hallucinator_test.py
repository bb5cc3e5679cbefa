import dataclasses

import numpy as np
import pytest

import fred_tf
from fred_tf import assembly, config, presets, seeds
from fred_tf.objectives import OBJECTIVES
from fred_tf.objectives.diversity import Diversity
from fred_tf.optimizers import SGD
from fred_tf.optimizers.group import check_groups
from fred_tf.parameterizations import Hallucinator


def convolved(image, kernel):
    """A valid convolution, from its definition."""
    size = kernel.shape[0]
    rows, columns = (s - size + 1 for s in image.shape[:2])
    out = np.zeros((rows, columns, kernel.shape[-1]))
    for r, c in np.ndindex(rows, columns):
        window = image[r : r + size, c : c + size]
        out[r, c] = np.tensordot(window, kernel, 3)
    return out


def transposed(image, kernel):
    """Every pixel adds its multiple of the kernel; outputs before inputs."""
    size = kernel.shape[0]
    rows, columns, _ = image.shape
    out = np.zeros((rows + size - 1, columns + size - 1, kernel.shape[2]))
    for r, c in np.ndindex(rows, columns):
        out[r : r + size, c : c + size] += kernel @ image[r, c]
    return out


@pytest.fixture
def memory(generator):
    memory = Hallucinator(
        (5, 6, 3), 2, 4, Hallucinator.Settings(hallucinators=2)
    )
    images = generator.normal(size=(12, 5, 6, 3)).astype(np.float32)
    memory.adapt(images, np.arange(12) % 2, seed=0)
    for weight in memory.style:
        weight.assign(generator.normal(size=weight.shape))
    return memory


def test_decodes_like_numpy(memory):
    style = [weight.numpy().astype(np.float64) for weight in memory.style]
    expected = []
    for basis in memory.bases.numpy().astype(np.float64):
        for parts in zip(*style):
            kernel, bias, scale, shift, kernel_out, bias_out = parts
            inner = scale * (convolved(basis, kernel) + bias) + shift
            expected.append(transposed(inner, kernel_out) + bias_out)
    np.testing.assert_allclose(memory.decode(), expected, atol=1e-4)


def test_counts_hallucinators_in_the_budget():
    one = Hallucinator((32, 32, 3), 10, 5)
    assert one.floats_stored == 10 * 3072 + 27_840
    settings = Hallucinator.Settings()
    within = Hallucinator.instances_within
    assert within(settings, (32, 32, 3), 10, 2) == 5
    assert within(settings, (32, 32, 3), 10, 10) == 45
    with pytest.raises(ValueError, match=r"`ipc` 1 \(30,720.*27,840.*30,720"):
        within(settings, (32, 32, 3), 10, 1)
    grey = Hallucinator.Settings(hallucinators=3, basis_channels=1)
    memory = Hallucinator.within_budget(grey, (32, 32, 3), 10, 1)
    assert memory.instances_per_class == 3
    assert memory.floats_stored <= 30_720


def test_grey_bases_are_channel_means(generator):
    memory = Hallucinator(
        (4, 4, 3),
        1,
        2,
        Hallucinator.Settings(hallucinators=2, basis_channels=1),
    )
    images = generator.normal(size=(1, 4, 4, 3)).astype(np.float32)
    memory.adapt(images, np.zeros(1, int), seed=0)
    np.testing.assert_allclose(memory.bases[..., 0], images.mean(-1), atol=1e-6)


def test_pairs_are_two_hallucinators_of_every_basis():
    memory = Hallucinator(
        (4, 4, 1), 3, 10, Hallucinator.Settings(hallucinators=5, decode="pair")
    )
    seen = set()
    for seed in range(60):
        drawn = memory.drawn(seeds.named(seed)).numpy().reshape(6, 2)
        assert (drawn // 5 == np.arange(6)[:, None]).all()
        assert (drawn[:, 0] != drawn[:, 1]).all()
        seen |= {tuple(pair) for pair in drawn % 5}
    assert len(seen) == 20
    np.testing.assert_array_equal(
        Hallucinator((4, 4, 1), 3, 10).drawn(seeds.named(0)), np.arange(30)
    )


def test_refuses_voxels_and_small_images():
    for shape in ((4, 4, 4, 1), (2, 8, 1)):
        with pytest.raises(ValueError, match="at least 3 x 3. Received"):
            Hallucinator(shape, 2, 5)


@pytest.mark.slow
@pytest.mark.parametrize("decode", ["all", "pair", "one"])
def test_distils_beside_its_extractor_and_resumes(decode, digits, tmp_path):
    settings = config.replace(
        presets.preset("digits_ipc1_dm_tiny"),
        {
            "ipc": 3,
            "augmentation": "crop",
            "parameterization.name": "haba",
            "parameterization.hallucinators": 3,
            "parameterization.decode": decode,
        },
    )

    def make():
        distiller = assembly.distiller(settings, digits)
        assembly.adapt(distiller.parameterization, digits, 0)
        return distiller

    one = make()
    assert isinstance(one.objective, Diversity)
    before = one.objective.extractor.numpy()
    losses = [one()["loss"] for _ in range(3)]
    assert np.linalg.norm(one.objective.extractor - before) > 0
    path = one.checkpoint.save(str(tmp_path / "checkpoint"))
    losses += [one()["loss"] for _ in range(27)]
    assert np.mean(losses[-8:]) < np.mean(losses[:8])
    other = make()
    other.checkpoint.restore(path).assert_consumed()
    assert [other()["loss"] for _ in range(5)] == losses[3:8]


def test_without_weight_there_is_no_extractor():
    memory = Hallucinator(
        (8, 8, 1), 10, 5, Hallucinator.Settings(diversity_weight=0)
    )
    objective = object()
    assert memory.complete(objective) is objective


def settings_of(*changes):
    return config.override(
        presets.preset("digits_ipc2_haba_tiny"),
        ["objective.name=distribution_matching", "augmentation=crop", *changes],
    )


def test_one_hallucinator_at_a_step_is_drawn_by_the_objective(digits):
    memory = Hallucinator((8, 8, 1), 10, 5, Hallucinator.Settings(decode="one"))
    np.testing.assert_array_equal(memory.drawn(seeds.named(0)), range(50))
    assert memory.views == 5
    seen, objective = set(), assembly.objective(settings_of(), digits, None)
    assert memory.complete(objective).objective is objective
    for seed in range(40):
        used = objective.used(50, seeds.named(seed)).numpy()
        np.testing.assert_array_equal(used // 5, range(10))
        assert len(set(used % 5)) == 1
        seen.add(used[0] % 5)
    assert seen == {0, 1, 2, 3, 4}


def test_hallucinators_move_by_a_step_size_of_their_own(digits):
    """And by that of the bases where none is given."""
    for rate, names in (
        (0.0, {"memory": 7}),
        (2.0, {"memory": 1, "hallucinators": 6}),
    ):
        changed = settings_of(f"hallucinator_learning_rate={rate}")
        memory = assembly.parameterization(changed, (8, 8, 1), 10)
        groups = memory.groups(SGD(0.95))
        assert {group.name: len(group.weights) for group in groups} == names
        assert groups[-1].rate == (rate or None)
        check_groups(groups, memory.trainable_weights, "memory")


def test_a_run_knows_the_views_and_its_exports_too(digits, tmp_path):
    changed = settings_of("outer_steps=1", "network.name=mlp")
    made = fred_tf.distill(digits, changed, progress=False)
    assert made.decoded.views == 5 and len(made.images) == 50
    for path in made.export(tmp_path, ["images_float32", "images_png"]):
        assert fred_tf.DistilledSet.load(path).decoded.views == 5


@pytest.mark.parametrize(
    ("shape", "ipc", "count", "way_out", "settings"),
    [
        (
            (32, 32, 3),
            1,
            5,
            r"Take `basis_channels` 1 with `hallucinators` 2, or raise",
            {"basis_channels": 1, "hallucinators": 2},
        ),
        (
            (32, 32, 3),
            1,
            2,
            "Take `basis_channels` 1, or",
            {"basis_channels": 1},
        ),
        ((8, 8, 1), 2, 20, "Take at most 6 `halluc", {"hallucinators": 6}),
        ((8, 8, 1), 1, 5, r"\(640\). Raise `ipc`", {}),
    ],
)
def test_what_is_said_to_fit_does(shape, ipc, count, way_out, settings):
    asked = Hallucinator.Settings(hallucinators=count)
    with pytest.raises(ValueError, match=way_out):
        Hallucinator.instances_within(asked, shape, 10, ipc)
    fitting = dataclasses.replace(asked, **settings)
    raised = ipc if settings else 2
    assert Hallucinator.instances_within(fitting, shape, 10, raised) >= 2


@pytest.mark.parametrize("ipc", [1, 2, 10])
def test_more_hallucinators_than_images_do_not_fit(ipc):
    """Each takes more floats than an image."""
    for preset in ("digits_ipc2_haba_tiny", "cifar10_ipc2_haba_cpu"):
        with pytest.raises(ValueError, match="must hold `hallucinators`"):
            config.override(
                presets.preset(preset),
                [f"ipc={ipc}", f"hallucinators={10 * ipc}"],
            )
    with pytest.raises(ValueError, match="multiple of `hallucinators`"):
        Hallucinator(
            (8, 8, 1), 10, ipc, Hallucinator.Settings(hallucinators=11)
        )


@pytest.mark.parametrize(
    ("decode", "seen"), [("all", 50), ("pair", 20), ("one", 10)]
)
def test_student_chunks_divide_the_views_of_a_step(decode, seen):
    preset = presets.preset("digits_ipc2_haba_tiny")
    memory = Hallucinator.within_budget(
        Hallucinator.Settings(decode=decode), (8, 8, 1), 10, preset.ipc
    )
    drawn = len(memory.drawn(seeds.named(0)))
    assert seen == (drawn // 5 if decode == "one" else drawn)
    config.override(preset, [f"decode={decode}", f"student_chunk={seen // 2}"])
    with pytest.raises(ValueError, match=rf"of a student step \({seen}\)"):
        config.override(preset, [f"decode={decode}", "student_chunk=3"])


@pytest.mark.slow
@pytest.mark.parametrize("decode", ["all", "pair", "one"])
def test_matches_trajectories_by_itself(decode, digits, tmp_path):
    changed = config.override(
        presets.preset("digits_ipc2_haba_tiny"), [f"decode={decode}"]
    )
    fred_tf.train_experts(digits, changed, tmp_path / "e")
    made = fred_tf.distill(
        digits, changed, experts=tmp_path / "e", progress=False
    )
    assert 0 < made.evaluate(digits).mean < 1


@pytest.mark.slow  # Matching of distributions is not, above.
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_one_hallucinator_at_a_step_suits_every_objective(
    objective, digits, tmp_path
):
    """And every step moves bases and hallucinators."""
    labels = "scores" if objective == "feature_regression" else "fixed"
    changed = settings_of(
        f"objective.name={objective}",
        f"parameterization.labels={labels}",
        *["label_learning_rate=0.01"] * (labels == "scores"),
        *["ipc=4", "memory_learning_rate=0.001", "hallucinators=3"],
        *["max_start_epoch=1", "expert_epochs=1"]
        * OBJECTIVES[objective].needs_experts,
    )
    if OBJECTIVES[objective].needs_experts:
        fred_tf.train_experts(digits, changed, tmp_path / "experts")
    distiller = assembly.distiller(changed, digits, tmp_path / "experts")
    distiller.adapt(digits.normalized_train, digits.train.labels)
    memory = distiller.parameterization
    before = [w.numpy() for w in (memory.bases, *memory.style)]
    assert distiller()["trouble"] == 0
    for old, new in zip(before, (memory.bases, *memory.style)):
        assert np.any(old != new)
