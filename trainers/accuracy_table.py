"""Accuracies of several networks, on test images of several kinds."""

import numpy as np

from fred_tf.datasets import corruptions
from fred_tf.datasets.data_facts import TEST, on_split
from fred_tf.training.evaluation import Evaluation


def table(
    own: str, results: dict[str, Evaluation], tested_on: str = TEST
) -> str:
    """Returns the accuracies as Markdown.

    Args:
        own: the network that the set was distilled with.
        results: evaluations by network.
        tested_on: what stands for the test split.
    """
    others = list(next(iter(results.values())).corrupted)
    corrupted = set(others) & set(corruptions.CORRUPTIONS)
    clean = f"clean{on_split(tested_on)}"
    names = [clean, *others, *(["mean of corrupted"] if corrupted else [])]
    lines = [
        f"| trained | {' | '.join(names)} |",
        "|---|" + "---|" * len(names),
    ]
    for network, result in results.items():
        cells = [result, *result.corruptions.values()]
        if corrupted:
            by_network = corruptions.means(result.corrupted)
            cells.append(Evaluation(by_network, result.learning_rate))
        lines.append(f"| {network} | {' | '.join(map(str, cells))} |")
    unseen = [result.mean for name, result in results.items() if name != own]
    if unseen:
        lines += ["", f"Mean of the unseen ones: {100 * np.mean(unseen):.1f} %"]
    return "\n".join(lines)
