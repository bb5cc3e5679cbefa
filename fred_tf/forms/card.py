"""What makes the README.md of an export a card for a hub of data sets.

Hubs read YAML that stands before the text, as Hugging Face describes it:
https://huggingface.co/docs/hub/datasets-cards.
"""

import json
from collections.abc import Iterator

from fred_tf.datasets.names import without_holdout
from fred_tf.forms.making import config_of
from fred_tf.forms.provenance import license_id
from fred_tf.synthetic_set import SyntheticSet

# Numbers of images, by how many digits they have beyond three.
_SIZES = (
    "n<1K",
    "1K<n<10K",
    "10K<n<100K",
    "100K<n<1M",
    "1M<n<10M",
    "10M<n<100M",
    "100M<n<1B",
)


def front_matter(decoded: SyntheticSet, title: str, mark: str) -> str:
    """Returns what stands before everything else in a card.

    Args:
        decoded: the set.
        title: of the card.
        mark: a line that says what has written it.
    """
    return "\n".join(["---", f"# {mark}", *_lines(decoded, title), "---"])


def _lines(decoded: SyntheticSet, title: str) -> Iterator[str]:
    beyond = max(len(str(len(decoded.images))) - 3, 0)
    yield f"pretty_name: {_quoted(title)}"
    yield f"license: {license_id(decoded.dataset)}"
    yield "task_categories:"
    yield "- image-classification"
    yield "size_categories:"
    yield f"- {_SIZES[min(beyond, len(_SIZES) - 1)]}"
    yield "tags:"
    yield "- dataset-distillation"
    yield f"- {_quoted(without_holdout(decoded.dataset))}"
    if config := config_of(decoded.details):
        yield f"- {config.objective.name}"
        yield f"- {config.parameterization.name}"


def _quoted(text: str) -> str:
    """Returns a text in the quotes of JSON, which YAML reads alike."""
    return json.dumps(text, ensure_ascii=False)
