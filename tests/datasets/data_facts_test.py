import dataclasses
import json

import pytest

from fred_tf import datasets
from fred_tf.datasets import DataFacts, Split


def test_facts_come_back_from_json(digits):
    facts = digits.facts
    assert DataFacts.from_json(json.loads(json.dumps(facts.to_json()))) == facts
    assert facts.name == "digits" and facts.image_shape == (8, 8, 1)
    assert facts.preparation == {}
    prepared = dataclasses.replace(facts, preparation={"size": 64})
    assert DataFacts.from_json(prepared.to_json()).preparation == {"size": 64}


@pytest.mark.parametrize("part", ["images", "labels"])
def test_each_pixel_and_label_counts(digits, part):
    changed = {k: getattr(digits.train, k).copy() for k in ("images", "labels")}
    changed[part].flat[-1] = 1 - changed[part].flat[-1] % 2
    other = dataclasses.replace(digits, train=Split(**changed)).facts
    assert other.train != digits.facts.train
    assert other == dataclasses.replace(digits.facts, train=other.train)


def test_images_are_digested_once(digits, monkeypatch):
    data = dataclasses.replace(digits)
    facts = data.facts
    monkeypatch.setattr("fred_tf.datasets.image_data.digest", None)
    assert data.facts is facts
    assert dataclasses.replace(data, dataset="x").facts.train == facts.train


def test_a_holdout_is_other_data(digits):
    held = datasets.load("digits", holdout=0.2).facts
    assert held.name != digits.facts.name
    assert {held.train, held.test}.isdisjoint(
        {digits.facts.train, digits.facts.test}
    )
