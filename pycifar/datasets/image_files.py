"""Image files, read as uint8 pixels of a given size."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from pycifar.arguments import check_path
from pycifar.errors import DataFormatError, DataNotFoundError

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".webp")

# Pillow reads many more formats, some of them through other programs. Only these are tried.
_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "WEBP")


def read_image(path: str | os.PathLike[str], size: int | tuple[int, int] = 32) -> np.ndarray:
    """Read an image file: upright, in colour, and resized.

    The whole image is kept: one of another shape is squeezed. It is turned as its EXIF data say;
    grey becomes equal red, green and blue; what is transparent shows white. Of an animation the
    first picture is taken.

    Args:
        path: a BMP, GIF, JPEG, PNG, PPM or WebP file.
        size: height and width in pixels, or one number for both.

    Returns:
        uint8, shape (height, width, 3).

    Raises:
        DataNotFoundError: there is no such file.
        DataFormatError: the file is no such image, is damaged, or would take too much memory.

    Examples:
        >>> from PIL import Image
        >>> Image.new("RGB", (100, 70)).save("cat.png")
        >>> read_image("cat.png", 32).shape
        (32, 32, 3)
    """
    file = check_path("path", path)
    if not file.is_file():
        raise DataNotFoundError(f"There is no image file {file}.")
    height, width = (size, size) if isinstance(size, int) else size
    try:
        with warnings.catch_warnings():
            # Pillow warns of images of more pixels than any camera's: here that is an error.
            warnings.simplefilter("error", _image_module().DecompressionBombWarning)
            return _read(file, height, width)
    except Exception as error:  # a damaged file can raise nearly anything
        raise DataFormatError(
            f"{file} cannot be read as an image: it must be one of {', '.join(_FORMATS)} with "
            f"8 bits a channel ({error})."
        ) from error


def _read(file: Path, height: int, width: int) -> np.ndarray:
    from PIL import ImageOps

    module = _image_module()
    with module.open(file, formats=_FORMATS) as opened:
        if opened.mode.startswith(("I", "F")):  # 16 or 32 bits, which Pillow would clip at 255
            raise ValueError(f"its pixels are of Pillow's mode {opened.mode}")
        image = ImageOps.exif_transpose(opened)
        if image.has_transparency_data:
            image = image.convert("RGBA")
            white = module.new("RGBA", image.size, "white")
            image = module.alpha_composite(white, image)
        image = image.convert("RGB")
        if image.size != (width, height):
            image = image.resize((width, height), module.Resampling.LANCZOS)
        return np.array(image)


def _image_module() -> Any:
    from PIL import Image  # 20 ms, which `import pycifar` does not pay

    return Image
