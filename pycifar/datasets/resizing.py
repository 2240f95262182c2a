"""How an image of any size becomes one of a given size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from pycifar.arguments import check_choice, describe
from pycifar.errors import ArgumentError

if TYPE_CHECKING:
    from PIL.Image import Image

HOWS = ("squash", "crop", "pad")
FILTERS = ("bilinear", "lanczos", "bicubic", "hamming", "box", "nearest")


@dataclass(frozen=True)
class Resize:
    """What is done with an image whose size or proportions are not those that are asked for.

    Args:
        how: "squash" scales height and width each by its own factor: the whole image is kept, and
            what is in it is distorted. "crop" scales both by one factor, so that the image covers
            the new size, and keeps its centre: nothing is distorted, and what is beyond two edges
            is lost. "pad" scales both by one factor, so that the image fits into the new size, and
            centres it on black: all is kept, and smaller.
        filter: how new pixels are computed: "bilinear", "lanczos", "bicubic", "hamming", "box" or
            "nearest", as Pillow does it. An image that shrinks is averaged over all of its pixels,
            except by "nearest".

    Examples:
        >>> from PIL import Image
        >>> Resize("crop")(Image.new("RGB", (100, 70)), (32, 48)).size
        (48, 32)
    """

    how: str = "squash"
    filter: str = "bilinear"

    def __post_init__(self) -> None:
        check_choice("how", self.how, HOWS)
        check_choice("filter", self.filter, FILTERS)

    def __call__(
        self,
        image: Image,
        size: tuple[int, int],
        box: tuple[float, float, float, float] | None = None,
    ) -> Image:
        """Return a Pillow image in a new size, or the image itself if it has this size.

        Args:
            image: of mode RGB.
            size: the new height and width, in pixels.
            box: the left, upper, right and lower edge of the part of the image that is taken, in
                pixels; None for the whole image.
        """
        from PIL import Image as pillow  # noqa: N813 - it is a module

        height, width = size
        if box is None and image.size == (width, height):
            return image
        left, top, right, bottom = box or (0, 0, *image.size)
        given = right - left, bottom - top
        method = pillow.Resampling[self.filter.upper()]
        if self.how == "crop":
            kept = _largest(given, width / height)
            left, top = left + (given[0] - kept[0]) / 2, top + (given[1] - kept[1]) / 2
            return image.resize((width, height), method, (left, top, left + kept[0], top + kept[1]))
        scaled = image.resize(self.scaled(given, size), method, (left, top, right, bottom))
        if self.how == "squash":
            return scaled
        padded = pillow.new("RGB", (width, height))
        padded.paste(scaled, ((width - scaled.width) // 2, (height - scaled.height) // 2))
        return padded

    def scaled(self, image: tuple[float, float], size: tuple[int, int]) -> tuple[int, int]:
        """Return the width and height that the whole image has after it was scaled.

        Args:
            image: the width and height of the image.
            size: the new height and width.
        """
        height, width = size
        if self.how == "squash":
            return width, height
        factor = (max if self.how == "crop" else min)(width / image[0], height / image[1])
        return max(1, round(image[0] * factor)), max(1, round(image[1] * factor))

    def __str__(self) -> str:
        return f"{self.how}, {self.filter}"

    def to_dict(self) -> dict[str, str]:
        """Return the fields with their values."""
        return asdict(self)


def resolve_resize(value: Any, name: str = "resize") -> Resize:
    """Return a `Resize` from any form in which a caller may give it.

    Args:
        value: a `Resize`; one of "squash", "crop" and "pad"; or a mapping of its fields, such as
            ``{"how": "crop", "filter": "bilinear"}``.
        name: the name of the argument, for the error message.

    Raises:
        ArgumentError: it is none of these.
    """
    if isinstance(value, Resize):
        return value
    if isinstance(value, str):
        return Resize(check_choice(name, value, HOWS))
    if not isinstance(value, Mapping):
        allowed = ", ".join(f'"{how}"' for how in HOWS)
        raise ArgumentError(
            f"`{name}` must be one of {allowed}, or `how` and `filter` by name, not "
            f"{describe(value)}."
        )
    for field in value:
        check_choice(name, field, ("how", "filter"))
    try:
        return Resize(**value)
    except ArgumentError as error:
        raise type(error)(f"In `{name}`, {error.message}", fix=error.fix) from None


def _largest(image: tuple[float, float], proportion: float) -> tuple[float, float]:
    """Return the width and height of the largest part of an image with a width / height."""
    width, height = image
    return min(width, height * proportion), min(height, width / proportion)
