"""Cards for hubs: what their first lines say, and that it is the run's."""

import dataclasses
import json
import re

import pytest

from export import exporting
from fred_tf import config, forms, presets
from fred_tf.coresets import random_set
from fred_tf.forms import card as card_lib
from fred_tf.forms import readme
from fred_tf.presets import fitting
from fred_tf.scoring import score
from tests.docs.commands_test import overridden, values
from tests.docs.pages import commands


def front_matter(text: str) -> dict[str, str | list[str]]:
    """Returns what stands before a card: `key: value`, or `- item` below."""
    beginning, head, _ = re.split("^---\n", text, maxsplit=2, flags=re.M)
    assert beginning == ""
    found, key = {}, ""
    for line in head.splitlines():
        if line.startswith("#"):
            continue
        if line.startswith("- "):
            found[key] = [*(found[key] or []), unquoted(line[2:])]
        else:
            key, separator, value = line.partition(":")
            assert separator and key not in found
            found[key] = unquoted(value.strip())
    return found


def unquoted(value: str) -> str:
    return json.loads(value) if value.startswith('"') else value


@pytest.fixture(scope="module")
def card(run, digits, tmp_path_factory):
    """The card of a measured export, and its folder."""
    folder = tmp_path_factory.mktemp("card")
    exporting.run(run, folder, ["coefficients_int8"], digits, card=True)
    return (folder / readme.NAME).read_text(), folder


def test_what_is_held_out_is_no_other_source(digits):
    """Neither its licence nor its tag."""
    chosen = random_set(digits, 1, seed=0)
    held = dataclasses.replace(chosen, dataset="digits, holdout 0.2")
    heads = (card_lib.front_matter(x, "a", "b") for x in (chosen, held))
    assert len(set(heads)) == 1


def test_its_first_lines_are_what_hubs_read(card):
    assert front_matter(card[0]) == {
        "pretty_name": "digits, distilled",
        "license": "cc-by-4.0",
        "task_categories": ["image-classification"],
        "size_categories": ["n<1K"],
        "tags": [
            "dataset-distillation",
            "digits",
            "distribution_matching",
            "frequency",
        ],
    }


def test_its_first_lines_are_yaml(card):
    yaml = pytest.importorskip("yaml", reason="needs `pip install PyYAML`")
    _, head, _ = card[0].split("---\n", 2)
    assert yaml.safe_load(head) == front_matter(card[0])


def test_its_facts_are_those_of_the_run(card, run, digits):
    text, folder = card
    read = forms.read(folder / "coefficients_int8")
    found = score(run.config, read, digits)
    assert f"\n- {found.cell} %: " in text
    own = run.config.evaluation
    assert f"once, at the end: {own.networks} of mlp (" in text
    assert f"; {own.epochs} epochs in batches of {own.batch_size}, sgd" in text
    assert (
        "By distribution matching with FreD (objective `distribution_matching`,"
        f" memory `frequency`): {run.step} outer steps, seed 0."
    ) in text
    for told in (" images of shape", " floats stored", "whose terms apply"):
        assert text.count(told) == 1


def test_its_command_asks_for_the_settings_of_the_run(card, run):
    """As far as they are recorded, which is what makes the run anew."""
    (words,) = commands(card[1] / readme.NAME)
    assert words[:3] == ["python", "-m", "trainers.distill"]
    (preset,) = [x.partition("=")[2] for x in words if "--preset" in x]
    assert preset == "digits_ipc1_dm_tiny"
    assert "network.name" in overridden(words)
    asked = config.override(presets.preset(preset), values(words, "--override"))
    shape = run.facts.image_shape
    asked = config.resolved(fitting.sized(asked, shape), shape)
    assert asked == run.config


def test_without_an_evaluation_it_says_how_to_make_one(
    run, digits, tmp_path, monkeypatch, capsys
):
    exporting.run(run, tmp_path, ["coefficients_int8"], card=True)
    text = (tmp_path / readme.NAME).read_text()
    assert "Not known: nobody had evaluated the set" in text
    assert " %" not in text.partition("## What is here")[0]
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"## Acc.*?```python\n(.*?)```", text, re.DOTALL)
    exec(code, {})
    assert capsys.readouterr().out.endswith(" %\n")


def test_a_card_is_the_readme_with_other_first_lines(run, tmp_path):
    """And each replaces the other."""
    bodies = []
    for card in (False, True, False):
        exporting.run(run, tmp_path, ["gallery"], card=card)
        text = (tmp_path / readme.NAME).read_text()
        head, _, body = text.partition("\n# digits, distilled\n")
        assert head.startswith("---\n" if card else "<!-- Written by fred_tf")
        bodies.append(body)
    assert bodies[0] and bodies == bodies[:1] * 3


def test_names_of_others_stay_within_their_quotes(run):
    odd = dataclasses.replace(
        run.synthetic_set(), dataset='a: "b"\n---\nlicense: mit', details={}
    )
    found = front_matter(card_lib.front_matter(odd, odd.dataset, "") + "\n")
    assert found["license"] == "unknown"
    assert found["tags"] == ["dataset-distillation", odd.dataset]
    assert found["pretty_name"] == odd.dataset


@pytest.mark.parametrize(
    ("images", "size"),
    [(999, "n<1K"), (1000, "1K<n<10K"), (50_000, "10K<n<100K")],
)
def test_sizes_are_those_that_hubs_know(run, images, size):
    decoded = run.synthetic_set()
    many = dataclasses.replace(
        decoded,
        images=decoded.images[:1].repeat(images, 0),
        labels=decoded.labels[:1].repeat(images),
    )
    head = front_matter(card_lib.front_matter(many, "many", "") + "\n")
    assert head["size_categories"] == [size]
