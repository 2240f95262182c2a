"""Image files, read as uint8 pixels of a given size."""

from __future__ import annotations

import glob
import io
import math
import os
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pycifar.arguments import check_path
from pycifar.datasets.arrays import as_uint8
from pycifar.datasets.resizing import Resize
from pycifar.errors import (
    ArgumentError,
    DataFormatError,
    DataNotFoundError,
    ImageError,
    PycifarError,
)
from pycifar.limits import LONGEST_SIDE, MOST_PIXELS, MOST_SCANS
from pycifar.processor import usable_cores

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

_JPEG = ("JPEG", "MPO")  # the latter is a JPEG with further pictures behind it
_SCAN = b"\xff\xda"  # begins each scan of a JPEG

# Pillow reads many more formats, some of them by starting other programs. Only these are tried.
_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "WEBP")

SQUASH = Resize()

_ORIENTATION = 0x0112  # the number of this tag in EXIF data
_TURNS = {
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}
_SIDEWAYS = (5, 6, 7, 8)

_LARGE = 1_000_000  # pixels of an image that is decoded at a reduced scale, or by strips
_MARGIN = 1.5  # of a reduced image, over what is asked for; see `read_image`

_AHEAD = 4  # images for each thread that are read before they are asked for


def read_image(
    path: Any,
    size: int | tuple[int, int] = 32,
    resize: Resize = SQUASH,
    admit: Callable[[int, int, str], None] | None = None,
) -> np.ndarray:
    """Read an image file, or an image in memory, as RGB pixels, upright and resized.

    It is rotated as its EXIF data say. Grey becomes equal red, green and blue. Channels of 16 bits
    are reduced to 8. Transparent pixels are drawn on white. Of an animation, the first frame is
    taken.

    A JPEG of more than a million pixels is decoded at 1/2, 1/4 or 1/8 of its height and width, if
    what remains has at least one and a half times the height and width to which the image is
    scaled. That takes a fraction of the time.

    Args:
        path: a BMP, GIF, JPEG, PNG, PPM or WebP file; or its bytes, or a binary file object; or a
            Pillow image; or an array of shape (height, width) for grey, or (height, width,
            channels) with 1 to 4 channels: grey or colours, each with or without opacity.
        size: height and width in pixels, or one number for both.
        resize: what is done with an image of another size.
        admit: is called before a file is decoded, with its width and height in pixels and its
            format, such as "WEBP". An error of pycifar that it raises is passed on.

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
    shape = (size, size) if isinstance(size, int) else size
    try:
        if not isinstance(content, bytes):
            return _fit(content, shape, resize)
        with _opened(content) as opened:
            if admit is not None:
                admit(*opened.size, opened.format or "")
            _check_work(content, opened)
            orientation = opened.getexif().get(_ORIENTATION)
            lying = shape[::-1] if orientation in _SIDEWAYS else shape
            if (box := _decode_smaller(opened, lying, resize)) is None:
                return _fit(opened, shape, resize)
            return np.array(_turned(resize(opened.convert("RGB"), lying, box), orientation))
    except PycifarError:
        raise
    except Exception as error:  # a damaged file can raise nearly anything
        raise DataFormatError(
            f"{name} cannot be read as an image: it must be one of {', '.join(_FORMATS)} with "
            f"8 or 16 bits a channel ({error})."
        ) from error


def read_images(
    sources: Iterable[Any],
    size: int | tuple[int, int],
    resize: Resize = SQUASH,
    on_error: str = "stop",
    threads: int | None = None,
    places: Iterable[np.ndarray] | None = None,
) -> Iterator[np.ndarray | PycifarError]:
    """Read images on several threads, and yield their pixels in the order of the sources.

    The pixels do not depend on the number of threads. A few images for each thread are read ahead.
    No thread is left when the iterator ends, is closed or is interrupted.

    Args:
        sources: the images, each in a form that `read_image` takes.
        size: as for `read_image`.
        resize: as for `read_image`.
        on_error: "stop" raises the error of an image that cannot be read. "skip" yields the error
            in the place of the image.
        threads: how many read; None takes one for each core that may be used.
        places: for each image, a uint8 array of shape (height, width, 3) that it is written to;
            None makes a new one.

    Raises:
        PycifarError: an image cannot be read, and `on_error` is "stop"; the kinds are those of
            `read_image`.
    """

    def read(source: Any, place: np.ndarray | None) -> np.ndarray | PycifarError:
        try:
            image = read_image(source, size, resize)
        except PycifarError as error:
            if on_error == "stop":
                raise
            return error
        if place is None:
            return image
        place[:] = image
        return place

    targets = repeat(None) if places is None else places
    threads = usable_cores() if threads is None else threads
    if threads == 1:
        yield from map(read, sources, targets)
        return
    waiting: deque[Future[np.ndarray | PycifarError]] = deque()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="pycifar-read")
    try:
        for source, place in zip(sources, targets, strict=False):
            # A thread words its errors in the language of its caller.
            waiting.append(pool.submit(copy_context().run, read, source, place))
            if len(waiting) > _AHEAD * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _content(source: Any) -> tuple[str, Any]:
    """Return the name of an image for errors, and the bytes of its file or a Pillow image."""
    if source is None:
        raise ImageError("An image is missing.")
    if isinstance(source, (bytes, bytearray, memoryview)):
        return "A picture", bytes(source)
    if hasattr(source, "getbands"):
        return "A picture of Pillow", source
    if hasattr(source, "shape"):
        return "An array", _as_picture(source)
    if hasattr(source, "read"):
        content = source.read()
        if not isinstance(content, bytes):
            raise ArgumentError("A file of an image must be opened in binary mode.")
        return str(getattr(source, "name", "A picture")), content
    file = check_path("path", source)
    if not file.is_file():
        if file.is_dir():
            raise DataNotFoundError(
                f"{file} is a folder, not an image file.",
                fix=f'Give its files: "{file / "*.png"}".',
            )
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


def _opened(content: bytes) -> Image:
    """Return the image in the bytes of a file, with its pixels not decoded yet.

    Pillow's own function warns of large images by a limit that is one for the whole process, and
    no thread can silence a warning for itself alone. `_check_work` has pycifar's limits.

    Raises:
        ValueError: it is in none of the formats that are tried.
    """
    from PIL import WebPImagePlugin  # noqa: F401 - registers the format

    module = _image_module()
    module.preinit()
    for name in _FORMATS:
        factory, accepts = module.OPEN[name]
        if accepts(content[:16]) is True:
            opened: Image = factory(io.BytesIO(content), "")
            return opened
    raise ValueError("cannot identify its format")


def _decode_smaller(opened: Image, size: tuple[int, int], resize: Resize) -> Any:
    """Have a large JPEG decoded at a reduced scale, as `read_image` says.

    Returns:
        The box of the reduced image that the pixels fill: where its height or width is no multiple
        of the scale, the last row or column is a part of one. None if the scale is not reduced.
    """
    whole = opened.size
    if opened.format not in _JPEG or whole[0] * whole[1] <= _LARGE:
        return None
    width, height = resize.scaled(whole, size)
    drafted = opened.draft(None, (math.ceil(_MARGIN * width), math.ceil(_MARGIN * height)))
    return None if drafted is None or opened.size == whole else drafted[1]


def _fit(image: Image, size: tuple[int, int], resize: Resize) -> np.ndarray:
    """Return the pixels of a Pillow image, converted as `read_image` says.

    Raises:
        ValueError: the pixels are floats.
    """
    image.load()  # the EXIF data may come after the pixels
    return np.array(resize(_in_colours(_turned(image, image.getexif().get(_ORIENTATION))), size))


def _in_colours(image: Image) -> Image:
    """Return a Pillow image in mode RGB, as `read_image` says.

    Strips of a large one are converted in turn, so that what is in between takes little memory.

    Raises:
        ValueError: the pixels are floats.
    """
    if image.mode.startswith("F"):
        raise ValueError("its pixels are fractions")
    if image.mode == "RGB" and not image.has_transparency_data:
        return image
    rows = max(1, _LARGE // image.width)
    if image.height <= rows:
        return _converted(image)
    coloured: Image = _image_module().new("RGB", image.size)
    for top in range(0, image.height, rows):
        strip = 0, top, image.width, min(top + rows, image.height)
        coloured.paste(_converted(image.crop(strip)), strip)
    return coloured


def _converted(image: Image) -> Image:
    module = _image_module()
    if image.mode.startswith("I"):  # 16 bits, which Pillow would clip at 255
        values = np.asarray(image).clip(0, 65535).astype(np.uint32)
        image = module.fromarray(((values + 128) // 257).astype(np.uint8))  # the nearest of 256
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = module.alpha_composite(module.new("RGBA", image.size, "white"), image)
    return image if image.mode == "RGB" else image.convert("RGB")


def _turned(image: Image, orientation: Any) -> Image:
    """Return an image upright, by the number of its orientation in EXIF data."""
    name = _TURNS.get(orientation)
    return image if name is None else image.transpose(_image_module().Transpose[name])


def _check_work(content: bytes, opened: Image) -> None:
    """Raise a ValueError if decoding would take more memory or time than that of any photograph."""
    width, height = opened.size
    if width * height > MOST_PIXELS or max(width, height) > LONGEST_SIDE:
        raise ValueError(
            f"it has {width:,}×{height:,} pixels, and may have {MOST_PIXELS:,} of them, "
            f"{LONGEST_SIDE:,} in a row"
        )
    if opened.format in _JPEG and (scans := _scans(content)) > MOST_SCANS:
        raise ValueError(f"it is in {scans:,} scans, and may be in {MOST_SCANS}")


def _scans(content: bytes) -> int:
    """Return the number of scans in a JPEG. NumPy counts them faster than `bytes.count` does.

    Compressed pixels cannot contain the marker of a scan: in them, JPEG never writes 0xDA after
    0xFF.
    """
    values = np.frombuffer(content, np.uint8)
    return int(np.count_nonzero((values[:-1] == _SCAN[0]) & (values[1:] == _SCAN[1])))


def _image_module() -> Any:
    from PIL import Image  # takes 20 ms, so `import pycifar` does not import it

    return Image
