"""Measuring a network on the validation images."""

from __future__ import annotations

from collections.abc import Callable

from pycifar.datasets.subset import Subset
from pycifar.learners import Learner
from pycifar.models.record import METRICS


def measure_subset(
    learner: Learner, subset: Subset, batch_size: int, after_batch: Callable[[], None]
) -> dict[str, float]:
    """Return the mean metrics over the images of a subset.

    Args:
        learner: the learner of the network.
        subset: the images.
        batch_size: images to measure at a time.
        after_batch: called after each batch; an exception that it raises ends the validation.
    """
    totals = dict.fromkeys(METRICS, 0.0)
    for start in range(0, len(subset), batch_size):
        images, labels = subset.take(slice(start, start + batch_size))
        logs = learner.measure(images, labels)
        for metric in METRICS:
            totals[metric] += float(logs[metric]) * len(labels)
        after_batch()
    return {metric: total / len(subset) for metric, total in totals.items()}
