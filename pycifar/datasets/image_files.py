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
from pycifar.datasets.arrays import as_uint8
from pycifar.errors import ArgumentError, DataFormatError, DataNotFoundError, ImageError
from pycifar.limits import LONGEST_SIDE, MOST_PIXELS, MOST_SCANS

if TYPE_CHECKING:
    from PIL.Image import Image

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".webp")

# Folders that systems add to those of a user: archives of macOS; Synology's and QNAP's thumbnails,
# versions and deleted files; and those of Windows and of file systems.
SYSTEM_FOLDERS = (
    "__MACOSX",
    "@eaDir",
    "@Recycle",
    "@Recently-Snapshot",
    "#recycle",
    "#snapshot",
    "$RECYCLE.BIN",
    "System Volume Information",
    "lost+found",
)

MOST_CHANNELS = 4  # of an image that is given as an array: colours with opacity

_SCAN = b"\xff\xda"  # begins each scan of a JPEG

# Pillow reads many more formats, some of them by starting other programs. Only these are tried.
_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "WEBP")


def read_image(path: Any, size: int | tuple[int, int] = 32) -> np.ndarray:
    """Read an image file, or an image in memory, as RGB pixels, upright and resized.

    The whole image is kept: one with other proportions is distorted. It is rotated as its EXIF data
    say. Grey becomes equal red, green and blue. Channels of 16 bits are reduced to 8. Transparent
    pixels are drawn on white. Of an animation, the first frame is taken.

    Args:
        path: a BMP, GIF, JPEG, PNG, PPM or WebP file; or its bytes, or a binary file object; or a
            Pillow image; or an array of shape (height, width) for grey, or (height, width,
            channels) with 1 to 4 channels: grey or colours, each with or without opacity.
        size: height and width in pixels, or one number for both.

    Returns:
        uint8, shape (height, width, 3).

    Raises:
        DataNotFoundError: there is no such file.
        DataFormatError: the file is not such an image, is damaged, or would take too much memory or
            time.
        ImageError: an array has numbers of another type or range than `check_images` takes.

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
            if isinstance(content, bytes):
                return _read(content, height, width)
            return _fit(content, (height, width))
    except Exception as error:  # a damaged file can raise nearly anything
        unknown = type(error).__name__ == "UnidentifiedImageError"
        reason = f"cannot identify image file '{name}'" if unknown else error
        raise DataFormatError(
            f"{name} cannot be read as an image: it must be one of {', '.join(_FORMATS)} with "
            f"8 or 16 bits a channel ({reason})."
        ) from error


def _content(source: Any) -> tuple[str, Any]:
    """Return the name of an image for errors, and the bytes of its file or a Pillow image."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        return "An image", bytes(source)
    if hasattr(source, "getbands"):
        return "A picture of Pillow", source
    if hasattr(source, "shape"):
        return "An array", _as_picture(source)
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


def _as_picture(array: Any) -> Image:
    """Return one image that is given as an array as a Pillow image; see `read_image`."""
    values = np.asarray(array)
    if values.ndim not in (2, 3) or values.shape[2:] > (MOST_CHANNELS,) or not values.size:
        raise ImageError(
            "An image must have the shape (height, width) or (height, width, channels), with 1 to "
            f"{MOST_CHANNELS} channels and at least one pixel, not {values.shape}."
        )
    values = as_uint8(values)
    picture: Image = _image_module().fromarray(
        values[..., 0] if values.shape[2:] == (1,) else values
    )
    return picture


def find_files(paths: Sequence[str | os.PathLike[str]]) -> tuple[list[Path], list[Path]]:
    """Return the files that paths name, with ``*``, ``?``, ``[…]`` and ``**`` in them expanded.

    The files of a pattern are sorted. A path that exists or has no pattern is returned as it is.

    Returns:
        (found, passed_over): the files, and those that match a pattern but are no images. These
        have neither the ending nor the content of one, or lie in a folder that a system added and
        the pattern does not name.

    Raises:
        DataNotFoundError: a pattern matches no image.
    """
    found: list[Path] = []
    passed_over: list[Path] = []
    for given in paths:
        path = check_path("images", given)
        if path.exists() or not glob.has_magic(str(path)):
            found.append(path)
            continue
        matches = [Path(match) for match in sorted(glob.glob(str(path), recursive=True))]  # noqa: PTH207  rooted anywhere
        files = [match for match in matches if match.is_file()]
        if not files:
            raise DataNotFoundError(f"No file matches {path}.")
        images = [file for file in files if _is_meant(file, path)]
        if not images:
            raise DataNotFoundError(f"No file that matches {path} is an image.")
        found += images
        passed_over += sorted({*files} - {*images})
    return found, passed_over


def _is_meant(file: Path, pattern: Path) -> bool:
    """Return whether a file that matches a pattern is an image, and not a system's own."""
    if {*file.parts} & {*SYSTEM_FOLDERS} - {*pattern.parts}:
        return False
    if file.suffix.lower() in SUFFIXES:
        return True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _image_module().open(file, formats=_FORMATS).close()
    except Exception:  # any that a file of any content can raise
        return False
    return True


def _read(content: bytes, height: int, width: int) -> np.ndarray:
    with _image_module().open(io.BytesIO(content), formats=_FORMATS) as opened:
        _check_work(content, opened)
        return _fit(opened, (height, width))


def _fit(image: Image, size: tuple[int, int]) -> np.ndarray:
    """Return the pixels of a Pillow image, converted as `read_image` says.

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
