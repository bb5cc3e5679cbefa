"""A distilled set beside the real images that it stands for.

Programs are given the name of a set that comes with the library, or a folder
`images_float32` of an export.
"""

import contextlib
import pathlib
import sys
import tempfile
from collections.abc import Callable, Iterator

import keras
import numpy as np

import fred_tf
from examples.distilled import Distilled, network
from fred_tf import datasets
from fred_tf.datasets.names import without_holdout


class BesideReal:
    """What an example compares, all of it normalised alike.

    Attributes:
        distilled: the distilled set.
        labels: int64 `[n]`, of all real training images.
        classes: number of classes.
    """

    def __init__(self, folder: str, real: datasets.ImageData):
        self.distilled = Distilled(folder)
        self.labels = real.train.labels.astype(np.int64)
        self.classes = real.classes
        self._real = real

    def train(self, rows=slice(None)) -> tuple[np.ndarray, np.ndarray]:
        """Returns real training images, all or of these rows, and labels."""
        images = self.distilled.normalize(self._real.train.images[rows])
        return images, self.labels[rows]

    def fresh(self) -> keras.Model:
        """Returns an untrained network, the same each time."""
        keras.utils.set_random_seed(0)
        return network(self.distilled.images.shape[1:], self.classes)

    def accuracy(self, model: keras.Model) -> float:
        """Returns the share of real test images that are classified rightly."""
        test = self._real.test
        images = self.distilled.normalize(test.images)
        return float(model.evaluate(images, test.labels, 500, verbose=0)[1])


@contextlib.contextmanager
def images_of(given: str) -> Iterator[str]:
    """Yields the folder `images_float32` of what a program is given."""
    if pathlib.Path(given).exists():
        yield given
        return
    if pathlib.Path(given).name != given:
        sys.exit(f"There is no folder {given}. Write one: python -m export.")
    distilled = fred_tf.load_distilled(given)
    with tempfile.TemporaryDirectory() as folder:
        (path,) = distilled.export(folder, ["images_float32"])
        yield str(path)


def main(run: Callable[[BesideReal], dict[str, float]]) -> None:
    """Prints what an example finds; see its docstring for the command."""
    if not 1 <= len(sys.argv[1:]) <= 2:
        sys.exit(
            "An example takes the name of a set, such as digits_ipc1, or a "
            "folder images_float32, and perhaps where the data are. Received: "
            f"{sys.argv[1:]}."
        )
    given, *data_dir = sys.argv[1:]
    with images_of(given) as folder:
        distilled = Distilled(folder)
        real = datasets.load(
            without_holdout(distilled.dataset),
            *data_dir,
            holdout=distilled.holdout,
            preparation=datasets.Preparation.of(distilled.preparation),
        )
        for name, accuracy in run(BesideReal(folder, real)).items():
            print(f"{name}: {100 * accuracy:.1f} % test accuracy")
