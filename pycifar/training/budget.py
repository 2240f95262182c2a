"""How many steps of a training fit into a time budget, computed from the times of its steps."""

from __future__ import annotations

# Weight of the newest step in the exponential moving average of the seconds that a step takes.
WEIGHT_OF_LAST_STEP = 0.05

# The longest time that is counted for a step, as a multiple of the moving average. A longer step
# has compiled something, and later steps will not take that long.
LONGEST_STEP = 3

# Upper bound of the time of a forward pass as a share of that of a whole step, for running and for
# compiling. It estimates the time of the first validation.
FORWARD_SHARE = 1 / 2

# How long it takes until all layers learn where the head learned alone: to compile the first step,
# and to compile the first validation. The unit is the first forward pass of the layers before the
# head, on one image, which is nearly all compilation. Measured for cnn2, resnet20,
# mobilenet_v3_small and efficientnet_lite0: 5.4 to 6.6, and 2.2 to 2.6.
FIRST_STEP = 7
FIRST_VALIDATION = 3

# How long it takes, in that unit, to compile the whole network for whoever goes on with a network
# whose head alone learned. Measured for the same networks: 1.2 to 1.7, and more for those that
# compile in less than 0.1 s.
ENDING = 2


class StepBudget:
    """The number of steps that a training can do before its deadline.

    All times are seconds; `deadline` and `now` are readings of one clock, such as `time.monotonic`.

    Args:
        deadline: when the last step, the last validation and all that follows must be done.
        steps_per_epoch: steps between two validations.
        validation_steps: batches of a validation; 0 if there is no validation.
    """

    def __init__(self, deadline: float, steps_per_epoch: int, validation_steps: float) -> None:
        self.deadline = deadline
        self._steps_per_epoch = steps_per_epoch
        self._validation_steps = validation_steps
        # 0 means not known yet. The first step is kept apart, because it includes the compilation.
        self._first_step = self._step = self._validation = 0.0

    def step_took(self, seconds: float) -> None:
        """Update the time of a step with the seconds that the last one took."""
        if not self._first_step:
            self._first_step = seconds
            return
        before = self._step or seconds
        counted = min(seconds, LONGEST_STEP * before)
        self._step = before + WEIGHT_OF_LAST_STEP * (counted - before)

    def steps_change(self) -> None:
        """Forget how long steps and validations took: those that follow are of another kind."""
        self._first_step = self._step = self._validation = 0.0

    def validation_took(self, seconds: float) -> None:
        """Set the time of a validation to the seconds that the last one took."""
        self._validation = seconds

    def total_steps(self, steps_done: int, now: float, steps_after: int = 0) -> int | None:
        """Return how many steps the training will have done at its end.

        Args:
            steps_done: steps done so far.
            now: the time now.
            steps_after: the work that follows the last validation, in steps of the same duration.

        Returns:
            The number of steps, or None while the time of a step is not known.
        """
        left = self.deadline - now
        if not self._step:  # there was no step yet but the first, which includes the compilation
            return steps_done if left <= 0 else None
        # The last epoch, complete or not, ends with a validation.
        validation = self._seconds_to_validate()
        pace = self._step + validation / self._steps_per_epoch
        end = validation + steps_after * self._step
        # One step fewer than fits, because the last one may take longer than the mean.
        fitting = int((left - end) / pace) - 1
        return steps_done + max(0, fitting)

    def has_room_for_all(self, compiling: float, forward: float, now: float) -> bool:
        """Return whether all layers can still begin to learn: one step, and a validation.

        Args:
            compiling: the first forward pass of the layers before the head, on one image.
            forward: such a pass on a batch, later; a step of the head that includes it is longer.
            now: the time now.
        """
        forward = max(forward, self._step)
        needed = FIRST_STEP * compiling + forward / FORWARD_SHARE
        if self._validation_steps:
            needed += FIRST_VALIDATION * compiling + forward * self._validation_steps
        return now + needed <= self.deadline

    def _seconds_to_validate(self) -> float:
        """Return the seconds of the last validation, or an estimate before the first one."""
        if not self._validation_steps or self._validation:
            return self._validation
        # The first validation compiles a forward pass, as the first step compiled a whole step.
        return FORWARD_SHARE * (self._first_step + self._validation_steps * self._step)
