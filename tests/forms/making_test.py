"""What details tell of a set; those of others may tell anything."""

import numpy as np
import pytest

import fred_tf
from fred_tf import config, presets
from fred_tf.datasets import Preparation
from fred_tf.datasets.names import with_holdout
from fred_tf.forms import making
from fred_tf.normalizations import Standardize
from fred_tf.synthetic_set import SyntheticSet

CONFIG = config.to_json(presets.preset("digits_ipc1_dm_tiny"))
ENTRY = {
    "network": {"name": "convnet", "width": 8},
    "convolutions": "float32",
    "augmentation": "flip",
    "evaluation": {"epochs": 1500},
    "accuracies": [0.89, 0.91],
}
DATA = {"image_shape": [8, 8, 1], "tested_on": "test"}


def told(dataset="digits", class_names=("one",), **details) -> str:
    """Returns what is said of the worth of a set with these details."""
    decoded = SyntheticSet(
        np.zeros([1, 4, 4, 1]),
        np.zeros(1, int),
        class_names,
        Standardize((0.5,), (0.5,)),
        dataset,
        16,
        details=details,
    )
    return "\n".join(making.worth(decoded, "images.npz"))


def test_networks_are_told_with_their_training():
    (found,) = making.accuracies({"evaluations": [ENTRY]}, 0.02)
    assert found.evaluation.accuracies == (0.89, 0.91)
    assert found.form == ""
    assert found.networks == (
        "2 of convnet (width 8); 1,500 epochs in batches of 256, sgd, step "
        "size 0.02, a tenth of it after half of the epochs, momentum 0.9, "
        "weight decay 0.0005; augmentation flip"
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"evaluation": {"learning_rate": 0.5}}, "step size 0.5"),
        ({"evaluation": {"loss": "squared"}}, "; loss squared"),
        ({"evaluation": {"augmentation": "cutout"}}, "; augmentation cutout"),
        ({"convolutions": "bfloat16"}, "; convolutions in bfloat16"),
        ({"norm_layout": "pieces"}, "; norm layout pieces"),
        ({"evaluation": {"views": "one"}}, "1,000 epochs of one view of what"),
        ({"evaluation": {"by": "kernel"}}, "kernel regression"),
        ({"networks": 20}, "2, where 20 were asked for, of convnet ("),
    ],
)
def test_what_is_not_usual_is_told(changes, words):
    (found,) = making.accuracies({"evaluations": [{**ENTRY, **changes}]})
    assert words in found.networks


def test_that_of_its_own_network_comes_first():
    other = {**ENTRY, "network": {"name": "lenet"}, "accuracies": [0.5]}
    told = {"evaluations": [other, ENTRY]}
    for more, first in (({}, "lenet"), ({"config": CONFIG}, "convnet")):
        found = making.accuracies({**told, **more})
        assert [len(found), found[0].network] == [2, first]


def test_who_does_not_say_how_networks_were_trained_is_not_believed():
    old = {**ENTRY, "evaluation": None}
    details = {"evaluations": [old, {"accuracies": [17]}]}
    (found,) = making.stated(details)
    assert found.networks == "" and found.evaluation.mean == 0.9
    assert making.accuracies(details) == []
    assert told(**details).startswith(f"Not known: {making.UNTOLD}. `fred_tf")


def test_accuracies_of_the_same_training_stand_together():
    form = {**ENTRY, "form": "coefficients_int8"}
    other = {**ENTRY, "augmentation": "none", "accuracies": [0.5]}
    text = told(evaluations=[ENTRY, other], this_form=form)
    assert text.count("Test accuracy of what was") == 2
    assert "\n- 90.0 ± 1.0 %: decoded floats, `coefficients_int8`\n" in text
    assert "\n- 50.0 %: decoded floats" in text
    held = {**DATA, "tested_on": "validation"}
    text = told(evaluations=[ENTRY], data=held)
    assert "Test accuracy on the validation split of what" in text


@pytest.mark.parametrize(
    "entry",
    [
        5,
        {},
        {**ENTRY, "accuracies": []},
        {**ENTRY, "accuracies": [17.5]},
        {**ENTRY, "network": "convnet"},
        {**ENTRY, "evaluation": {"epochs": -1}},
        {**ENTRY, "evaluation": {"unheard_of": 1}},
        {**ENTRY, "augmentation": None},
        {**ENTRY, "form": ["a"]},
    ],
)
def test_what_is_no_evaluation_is_passed_over(entry):
    assert making.accuracies({"evaluations": [entry], "this_form": entry}) == []
    text = told(evaluations=[entry, ENTRY])
    assert text.count("Test accuracy") == 1


@pytest.mark.parametrize("details", [{}, {"evaluations": "all", "config": 3}])
def test_nothing_is_assumed(details):
    assert told(**details).startswith("Not known: nobody had evaluated the set")
    assert "```" not in told(**details)
    assert list(making.making(details, 10)) == ["Not stated."]
    assert making.commands(details, 10) == []
    assert making.method(details) == ""
    assert "load_data('digits')" in told(config=CONFIG)


def test_how_a_run_made_it_is_told():
    details = {"config": CONFIG, "data": DATA, "outer_steps": 2}
    said, command = making.making(details, 10)
    assert said.startswith("By distribution matching with FreD (objective")
    assert said.endswith(": 2 of 3 outer steps, seed 0.")
    assert command == (
        "```sh\npython -m trainers.distill --preset=digits_ipc1_dm_tiny "
        "--run_dir=run\n```"
    )
    _, begun, _ = making.making({**details, "began_after": 9}, 10)
    assert begun == (
        "It began with the memory of another run, unlike what follows."
    )


def test_experts_are_trained_before():
    needing = config.to_json(presets.preset("digits_ipc1_tm"))
    experts, distill = making.commands({"config": needing, "data": DATA}, 10)
    assert experts == (
        "python -m trainers.train_experts --preset=digits_ipc1_tm "
        "--expert_dir=experts"
    )
    assert distill.endswith(" --expert_dir=experts --run_dir=run")


def test_overrides_are_quoted_and_stay_in_their_line():
    cats = {**CONFIG, "dataset": "folder:my cats"}
    (found,) = making.commands({"config": cats, "data": DATA}, 10)
    assert " --override 'dataset=folder:my cats' " in found
    lines = {**CONFIG, "preparation": {"classes": "a\n```\nb"}}
    assert making.commands({"config": lines, "data": DATA}, 10) == []


def test_a_method_of_others_is_told_as_words():
    assert list(making.making({"method": "<b>random"}, 10)) == ["By  b random."]
    assert making.method({"method": 5}) == ""


@pytest.mark.parametrize("source", ["digits", "arrays"])
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {}),
        ({"holdout": 0.5}, {"holdout": 0.5}),
        ({"normalization": "zca"}, {"normalization": "zca"}),
        (
            {"preparation": {"image_size": 6, "colour": "rgb"}},
            {"preparation": Preparation(6, colour="rgb")},
        ),
    ],
)
def test_data_are_loaded_as_its_run_did(source, changes, expected, monkeypatch):
    """Others are another set, or none that it can be scored on."""
    made = config.to_json(presets.preset("digits_ipc1_dm_tiny"))
    made = {**made, "dataset": source, **changes}
    names, asked = ("MARKETPLACE", "DATA"), []
    called = with_holdout(source, made["holdout"])
    text = told(called, names, config=made)
    code = text.partition("```python\n")[2].partition("```")[0]
    monkeypatch.setattr(fred_tf, "evaluate", lambda *_: None)
    monkeypatch.setattr(
        fred_tf, "load_data", lambda *a, **k: asked.append((a, k))
    )
    arrays = [f"{a}{b}" for a in ("", "test_") for b in ("images", "labels")]
    exec(code, dict.fromkeys(arrays))
    ((given, more),) = asked
    if source == "arrays":
        assert more.pop("class_names") == list(names)
    else:
        assert given == ("digits",)
    assert more == expected


@pytest.mark.parametrize("names", [("0", "1"), ("a", 'b"')])
def test_no_name_loads_arrays(names, monkeypatch):
    """Neither the code that scores a set nor a command asks for one."""
    arrays = {**CONFIG, "dataset": "arrays"}
    text = told("arrays", names, config=arrays)
    assert "load_data('arrays')" not in text
    code = text.partition("```python\n")[2].partition("```")[0]
    images, given = np.zeros([2, 8, 8, 1], np.uint8), []
    images[1] = 9
    pair = {"images": images, "labels": np.array([0, 1])}
    monkeypatch.setattr(fred_tf, "evaluate", lambda *a: given.append(a))
    exec(code, {**pair, **{f"test_{k}": v for k, v in pair.items()}})
    ((place, data),) = given
    assert place == "images.npz" and data.class_names == names
    assert making.commands({"config": arrays, "data": DATA}, 10) == []
    assert "```" not in "".join(
        making.making({"config": arrays, "data": DATA, "outer_steps": 3}, 10)
    )
