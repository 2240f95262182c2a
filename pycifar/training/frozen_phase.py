"""The first phase of a training that begins with a network that has learned: its head alone."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from pycifar.console import counting
from pycifar.datasets.subset import Subset
from pycifar.learners import Learner
from pycifar.training.batches import Batches

FEATURE_BATCH = 64  # images whose features are computed at a time


def features_of(
    learner: Learner,
    batches: Batches,
    validating: Subset | None,
    verbose: bool,
    raise_interrupt: Callable[[], None],
) -> tuple[Batches, Subset | None]:
    """Return batches of features, and the features of the images to validate on.

    The layers before the head do not change, so features are computed once, unless the images are
    augmented, or the features of an image take more memory than its pixels. They are then computed
    for each batch.

    Args:
        learner: whose network is frozen but for its head.
        batches: the batches of images.
        validating: the images to validate on, or None.
        verbose: whether to show the progress on stderr.
        raise_interrupt: called after each batch; raises the signals that came.
    """
    subsets = [] if validating is None else [validating]
    images = batches.subset.take(slice(0, 1))[0]
    if keeps := not batches.augmented and _are_small(learner.features(images), images):
        subsets = [batches.subset, *subsets]
    found: list[Subset] = []
    with counting(sum(map(len, subsets)), "features", verbose) as show:
        for subset in subsets:
            before = sum(map(len, found))

            def done(n: int, before: int = before) -> None:
                show(before + n)
                raise_interrupt()

            found.append(subset.computed(learner.features, FEATURE_BATCH, done))
    kept = batches.of_kept_features(found[0]) if keeps else batches.of_features(learner.features)
    return kept, None if validating is None else found[-1]


def _are_small(features: np.ndarray, images: np.ndarray) -> bool:
    return math.prod(features.shape) * features.itemsize <= images.nbytes
