"""How many steps of a training fit into a time budget: arithmetic on the times of its steps."""

from __future__ import annotations

# Weight of the last step in the moving average of the seconds that a step takes.
WEIGHT_OF_LAST_STEP = 0.05

# A step that took longer than so many times the average had a compilation in it, and counts as
# this many.
LONGEST_STEP = 3

# Share of the time of a training step, and of its compilation, that the forward pass takes at most.
FORWARD_SHARE = 1 / 2


class StepBudget:
    """The steps of a training that is to end by a deadline.

    All times are seconds; `deadline` and `now` are of one clock, such as `time.monotonic`.

    Args:
        deadline: when the last step, the last validation and what follows must be done.
        steps_per_epoch: steps between two validations.
        validation_steps: batches of a validation; 0 where there is none.
    """

    def __init__(self, deadline: float, steps_per_epoch: int, validation_steps: float) -> None:
        self.deadline = deadline
        self._steps_per_epoch = steps_per_epoch
        self._validation_steps = validation_steps
        # 0 is not known yet. The first step has a compilation in it.
        self._first_step = self._step = self._validation = 0.0

    def step_took(self, seconds: float) -> None:
        """Take note of a step."""
        if not self._first_step:
            self._first_step = seconds
            return
        before = self._step or seconds
        counted = min(seconds, LONGEST_STEP * before)
        self._step = before + WEIGHT_OF_LAST_STEP * (counted - before)

    def validation_took(self, seconds: float) -> None:
        """Take note of a validation."""
        self._validation = seconds

    def total_steps(self, steps_done: int, now: float, steps_after: int = 0) -> int | None:
        """Return how many steps the training will have had at its end.

        Args:
            steps_done: those that it has had.
            now: the time.
            steps_after: what follows the last validation, in steps that take as long.

        Returns:
            The number of steps, or None as long as nothing is known of their time.
        """
        left = self.deadline - now
        if not self._step:  # the first step tells nothing of the others
            return steps_done if left <= 0 else None
        # The last epoch, whole or not, ends with a validation.
        validation = self._seconds_to_validate()
        pace = self._step + validation / self._steps_per_epoch
        end = validation + steps_after * self._step
        # One less than would fit: the last one may take longer than those before.
        fitting = int((left - end) / pace) - 1
        return steps_done + max(0, fitting)

    def _seconds_to_validate(self) -> float:
        """Return what the last validation took, or guess what the first one will take."""
        if not self._validation_steps or self._validation:
            return self._validation
        return FORWARD_SHARE * (self._first_step + self._validation_steps * self._step)
