"""Distil an image data set into a few kilobytes, in TensorFlow.

    import fred_tf

    data = fred_tf.load_data("digits")
    print(fred_tf.load_distilled("digits_ipc1").evaluate(data))
    distilled = fred_tf.distill(data, ipc=1)
    distilled.export("exported")

The families of methods are tables by name: `OBJECTIVES`, `PARAMETERIZATIONS`,
`NETWORKS`, `TRANSFORMS`, `CORESETS`, `NORMALIZATIONS`, `FORMS`.
"""

import importlib
import importlib.metadata
import json
import os
import pathlib
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fred_tf import presets as presets
    from fred_tf.config import Config as Config
    from fred_tf.coresets import CORESETS as CORESETS
    from fred_tf.datasets import ImageData as ImageData
    from fred_tf.datasets import Preparation as Preparation
    from fred_tf.datasets import load as load_data
    from fred_tf.distilled_run import DistilledRun as DistilledRun
    from fred_tf.distilled_set import DistilledSet as DistilledSet
    from fred_tf.distilled_set import evaluate as evaluate
    from fred_tf.distilling import distill as distill
    from fred_tf.distilling import train_experts as train_experts
    from fred_tf.foreign import foreign_set as foreign_set
    from fred_tf.forms import FORMS as FORMS
    from fred_tf.networks import NETWORKS as NETWORKS
    from fred_tf.normalizations import NORMALIZATIONS as NORMALIZATIONS
    from fred_tf.objectives import OBJECTIVES as OBJECTIVES
    from fred_tf.parameterizations import PARAMETERIZATIONS as PARAMETERIZATIONS
    from fred_tf.shipped import distilled_sets as distilled_sets
    from fred_tf.shipped import load_distilled as load_distilled
    from fred_tf.synthetic_set import SyntheticSet as SyntheticSet
    from fred_tf.training.evaluation import Evaluation as Evaluation
    from fred_tf.transforms import TRANSFORMS as TRANSFORMS

# The module of each name, and what it is called there. They are loaded when
# they are first used: TensorFlow Datasets, matplotlib and scikit-learn take
# seconds each.
_PLACES = {
    "CORESETS": ("coresets", "CORESETS"),
    "Config": ("config", "Config"),
    "DistilledRun": ("distilled_run", "DistilledRun"),
    "DistilledSet": ("distilled_set", "DistilledSet"),
    "Evaluation": ("training.evaluation", "Evaluation"),
    "FORMS": ("forms", "FORMS"),
    "ImageData": ("datasets", "ImageData"),
    "NETWORKS": ("networks", "NETWORKS"),
    "NORMALIZATIONS": ("normalizations", "NORMALIZATIONS"),
    "OBJECTIVES": ("objectives", "OBJECTIVES"),
    "PARAMETERIZATIONS": ("parameterizations", "PARAMETERIZATIONS"),
    "Preparation": ("datasets", "Preparation"),
    "SyntheticSet": ("synthetic_set", "SyntheticSet"),
    "TRANSFORMS": ("transforms", "TRANSFORMS"),
    "distill": ("distilling", "distill"),
    "distilled_sets": ("shipped", "distilled_sets"),
    "evaluate": ("distilled_set", "evaluate"),
    "foreign_set": ("foreign", "foreign_set"),
    "load_data": ("datasets", "load"),
    "load_distilled": ("shipped", "load_distilled"),
    "presets": ("presets", ""),
    "train_experts": ("distilling", "train_experts"),
}

__all__ = [*_PLACES]

try:
    __version__ = importlib.metadata.version("fred-tf")
except importlib.metadata.PackageNotFoundError:  # A checkout, not installed.
    __version__ = "0+unknown"


def _check_keras() -> None:
    """Refuses a Keras that does not run on TensorFlow, in one line.

    Keras is not loaded for it, which would load matplotlib and scikit-learn.
    """
    if os.environ.get("TF_USE_LEGACY_KERAS", "0").lower() in ("1", "true"):
        raise ImportError(
            "fred_tf needs Keras 3. Received: legacy Keras, switched on by "
            "TF_USE_LEGACY_KERAS. Unset it before Python starts."
        )
    version = getattr(sys.modules.get("keras"), "__version__", "3")
    if version.startswith(("0.", "1.", "2.")):  # It knows no backends.
        raise ImportError(
            f"fred_tf needs Keras 3. Received: Keras {version}, which was "
            "imported before. Install another: pip install 'keras>=3.12'."
        )
    backend = _keras_backend()
    if backend != "tensorflow":
        raise ImportError(
            "fred_tf needs Keras with the backend tensorflow. Received: "
            f"{backend!r}. Set KERAS_BACKEND=tensorflow before Python starts, "
            'or "backend" in ~/.keras/keras.json.'
        )


def _keras_backend() -> str:
    """Returns the backend that Keras has, or would take when it is loaded."""
    if keras := sys.modules.get("keras"):
        return keras.config.backend()
    if named := os.environ.get("KERAS_BACKEND"):
        return named
    home = os.environ.get("KERAS_HOME") or pathlib.Path.home() / ".keras"
    try:
        told = json.loads((pathlib.Path(home) / "keras.json").read_bytes())
        return str(told["backend"])
    except (OSError, ValueError, LookupError, TypeError):
        return "tensorflow"  # What Keras takes where nothing is said.


_check_keras()


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _PLACES[name]
    loaded = importlib.import_module(f"{__name__}.{module}")
    return getattr(loaded, attribute) if attribute else loaded


def __dir__() -> list[str]:
    return sorted({*globals(), *_PLACES})
