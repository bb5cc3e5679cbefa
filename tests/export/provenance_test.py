import re

import numpy as np
import pytest

from export.provenance import provenance
from fred_tf.normalizations import Standardize
from fred_tf.synthetic_set import SyntheticSet


def made(**details) -> SyntheticSet:
    return SyntheticSet(
        np.zeros((1, 4, 4, 1)),
        np.zeros(1, int),
        ("one",),
        Standardize((0.5,), (0.5,)),
        "digits",
        16,
        details=details,
    )


def by_a_run(stored, matched, augmentation="none") -> SyntheticSet:
    config = {
        "parameterization": {"name": stored},
        "objective": {"name": matched},
        "augmentation": augmentation,
    }
    return made(config=config)


def cited(synthetic_set) -> list[str]:
    return re.findall(
        r"eprint *= {(.*)}", provenance(synthetic_set)["citation"]
    )


@pytest.mark.parametrize(
    ("method", "identifiers"),
    [
        (("frequency", "trajectory_matching"), "2311.08819 2203.11932"),
        (("idc", "distribution_matching"), "2205.14959 2110.04181"),
        (("haba", "gradient_matching"), "2210.16774 2006.05929"),
        (("pixel", "gradient_matching", "flip"), "2006.05929 2102.08259"),
    ],
)
def test_what_stores_matches_and_augments_is_cited(method, identifiers):
    found = provenance(by_a_run(*method))
    assert cited(by_a_run(*method)) == identifiers.split()
    assert found["homepage"] == f"https://arxiv.org/abs/{identifiers[:10]}"
    assert found["license"].startswith("The images derive from digits")
    assert found["citation"].count("{") == found["citation"].count("}")


@pytest.mark.parametrize(
    "details",
    [
        {},
        {"method": "herding"},
        {"config": "mine"},
        {"config": {"objective": 1}},
    ],
)
def test_what_no_run_made_cites_nothing(details):
    found = provenance(made(**details))
    assert found["citation"] == found["homepage"] == ""
