import re

import numpy as np
import pytest

from fred_tf.datasets.dataset_spec import KNOWN
from fred_tf.datasets.names import with_holdout
from fred_tf.forms.provenance import license_id, provenance
from fred_tf.normalizations import Standardize
from fred_tf.synthetic_set import SyntheticSet


def made(dataset="digits", **details) -> SyntheticSet:
    return SyntheticSet(
        np.zeros((1, 4, 4, 1)),
        np.zeros(1, int),
        ("one",),
        Standardize((0.5,), (0.5,)),
        dataset,
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
        # Once, where it is of both.
        (("idc", "trained_gradient_matching"), "2205.14959"),
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
    ("kernel", "identifiers"),
    [
        ("fully_connected", "2011.00050"),
        ("random_features", "2011.00050 2210.12067"),
        ("mine", "2011.00050"),
        (["fully_connected"], "2011.00050"),
    ],
)
def test_the_kernel_of_kernel_regression_is_cited(kernel, identifiers):
    one = by_a_run("pixel", "kernel_ridge")
    one.details["config"]["objective"]["kernel"] = kernel
    assert cited(one) == identifiers.split()


@pytest.mark.parametrize(
    "details",
    [
        {},
        {"method": "herding"},
        {"config": "mine"},
        {"config": {"objective": 1}},
    ],
)
def test_what_no_run_made_cites_no_method(details):
    found = provenance(made(**details))
    assert found["citation"] == KNOWN["digits"].citation
    assert found["homepage"] == ""


@pytest.mark.parametrize(
    ("dataset", "citation", "terms"),
    [
        ("mnist", "LeCun", "Attribution-ShareAlike 3.0"),
        ("fashion_mnist", "1708.07747", "MIT"),
        ("svhn_cropped", "Netzer", "non-commercial"),
        ("cifar10:3.0.2", "Krizhevsky 2009", "state no licence"),
        ("cifar100", "Krizhevsky 2009", "cite their report"),
        ("digits", "Alpaydin", "Attribution 4.0"),
    ],
)
def test_a_known_source_is_cited_and_its_licence_named(
    dataset, citation, terms
):
    found = provenance(made(dataset))
    assert citation in found["citation"]
    start = f"The images derive from {dataset}, whose terms apply: "
    assert found["license"].startswith(start)
    assert terms in found["license"]
    assert found["license"].endswith(".")


def test_every_known_source_is_cited_after_the_methods():
    for name, spec in KNOWN.items():
        config = {"parameterization": {"name": "frequency"}}
        method, source = provenance(made(name, config=config))[
            "citation"
        ].split("\n\n")
        assert method.startswith("@inproceedings{shin2023frequency")
        assert source == spec.citation


def test_what_is_held_out_changes_no_terms():
    for share in (0.25, 0.00001):
        held = made(with_holdout("digits", share))
        assert provenance(held) == provenance(made("digits"))
        assert license_id(held.dataset) == license_id("digits") == "cc-by-4.0"


@pytest.mark.parametrize("dataset", ["folder:digits", "mine", "cifar10_mine"])
def test_the_terms_of_an_unknown_source_apply(dataset):
    found = provenance(made(dataset))
    assert found["citation"] == ""
    assert found["license"] == (
        f"The images derive from {dataset}, whose terms apply."
    )
