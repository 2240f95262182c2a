"""An estimator of scikit-learn: `train` with `fit`, `predict`, `predict_proba` and `score`.

This module needs scikit-learn: ``pip install "pycifar[sklearn]"``.
"""

from __future__ import annotations

import copy
import numbers
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, fields
from pathlib import Path
from typing import Any, Self

import numpy as np

from pycifar.errors import ArgumentError, DependencyError, ImageError

try:  # before Keras is imported
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.utils import check_consistent_length, check_random_state, column_or_1d
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted
except ImportError as error:
    raise DependencyError(
        f"`pycifar.sklearn` needs scikit-learn, which cannot be imported: {error}.",
        fix='Install it with `pip install "pycifar[sklearn]"`.',
    ) from error

from pycifar.datasets import Dataset, load_dataset
from pycifar.datasets.arrays import check_images
from pycifar.evaluation import predict
from pycifar.foreign_names import known_arguments_only
from pycifar.training.train import train

__all__ = ["ImageClassifier"]


# `fit` gives each field to `train`. The defaults are those of `train`, except for `validation` and
# `verbose`; a test compares them.
@dataclass(eq=False, repr=False)
class ImageClassifier(ClassifierMixin, BaseEstimator):
    """An image classifier with the methods of scikit-learn.

    It works with `cross_val_score`, `GridSearchCV`, `Pipeline` and what else takes a classifier.
    Its arguments are those of `pycifar.train`, which describes them, with these differences:

    - `random_state` stands for `seed`, since tools of scikit-learn set it under this name. A whole
      number is the seed, and gives the same weights as `train`. An instance of RandomState draws a
      seed in each call of `fit`; None draws it from NumPy's global generator.
    - `validation` is None, so that `fit` learns from all images that it is given, as other
      estimators do. Cross-validation holds images out by itself. A share, such as 0.1, or "auto"
      holds images out for `early_stopping` and `best_weights`; without them, these two go by the
      training loss.
    - `class_weights` has the labels of `y` as keys.
    - `verbose` is 0.

    Images are an array of shape (n, height, width, 3), as `pycifar.predict` takes them. Rows of
    flattened images are refused, since they do not tell height, width and the order of the
    colours: ``X.reshape(-1, height, width, 3)`` makes images of them. There is no
    `n_features_in_`.

    Attributes:
        classes_: the labels, sorted, of the type that `y` had.
        model_: the `TrainedModel`, with its history and for all functions of pycifar.

    Examples:
        >>> import pycifar
        >>> from sklearn.model_selection import cross_val_score
        >>> split = pycifar.load_dataset("synthetic", n_train=120, n_test=10).split("train")
        >>> classifier = ImageClassifier("mlp_relu", epochs=1, random_state=1)
        >>> cross_val_score(classifier, split.images, split.labels, cv=3).shape
        (3,)
    """

    architecture: Any = None
    _: KW_ONLY
    epochs: int | None = None
    batch_size: int | None = None
    optimizer: Any = None
    learning_rate: float | None = None
    schedule: str | None = None
    weight_decay: float | None = None
    momentum: float | None = None
    label_smoothing: float | None = None
    class_weights: str | Mapping[Any, float] | None = None
    precision: str = "auto"
    augmentation: Any = None
    validation: float | str | None = None
    early_stopping: int | None = None
    best_weights: bool = False
    callbacks: Any = None
    time_budget: float | None = None
    checkpoint_dir: str | Path | None = None
    checkpoint_every: int | None = None
    resume: bool = False
    random_state: int | np.random.RandomState | None = None
    loss: Any = None
    metrics: Any = None
    monitor: str | None = None
    weights: str | Path | None = None
    frozen_epochs: int | None = None
    fine_tune_rate: float | None = None
    verbose: int = 0

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:  # noqa: N803 - its name
        """Train a network on images, and forget an earlier one.

        Args:
            X: the images, of shape (n, height, width, 3).
            y: the label of each image, of any type that can be sorted.
            sample_weight: the weight of each image in the loss, shape (n,); None: all the same.

        Returns:
            The estimator itself.

        Raises:
            ValueError: the labels are no classes, or there is not one for each image.
            ImageError: the images are not as above.
            PycifarError: one of the errors of `train`.
        """
        dataset = self._dataset(X, y)
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        given["seed"] = _seed(given.pop("random_state"))
        given["sample_weight"] = sample_weight
        given["class_weights"] = _by_name(self.class_weights)
        given["optimizer"] = copy.deepcopy(self.optimizer)  # the next call needs it unused
        self.model_ = train(dataset, **given)
        return self

    def predict(self, X: Any) -> np.ndarray:  # noqa: N803
        """Return the label of each image, shape (n,)."""
        check_is_fitted(self)
        labels: np.ndarray = self.classes_[predict(self.model_, X)]
        return labels

    def predict_proba(self, X: Any) -> np.ndarray:  # noqa: N803
        """Return the probability of each class, shape (n, classes), in the order of `classes_`."""
        check_is_fitted(self)
        return predict(self.model_, X, type="prob")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        return tags

    def _dataset(self, images: Any, y: Any) -> Dataset:
        """Return the images with the positions of their labels in `classes_`, which this sets."""
        if np.ndim(images) == 2:
            raise ImageError(
                "`X` must be images, of shape (n, height, width, 3), not rows of flattened images.",
                fix="X.reshape(-1, height, width, 3) makes images of rows that have the three "
                "colours of a pixel side by side.",
            )
        images = check_images(images)
        check_classification_targets(y)
        y = column_or_1d(y, warn=True)
        check_consistent_length(images, y)
        self.classes_, positions = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ArgumentError("`y` must have at least 2 classes, not 1 class.")
        names = [str(label) for label in self.classes_]
        return load_dataset({"train": (images, positions)}, class_names=names)


# The one that the dataclass made.
ImageClassifier.__init__ = known_arguments_only(ImageClassifier.__init__)  # type: ignore[method-assign]


def _seed(random_state: Any) -> int:
    """Return a whole number as it is, and else one that a generator of NumPy draws."""
    if isinstance(random_state, numbers.Integral):
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31 - 1))


def _by_name(weights: Any) -> Any:
    """Return class weights with the labels as the names that the classes have in the data set."""
    if not isinstance(weights, Mapping):
        return weights
    return {str(label): weight for label, weight in weights.items()}
