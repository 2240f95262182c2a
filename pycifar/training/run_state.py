"""Gathering the state of a run from its parts, and restoring the parts from it.

A part has two methods. `state()` returns plain values and arrays by name. `restore(plain, arrays)`
takes them back, and raises a ValueError if they belong to another training.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from pycifar.config import TrainingConfig
from pycifar.learners import Learner
from pycifar.training.checkpoint import Checkpoints, TrainingState, arrays_like


class Part(Protocol):
    """A part of a run that has a state of its own."""

    def state(self) -> tuple[dict[str, Any], dict[str, list[np.ndarray]]]:
        """Return plain values that JSON can hold, and lists of arrays, both by name."""

    def restore(self, plain: Mapping[str, Any], arrays: Mapping[str, Sequence[np.ndarray]]) -> None:
        """Continue from a saved state."""


def gather_state(
    config: TrainingConfig, learner: Learner, parts: Sequence[Part], is_frozen: bool
) -> TrainingState:
    """Return the state from which a run can resume.

    Args:
        config: the settings.
        learner: of the network.
        parts: the parts that have a state of their own.
        is_frozen: whether the last layer with weights learns alone.
    """
    stopped = learner.network.stop_training
    plain = {"config": config.to_dict(), "stopped": stopped, "stopping": {}}
    plain["is_frozen"] = is_frozen
    arrays = {"variables": learner.variables(), "optimizer": learner.optimizer_state()}
    arrays["metrics"] = learner.metric_state()
    for part in parts:
        own, values = part.state()
        plain |= own
        arrays |= values
    return TrainingState(plain, arrays)


def restore_state(checkpoints: Checkpoints, learner: Learner, parts: Sequence[Part]) -> None:
    """Restore the learner and the parts of a run from the checkpoint that was found.

    Raises:
        CheckpointError: the checkpoint belongs to another training.
    """
    assert checkpoints.found is not None
    plain, arrays = checkpoints.found.about, checkpoints.found.arrays
    try:
        variables = arrays_like(arrays, "variables", learner.variables())
        optimizer = arrays_like(arrays, "optimizer", learner.optimizer_state())
        metrics = arrays_like(arrays, "metrics", learner.metric_state())
    except (TypeError, ValueError) as error:
        raise checkpoints.mismatch(f"its network has other weights ({error})") from error
    try:
        for part in parts:
            part.restore(plain, arrays)
    except (KeyError, TypeError, ValueError) as error:
        raise checkpoints.mismatch(f"its state does not fit this training ({error})") from error
    learner.set_variables(variables)
    learner.set_optimizer_state(optimizer)
    learner.set_metric_state(metrics)
    learner.network.stop_training = plain["stopped"]
