"""Train, evaluate, explain and save CIFAR-10 image classifiers, from Python and from R.

Importing pycifar loads neither TensorFlow nor Keras: each name below loads what it needs when it
is first used.

    >>> import pycifar
    >>> dataset = pycifar.load_dataset("synthetic", n_train=500, n_test=100)
    >>> model = pycifar.train(dataset, "cnn2", epochs=2, seed=1, verbose=0)
    >>> 0 <= pycifar.evaluate(model, dataset).accuracy <= 1
    True
"""

from __future__ import annotations

import importlib
import os
import platform
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# TensorFlow reads this variable once, while it is imported. Without it, TensorFlow uses oneDNN's
# kernels only on processors with AVX512-VNNI or newer. On other x86 processors, training takes up
# to twice as long without these kernels.
if platform.machine() in ("x86_64", "AMD64"):
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

if TYPE_CHECKING:
    from pycifar.architectures import build_model, list_architectures
    from pycifar.calibration import calibrate
    from pycifar.card import write_model_card
    from pycifar.datasets import Dataset, Split, clear_cache, explore, load_dataset
    from pycifar.datasets.augmentation import Augmentation
    from pycifar.diagnosis import doctor
    from pycifar.errors import PycifarError
    from pycifar.evaluation import Evaluation, evaluate, predict
    from pycifar.explanation import Explanation, explain
    from pycifar.explanation_plots import plot_explanation, plot_feature_maps, plot_filters
    from pycifar.export import Export, export_model
    from pycifar.features import extract_features
    from pycifar.models.adoption import adopt_model
    from pycifar.models.file import load_model, save_model
    from pycifar.models.inspection import ModelFile, inspect_model
    from pycifar.models.trained_model import TrainedModel
    from pycifar.plots import (
        plot_confusion,
        plot_history,
        plot_learning_rates,
        plot_reproduction,
        plot_samples,
    )
    from pycifar.receptive_fields import receptive_field
    from pycifar.reproduction import Reproduction, load_reproduction, reproduce
    from pycifar.serving import Server, serve
    from pycifar.training.lr_finder import LearningRates, find_learning_rate
    from pycifar.training.train import train

# The module that defines each public name. `__getattr__` imports it when the name is first used.
_HOMES = {
    "Augmentation": "pycifar.datasets.augmentation",
    "Dataset": "pycifar.datasets",
    "Evaluation": "pycifar.evaluation",
    "Explanation": "pycifar.explanation",
    "Export": "pycifar.export",
    "LearningRates": "pycifar.training.lr_finder",
    "ModelFile": "pycifar.models.inspection",
    "PycifarError": "pycifar.errors",
    "Reproduction": "pycifar.reproduction",
    "Server": "pycifar.serving",
    "Split": "pycifar.datasets",
    "TrainedModel": "pycifar.models.trained_model",
    "adopt_model": "pycifar.models.adoption",
    "build_model": "pycifar.architectures",
    "calibrate": "pycifar.calibration",
    "clear_cache": "pycifar.datasets",
    "doctor": "pycifar.diagnosis",
    "evaluate": "pycifar.evaluation",
    "explain": "pycifar.explanation",
    "explore": "pycifar.datasets",
    "export_model": "pycifar.export",
    "extract_features": "pycifar.features",
    "find_learning_rate": "pycifar.training.lr_finder",
    "inspect_model": "pycifar.models.inspection",
    "list_architectures": "pycifar.architectures",
    "load_dataset": "pycifar.datasets",
    "load_model": "pycifar.models.file",
    "load_reproduction": "pycifar.reproduction",
    "plot_confusion": "pycifar.plots",
    "plot_explanation": "pycifar.explanation_plots",
    "plot_feature_maps": "pycifar.explanation_plots",
    "plot_filters": "pycifar.explanation_plots",
    "plot_history": "pycifar.plots",
    "plot_learning_rates": "pycifar.plots",
    "plot_reproduction": "pycifar.plots",
    "plot_samples": "pycifar.plots",
    "predict": "pycifar.evaluation",
    "receptive_field": "pycifar.receptive_fields",
    "reproduce": "pycifar.reproduction",
    "save_model": "pycifar.models.file",
    "serve": "pycifar.serving",
    "train": "pycifar.training.train",
    "write_model_card": "pycifar.card",
}

__all__ = [
    "Augmentation",
    "Dataset",
    "Evaluation",
    "Explanation",
    "Export",
    "LearningRates",
    "ModelFile",
    "PycifarError",
    "Reproduction",
    "Server",
    "Split",
    "TrainedModel",
    "adopt_model",
    "build_model",
    "calibrate",
    "clear_cache",
    "doctor",
    "evaluate",
    "explain",
    "explore",
    "export_model",
    "extract_features",
    "find_learning_rate",
    "inspect_model",
    "list_architectures",
    "load_dataset",
    "load_model",
    "load_reproduction",
    "plot_confusion",
    "plot_explanation",
    "plot_feature_maps",
    "plot_filters",
    "plot_history",
    "plot_learning_rates",
    "plot_reproduction",
    "plot_samples",
    "predict",
    "receptive_field",
    "reproduce",
    "save_model",
    "serve",
    "train",
    "write_model_card",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'pycifar' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value  # later uses find it there, without this function
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
