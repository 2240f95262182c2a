"""Measuring a network on the images that it is validated on."""

from __future__ import annotations

from collections.abc import Callable

from pycifar.datasets.subset import Subset
from pycifar.learners import Learner
from pycifar.learners.descriptions import MEASURED
from pycifar.training.callbacks import CallbackList


def measure_subset(
    learner: Learner,
    subset: Subset,
    batch_size: int,
    callbacks: CallbackList,
    raise_interrupt: Callable[[], None],
) -> dict[str, float]:
    """Return the mean metrics over the images of a subset.

    Args:
        learner: the learner of the network.
        subset: the images, at least one.
        batch_size: images that are measured at a time.
        callbacks: whose `on_test_*` methods are called, as `evaluate` of Keras does.
        raise_interrupt: called after each batch; raises the signals that came.
    """
    totals, means, seen = dict.fromkeys(MEASURED, 0.0), dict.fromkeys(MEASURED, 0.0), 0
    callbacks.test_begin()
    learner.begin_pass()
    with subset.take_in_turn(batch_size) as batches:
        for step, (images, labels) in enumerate(batches):
            callbacks.test_step_begin(step)
            logs = learner.measure(images, labels)
            seen += len(labels)
            for metric in MEASURED:
                totals[metric] += float(logs[metric]) * len(labels)
                means[metric] = totals[metric] / seen
            means |= {name: float(logs[name]) for name in sorted(logs) if name not in MEASURED}
            callbacks.test_step_end(step, dict(means))
            raise_interrupt()
    callbacks.test_end(dict(means))
    return means
