"""Data sets from a tree of image files, with one folder per class."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pycifar.datasets.file_list import SPLIT_NAMES, SPLITS, FileList, Listing, check_inside
from pycifar.datasets.image_files import SUFFIXES, SYSTEM_FOLDERS
from pycifar.errors import DataError, DataFormatError, DataNotFoundError, text_on_disk

LARGEST_SIDE = 1024  # pixels; five hundred images of this size take 1.6 GB

# The endings of image files: the usual ones, and others of the same formats.
ENDINGS = tuple(
    sorted({*SUFFIXES, ".apng", ".dib", ".jfif", ".jif", ".jpe", ".pbm", ".pgm", ".pnm"})
)

_SYSTEM_FILES = ("thumbs.db", "desktop.ini", "icon\r")

# Why something was passed over. A warning names all but `HIDDEN_FILE`, which says nothing.
HIDDEN_FILE = "a file that is hidden or that a system added"
_HIDDEN_FOLDER = "hidden, or added by a system"
_NO_CLASS = "not in the folder of a class"
_NO_SPLIT = "beside the folders of the splits"
_NO_IMAGE = "without the ending of an image file"


def list_folder(top: Path, follow_links: bool) -> Listing:
    """List the images in ``top/<split>/<class>/`` or in ``top/<class>/``, and below.

    The folders of the splits are called ``train``, ``val``, ``valid`` or ``validation``, and
    ``test``, in any case. If none is called ``train`` or ``test`` and there are other folders, each
    folder is a class, and all images are training images. Files are taken in the order of their
    names. An image in a subfolder of a class belongs to the class.

    Raises:
        DataNotFoundError: there is no such folder.
        DataFormatError: a folder has no images, a file lies outside `top`, or two folders are the
            same split.
        DataError: a folder cannot be read.
    """
    if not top.is_dir():
        raise DataNotFoundError(f"`data_dir` must be a folder of images; there is none at {top}.")
    skipped: list[tuple[str, str]] = []
    files: list[Path] = []
    labels: list[str] = []
    splits: list[str] = []
    for split, folder in _split_folders(top, skipped).items():
        for class_folder in _class_folders(folder, skipped):
            found = list(_images(class_folder, skipped, ()))
            if not found:
                endings = ", ".join(ENDINGS)
                raise DataFormatError(
                    f"{class_folder} must hold images ({endings}); it holds none."
                )
            files += found
            labels += [text_on_disk(class_folder.name)] * len(found)
            splits += [split] * len(found)
    if not follow_links:
        check_inside(files, top)
    # A folder is looked into twice where it may have splits, and has none.
    relative = [(text_on_disk(os.path.relpath(path, top)), why) for path, why in skipped]
    return Listing(
        text_on_disk(top.resolve().name),
        f"image files in {text_on_disk(str(top))}",
        top,
        FileList(tuple(files), np.array(labels)),
        np.array(splits),
        skipped=list(dict.fromkeys(relative)),
    )


def _split_folders(top: Path, skipped: list[tuple[str, str]]) -> dict[str, Path]:
    """Return the folder of each split; that of "train" is `top` if there are no such folders."""
    entries = _entries(top, skipped)
    folders = [path for path in entries if path.is_dir()]
    named = [path for path in folders if path.name.lower() in SPLIT_NAMES]
    has_splits = any(path.name.lower() in ("train", "test") for path in named)
    if not named or not (has_splits or len(named) == len(folders)):
        return {"train": top}
    found: dict[str, Path] = {}
    for path in named:
        split = SPLIT_NAMES[path.name.lower()]
        if split in found:
            raise DataFormatError(
                f'{top} must have one folder for the split "{split}"; it has '
                f"{found[split].name} and {path.name}."
            )
        found[split] = path
    for path in entries:
        if path not in named:
            skipped.append((str(path), _NO_SPLIT))
    return {split: found[split] for split in SPLITS if split in found}


def _class_folders(folder: Path, skipped: list[tuple[str, str]]) -> list[Path]:
    """Return the folders of the classes of a split."""
    entries = _entries(folder, skipped)
    classes = [path for path in entries if path.is_dir()]
    if not classes:
        raise DataFormatError(f"{folder} must hold one folder of images a class; it holds none.")
    skipped += [(str(path), _NO_CLASS) for path in entries if not path.is_dir()]
    return classes


def _images(folder: Path, skipped: list[tuple[str, str]], above: tuple[str, ...]) -> Iterator[Path]:
    """Yield the image files in a folder and in those below, in the order of their names."""
    real = os.path.realpath(folder)
    if real in above:
        raise DataFormatError(f"{folder} is a link to a folder that it lies in.")
    for path in _entries(folder, skipped):
        if path.is_dir():
            yield from _images(path, skipped, (*above, real))
        elif path.suffix.lower() in ENDINGS:
            yield path
        else:
            skipped.append((str(path), _NO_IMAGE))


def _entries(folder: Path, skipped: list[tuple[str, str]]) -> list[Path]:
    """Return what is in a folder, sorted by name, without what is hidden or a system's own."""
    entries = []
    try:
        for path in sorted(folder.iterdir()):
            if path.name.startswith(".") or path.name in SYSTEM_FOLDERS:
                skipped.append((str(path), _HIDDEN_FOLDER if path.is_dir() else HIDDEN_FILE))
            elif path.name.lower() in _SYSTEM_FILES:
                skipped.append((str(path), HIDDEN_FILE))
            else:
                entries.append(path)
    except OSError as error:
        raise DataError(f"The folder {folder} cannot be read: {error.strerror}.") from error
    return entries
