"""Data sets from a tree of image files, with one folder per class."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import cast

import numpy as np

from pycifar.arguments import check_path, listing
from pycifar.console import counting
from pycifar.datasets.arrays import number_labels
from pycifar.datasets.dataset import Dataset, Split
from pycifar.datasets.image_files import SQUASH, SUFFIXES, SYSTEM_FOLDERS, read_images
from pycifar.datasets.resizing import Resize
from pycifar.datasets.storage import IN_MEMORY, Storage
from pycifar.errors import (
    DataError,
    DataFormatError,
    DataNotFoundError,
    SkippedWarning,
    first_of,
    text_on_disk,
)

_SPLITS = ("train", "test")

# Returns which images to read, for the name of a data set and the labels of each split.
Chooser = Callable[[str, Mapping[str, np.ndarray]], Mapping[str, np.ndarray]]

LARGEST_SIDE = 1024  # pixels; five hundred images of this size take 1.6 GB


def load_folder(
    data_dir: str | Path,
    class_names: Sequence[str] | None = None,
    image_size: tuple[int, int] | None = None,
    resize: Resize = SQUASH,
    choose: Chooser = lambda name, labels: {},
    storage: Storage = IN_MEMORY,
    verbose: bool = False,
) -> Dataset:
    """Load the images in ``data_dir/train/<class>/`` and ``data_dir/test/<class>/``.

    If `data_dir` has neither a folder ``train`` nor ``test``, its folders are the classes, and all
    images are training images. Files are taken in the order of their names, and each split has
    their `paths`. Skipped are hidden files, files whose ending is not that of an image format that
    `read_image` reads (such as ``Thumbs.db``), and files that are not directly in the folder of a
    class. Folders that are hidden, and those that systems add by themselves (``__MACOSX``,
    ``@eaDir`` and others), are no classes: they are passed over, with one warning that names them.

    Args:
        data_dir: the top folder of the tree.
        class_names: the names of the class folders in the order of the labels; None takes them in
            alphabetical order.
        image_size: height and width in pixels that the images get; (32, 32) if None.
        resize: how they get this size.
        choose: returns the indices of the images to read, of each split of which not all are, for
            the name of the data set and the labels of its splits.
        storage: whether the images are in memory, and where they are read from if they are not.
        verbose: whether to show the progress on stderr.

    Raises:
        DataNotFoundError: there is no such folder.
        DataFormatError: a folder has no images, an image cannot be read or lies outside `data_dir`,
            or a class has test images but no training images.
        DataError: a folder cannot be read.
    """
    top = check_path("data_dir", data_dir)
    if not top.is_dir():
        raise DataNotFoundError(f"`data_dir` must be a folder of images; there is none at {top}.")
    found = [split for split in _SPLITS if (top / split).is_dir()]
    folders = {split: top / split for split in found} or {"train": top}
    files, passed_over = {}, set()
    for split, folder in folders.items():
        files[split], others = _image_files(folder, top)
        passed_over.update(others)
    names = {
        split: np.array([text_on_disk(file.parent.name) for file in paths])
        for split, paths in files.items()
    }
    if len(files) == 2 and (unknown := sorted({*names["test"]} - {*names["train"]})):
        raise DataFormatError(
            f"{top / 'test'} must have no classes that {top / 'train'} has not, and it has "
            f"{listing(unknown)}."
        )
    labels, classes = number_labels(names, class_names)
    name = text_on_disk(top.resolve().name)
    for split, chosen in choose(name, labels).items():
        files[split] = [files[split][index] for index in chosen]
        labels[split] = labels[split][chosen]
    size = image_size or (32, 32)
    read = _read_all if storage.holds(files, size) else storage.stored
    images = read(files, size, resize, verbose)
    splits = {
        split: Split(images[split], labels[split], paths=tuple(map(str, paths)))
        for split, paths in files.items()
    }
    if passed_over:
        warnings.warn(
            f"In {top}, folders that are hidden or that a system added were passed over: "
            f"{first_of(sorted(passed_over))}.",
            SkippedWarning,
            stacklevel=4,  # where load_dataset() was called
        )
    source = f"image files in {text_on_disk(str(top))}"
    return Dataset(name, splits, classes, source, resize)


def _image_files(folder: Path, top: Path) -> tuple[list[Path], list[str]]:
    """Return the image files in the class folders of a folder; refuse links to outside `top`.

    Returns:
        (files, passed_over): the files; and the names of the folders that are no classes.
    """
    entries, passed_over = _entries(folder)
    classes = [path for path in entries if path.is_dir()]
    if not classes:
        raise DataFormatError(f"{folder} must hold one folder of images a class; it holds none.")
    found = []
    for class_folder in classes:
        entries, others = _entries(class_folder)
        passed_over += others
        files = [path for path in entries if path.suffix.lower() in SUFFIXES]
        if not files:
            endings = ", ".join(SUFFIXES)
            raise DataFormatError(f"{class_folder} must hold images ({endings}); it holds none.")
        found += files
    inside = os.path.realpath(top)
    for file in found:
        if not Path(os.path.realpath(file)).is_relative_to(inside):
            raise DataFormatError(f"{file} is a link that leads outside of {top}: not followed.")
        if not file.is_file():
            raise DataFormatError(f"{file} is no file: a pipe, a folder, or a link to nowhere.")
    return found, passed_over


def _entries(folder: Path) -> tuple[list[Path], list[str]]:
    """Return what is in a folder, sorted by name, without what is hidden or a system's own.

    Returns:
        (entries, passed_over): the paths; and the names of the folders that were left out.
    """
    entries, passed_over = [], []
    try:
        for path in sorted(folder.iterdir()):
            if not path.name.startswith(".") and path.name not in SYSTEM_FOLDERS:
                entries.append(path)
            elif path.is_dir():
                passed_over.append(path.name)
    except OSError as error:
        raise DataError(f"The folder {folder} cannot be read: {error.strerror}.") from error
    return entries, passed_over


def _read_all(
    files: Mapping[str, list[Path]], size: tuple[int, int], resize: Resize, verbose: bool
) -> dict[str, np.ndarray]:
    """Return the images of each split."""
    images = {split: np.empty((len(paths), *size, 3), np.uint8) for split, paths in files.items()}
    places = [place for part in images.values() for place in part]
    paths = [path for part in files.values() for path in part]
    with counting(len(paths), "images", verbose) as show:
        for done, pixels in enumerate(read_images(paths, size, resize), 1):
            places[done - 1][:] = cast("np.ndarray", pixels)
            show(done)
    return images
