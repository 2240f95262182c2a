"""Image files, read as uint8 pixels of a given size."""

from __future__ import annotations

import glob
import io
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pycifar.arguments import check_path
from pycifar.errors import ArgumentError, DataFormatError, DataNotFoundError
from pycifar.limits import LONGEST_SIDE, MOST_PIXELS, MOST_SCANS

if TYPE_CHECKING:
    from PIL.Image import Image

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".webp")

_SCAN = b"\xff\xda"  # begins each scan of a JPEG

# Pillow reads many more formats, some of them by starting other programs. Only these are tried.
_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "WEBP")


def read_image(path: Any, size: int | tuple[int, int] = 32) -> np.ndarray:
    """Read an image file as RGB pixels, upright and resized.

    The whole image is kept: one with other proportions is distorted. It is rotated as its EXIF data
    say. Grey becomes equal red, green and blue. Channels of 16 bits are reduced to 8. Transparent
    pixels are drawn on white. Of an animation, the first frame is taken.

    Args:
        path: a BMP, GIF, JPEG, PNG, PPM or WebP file; or its bytes, or a binary file object.
        size: height and width in pixels, or one number for both.

    Returns:
        uint8, shape (height, width, 3).

    Raises:
        DataNotFoundError: there is no such file.
        DataFormatError: the file is not such an image, is damaged, or would take too much memory or
            time.

    Examples:
        >>> from PIL import Image
        >>> Image.new("RGB", (100, 70)).save("cat.png")
        >>> read_image("cat.png", 32).shape
        (32, 32, 3)
    """
    name, content = _content(path)
    height, width = (size, size) if isinstance(size, int) else size
    try:
        with warnings.catch_warnings():
            # Pillow's limit of pixels is one for the whole process. `_check_work` has pycifar's.
            warnings.simplefilter("ignore", _image_module().DecompressionBombWarning)
            return _read(content, height, width)
    except Exception as error:  # a damaged file can raise nearly anything
        unknown = type(error).__name__ == "UnidentifiedImageError"
        reason = f"cannot identify image file '{name}'" if unknown else error
        raise DataFormatError(
            f"{name} cannot be read as an image: it must be one of {', '.join(_FORMATS)} with "
            f"8 or 16 bits a channel ({reason})."
        ) from error


def _content(source: Any) -> tuple[str, bytes]:
    """Return the name of an image for errors, and the bytes of its file."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        return "An image", bytes(source)
    if hasattr(source, "read"):
        content = source.read()
        if not isinstance(content, bytes):
            raise ArgumentError("A file of an image must be opened in binary mode.")
        return str(getattr(source, "name", "An image")), content
    file = check_path("path", source)
    if file.is_dir():
        raise DataNotFoundError(
            f"{file} is a folder, not an image file.", fix=f'Give its files: "{file / "*.png"}".'
        )
    if not file.is_file():
        raise DataNotFoundError(f"There is no image file {file}.")
    try:
        return str(file), file.read_bytes()
    except OSError as error:
        raise DataFormatError(f"{file} cannot be read as an image: {error.strerror}.") from error


def find_files(paths: Sequence[str | os.PathLike[str]]) -> list[Path]:
    """Return the files that paths name, with ``*``, ``?``, ``[…]`` and ``**`` in them expanded.

    The files of a pattern are sorted. A path that exists or has no pattern is returned as it is.

    Raises:
        DataNotFoundError: a pattern matches no file.
    """
    found: list[Path] = []
    for given in paths:
        path = check_path("images", given)
        if path.exists() or not glob.has_magic(str(path)):
            found.append(path)
            continue
        matches = [Path(match) for match in sorted(glob.glob(str(path), recursive=True))]  # noqa: PTH207  rooted anywhere
        files = [match for match in matches if match.is_file()]
        if not files:
            raise DataNotFoundError(f"No file matches {path}.")
        found += files
    return found


def fit_image(image: Image, size: tuple[int, int]) -> np.ndarray:
    """Return the pixels of a Pillow image, converted as by `read_image`.

    Args:
        image: the image.
        size: (height, width), in pixels.

    Returns:
        uint8, shape (height, width, 3).

    Raises:
        ValueError: the pixels are floats.
    """
    from PIL import ImageOps

    module = _image_module()
    height, width = size
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):  # 16 bits, which Pillow would clip at 255
        values = np.asarray(image, dtype=np.float64)
        image = module.fromarray(np.rint(values.clip(0, 65535) / 257).astype(np.uint8))
    if image.mode.startswith("F"):
        raise ValueError("its pixels are fractions")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = module.alpha_composite(module.new("RGBA", image.size, "white"), image)
    image = image.convert("RGB")
    if image.size != (width, height):
        image = image.resize((width, height), module.Resampling.LANCZOS)
    return np.array(image)


def _read(content: bytes, height: int, width: int) -> np.ndarray:
    with _image_module().open(io.BytesIO(content), formats=_FORMATS) as opened:
        _check_work(content, opened)
        return fit_image(opened, (height, width))


def _check_work(content: bytes, opened: Image) -> None:
    """Raise a ValueError if decoding would take more memory or time than that of any photograph."""
    width, height = opened.size
    if width * height > MOST_PIXELS or max(width, height) > LONGEST_SIDE:
        raise ValueError(
            f"it has {width:,}×{height:,} pixels, and may have {MOST_PIXELS:,} of them, "
            f"{LONGEST_SIDE:,} in a row"
        )
    # Compressed pixels cannot contain this marker: in them, JPEG never writes 0xDA after 0xFF.
    if opened.format == "JPEG" and (scans := content.count(_SCAN)) > MOST_SCANS:
        raise ValueError(f"it is in {scans:,} scans, and may be in {MOST_SCANS}")


def _image_module() -> Any:
    from PIL import Image  # takes 20 ms, so `import pycifar` does not import it

    return Image
