"""Where a distilled set comes from: what to cite, and whose terms apply."""

from collections.abc import Mapping
from typing import Any

from fred_tf.datasets.dataset_spec import KNOWN, base_name
from fred_tf.paper import Paper
from fred_tf.synthetic_set import SyntheticSet

_SIAMESE = Paper(
    "zhao2021siamese",
    "Zhao, Bo and Bilen, Hakan",
    "Dataset Condensation with Differentiable Siamese Augmentation",
    "ICML",
    2021,
    "2102.08259",
)
# By the name of the parameterization or of the objective.
_PAPERS = {
    "frequency": Paper(
        "shin2023frequency",
        "Shin, Donghyeok and Shin, Seungjae and Moon, Il-Chul",
        "Frequency Domain-Based Dataset Distillation",
        "NeurIPS",
        2023,
        "2311.08819",
    ),
    "idc": Paper(
        "kim2022condensation",
        "Kim, Jang-Hyun and Kim, Jinuk and Oh, Seong Joon and Yun, Sangdoo and "
        "Song, Hwanjun and Jeong, Joonhyun and Ha, Jung-Woo and Song, Hyun Oh",
        "Dataset Condensation via Efficient Synthetic-Data Parameterization",
        "ICML",
        2022,
        "2205.14959",
    ),
    "haba": Paper(
        "liu2022factorization",
        "Liu, Songhua and Wang, Kai and Yang, Xingyi and Ye, Jingwen and "
        "Wang, Xinchao",
        "Dataset Distillation via Factorization",
        "NeurIPS",
        2022,
        "2210.16774",
    ),
    "trajectory_matching": Paper(
        "cazenavette2022trajectories",
        "Cazenavette, George and Wang, Tongzhou and Torralba, Antonio and "
        "Efros, Alexei A. and Zhu, Jun-Yan",
        "Dataset Distillation by Matching Training Trajectories",
        "CVPR",
        2022,
        "2203.11932",
    ),
    "distribution_matching": Paper(
        "zhao2023distribution",
        "Zhao, Bo and Bilen, Hakan",
        "Dataset Condensation with Distribution Matching",
        "WACV",
        2023,
        "2110.04181",
    ),
    "gradient_matching": Paper(
        "zhao2021gradient",
        "Zhao, Bo and Mopuri, Konda Reddy and Bilen, Hakan",
        "Dataset Condensation with Gradient Matching",
        "ICLR",
        2021,
        "2006.05929",
    ),
}


def papers(synthetic_set: SyntheticSet) -> list[Paper]:
    """Returns the papers whose methods made a set, what stores it first.

    Its details say which: their `config` is that of a run. Pixels, real images
    and members of your own have none.
    """
    config = synthetic_set.details.get("config")
    if not isinstance(config, Mapping):
        return []
    sections = [config.get(x) for x in ("parameterization", "objective")]
    names = [x.get("name") for x in sections if isinstance(x, Mapping)]
    cited = [paper for name in names if (paper := _paper_of(name))]
    if config.get("augmentation", "none") != "none":
        cited.append(_SIAMESE)
    return cited


def _paper_of(name: Any) -> Paper | None:
    """Returns the paper of a parameterization or an objective by its name."""
    return _PAPERS.get(name)


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
            f"The images derive from {synthetic_set.dataset}, whose terms "
            f"apply{terms}."
        ),
    }


def purpose(synthetic_set: SyntheticSet) -> str:
    """Returns the sentence with which every description begins."""
    return (
        f"{len(synthetic_set.images)} synthetic images that stand for the "
        f"training split of {synthetic_set.dataset}."
    )
