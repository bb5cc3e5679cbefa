"""Where a distilled set comes from: what to cite, and whose terms apply."""

from collections.abc import Mapping
from typing import Any

from fred_tf.augmentations import SiameseAugmentation
from fred_tf.datasets.dataset_spec import KNOWN, base_name
from fred_tf.datasets.names import without_holdout
from fred_tf.kernels import KERNELS
from fred_tf.objectives import OBJECTIVES
from fred_tf.paper import Paper
from fred_tf.parameterizations import PARAMETERIZATIONS
from fred_tf.settings import Member
from fred_tf.synthetic_set import SyntheticSet

# Sections of a config, the field that names a member, and members that may
# have papers, what stores first.
_CITED: tuple[tuple[str, str, Mapping[str, type[Member]]], ...] = (
    ("parameterization", "name", PARAMETERIZATIONS),
    ("objective", "name", OBJECTIVES),
    ("objective", "kernel", KERNELS),
)


def papers(synthetic_set: SyntheticSet) -> list[Paper]:
    """Returns the papers whose methods made a set, what stores it first.

    Its details say which: their `config` is that of a run. Pixels, real images
    and members of your own have none.
    """
    config = synthetic_set.details.get("config")
    if not isinstance(config, Mapping):
        return []
    cited: list[Paper | None] = []
    for section, field, members in _CITED:
        told = config.get(section)
        name = told.get(field) if isinstance(told, Mapping) else None
        if isinstance(name, str) and name in members:
            cited.append(members[name].paper)
    if config.get("augmentation", "none") != "none":
        cited.append(SiameseAugmentation.paper)
    # A method may have its memory and its objective from one paper.
    return [paper for paper in dict.fromkeys(cited) if paper is not None]


def provenance(synthetic_set: SyntheticSet) -> dict[str, Any]:
    """Returns `citation`, `homepage` and `license`, strings.

    The citation is BibTeX of the methods, then a plain line, which BibTeX
    skips, of the data set if it is in `KNOWN`. The homepage is that of the
    first paper. Both are empty where there is nothing to cite.
    """
    cited = papers(synthetic_set)
    spec = KNOWN.get(base_name(synthetic_set.dataset))
    terms = f": {spec.license}" if spec else ""
    sources = [spec.citation] if spec else []
    first = [f"https://arxiv.org/abs/{paper.arxiv}" for paper in cited[:1]]
    return {
        "citation": "\n\n".join(
            [*(paper.bibtex() for paper in cited), *sources]
        ),
        "homepage": "".join(first),
        "license": (
            "The images derive from "
            f"{without_holdout(synthetic_set.dataset)}, whose terms "
            f"apply{terms}."
        ),
    }


def license_id(dataset: str) -> str:
    """Returns what hubs of data sets call the terms of a source.

    `unknown` where nobody has stated any, or the source is not in `KNOWN`.
    """
    spec = KNOWN.get(base_name(dataset))
    return spec.license_id if spec else "unknown"


def purpose(synthetic_set: SyntheticSet) -> str:
    """Returns the sentence with which every description begins."""
    return (
        f"{len(synthetic_set.images)} synthetic images that stand for the "
        f"training split of {synthetic_set.dataset}."
    )
