"""What `calibrate` found: a temperature for the probabilities, and a threshold for sets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from pycifar.arguments import check_count, check_number, describe
from pycifar.limits import LONGEST_TEXT

# The range in which a temperature is looked for. Beyond it the probabilities are those of a model
# that is nearly always right, or has learned nothing.
COOLEST, HOTTEST = 0.05, 20.0
# A probability below this has lost digits, or is 0. It counts as this when its logarithm is taken.
SMALLEST_PROBABILITY = 2.0**-126  # the smallest normal float32


@dataclass(frozen=True)
class Calibration:
    """How far the probabilities of a model can be trusted; see `calibrate`.

    Args:
        temperature: what the logits are divided by; above 1, the network is too sure of itself.
        coverage: the share of images whose prediction set is to have the true class, 0-1.
        threshold: the prediction set has each class of at least this probability, 0-1.
        split: the name of the split that they were fitted on.
        n: the number of images in it.
        error_before: the expected calibration error without the temperature, 0-1, on the half of
            these images that the temperature was not fitted on.
        error_after: the same with the temperature.
    """

    temperature: float
    coverage: float
    threshold: float
    split: str
    n: int
    error_before: float
    error_after: float

    def probabilities(self, raw: np.ndarray) -> np.ndarray:
        """Return the probabilities of a network with the temperature applied, float32.

        The most probable class stays the same.

        Args:
            raw: the probabilities of the network, shape (n, classes).
        """
        shares: np.ndarray = tempered(raw, 1 / self.temperature).astype(np.float32)
        # Two that differ in the last digit are equal now if the temperature is high.
        most = raw.argmax(axis=1)
        (tied,) = np.nonzero(shares.argmax(axis=1) != most)
        shares[tied, most[tied]] = np.nextafter(shares[tied, most[tied]], np.float32(1))
        return shares

    def sets(self, probabilities: np.ndarray) -> np.ndarray:
        """Return which classes are in the prediction set of each image, bool, (n, classes).

        The most probable class always is.

        Args:
            probabilities: with the temperature applied, shape (n, classes). A row of NaN, as of an
                image that was skipped, has an empty set.
        """
        within: np.ndarray = probabilities >= self.threshold
        most = probabilities.argmax(axis=1)
        within[np.arange(len(within)), most] = ~np.isnan(probabilities).any(axis=1)
        return within

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        return asdict(self)

    def __str__(self) -> str:
        return (
            f"temperature {self.temperature:.3g}, prediction sets for {100 * self.coverage:g}%, "
            f"from {self.n:,} images of the split {self.split}"
        )


def logarithms(probabilities: np.ndarray) -> np.ndarray:
    """Return the logarithms of probabilities, float64, which are logits but for a constant."""
    logs: np.ndarray = np.log(np.maximum(probabilities.astype(np.float64), SMALLEST_PROBABILITY))
    return logs


def tempered(probabilities: np.ndarray, factor: float) -> np.ndarray:
    """Return probabilities whose logits are multiplied by a factor, float64, (n, classes)."""
    logs = logarithms(probabilities) * factor
    powers = np.exp(logs - logs.max(axis=1, keepdims=True, initial=-np.inf))
    shares: np.ndarray = powers / powers.sum(axis=1, keepdims=True)
    return shares


def checked_calibration(value: Any) -> Calibration | None:
    """Check the calibration in the record of a file; None if there is none.

    Raises:
        ValueError: it is none.
    """
    if value is None:
        return None
    names = {field.name for field in fields(Calibration)}
    if not isinstance(value, Mapping) or set(value) != names:
        raise ValueError(f"`calibration` is {describe(value)}")
    split = value["split"]
    if not isinstance(split, str) or len(split) > LONGEST_TEXT:
        raise ValueError("`calibration` names no split")
    share = {
        name: check_number(f"calibration.{name}", value[name], 0, 1)
        for name in ("coverage", "threshold", "error_before", "error_after")
    }
    return Calibration(
        temperature=check_number("calibration.temperature", value["temperature"], COOLEST, HOTTEST),
        split=split,
        n=check_count("calibration.n", value["n"]),
        **share,
    )
