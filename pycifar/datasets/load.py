"""`load_dataset`, which loads a data set from any source."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from pycifar.config import DEFAULT_SOURCE
from pycifar.datasets.arrays import check_labels, number_labels
from pycifar.datasets.cifar10 import load_cifar10
from pycifar.datasets.dataset import Dataset, Split, check_groups
from pycifar.datasets.examples import as_pixels, by_split, class_names_of, is_pair, take_all
from pycifar.datasets.file_list import (
    FileList,
    Listing,
    check_classes,
    read_files,
    reading_failed,
    unreadable,
    without,
)
from pycifar.datasets.folders import HIDDEN_FILE, list_folder
from pycifar.datasets.holding_out import grouped, hold_out, keep
from pycifar.datasets.leakage import repeated_pictures
from pycifar.datasets.load_arguments import check_load_arguments, kind_of
from pycifar.datasets.resizing import Resize
from pycifar.datasets.sampling import warn_of_lost_classes
from pycifar.datasets.storage import Storage
from pycifar.datasets.synthetic import draw_dataset
from pycifar.datasets.tables import is_table, list_table
from pycifar.errors import (
    DataError,
    DataWarning,
    PycifarWarning,
    SkippedWarning,
    first_of,
    text_on_disk,
    warn,
)
from pycifar.foreign_names import known_arguments_only


@known_arguments_only
def load_dataset(  # noqa: PLR0913 - the settings of all sources
    source: Any = DEFAULT_SOURCE,
    data_dir: str | Path | None = None,
    n_train: int | None = None,
    n_test: int | None = None,
    class_names: Sequence[str] | None = None,
    image_size: int | Sequence[int] | None = None,
    download: bool = True,
    seed: int | None = 1,
    resize: str | Mapping[str, str] | Resize = "squash",
    test_fraction: float | None = None,
    validation_fraction: float | None = None,
    groups: Any = None,
    on_error: str = "stop",
    follow_links: bool = False,
    in_memory: bool | None = None,
    cache_dir: str | Path | None = None,
    verbose: int = 1,
) -> Dataset:
    """Load a data set of labelled images.

    A source is one of these:

    - ``"cifar10"``.
    - ``"synthetic"``, ten classes of shapes and patterns that are drawn by code and need no file.
    - ``"folder"``, image files in ``data_dir/<split>/<class>/``. The folders of the splits are
      called ``train``; ``val``, ``valid`` or ``validation``; and ``test``, in any case. If none is
      called ``train`` or ``test`` and there are other folders, each folder in `data_dir` is a
      class, and all images are training images. Images in subfolders of a class belong to it.
    - A table of pandas, or the path of a CSV file (in UTF-8, with commas), with the columns
      ``path`` and ``label``, one row an image file. The columns ``split`` (the names of the folders
      above), ``group`` and ``weight`` may be there, and others are not looked at. Labels are names:
      whole numbers are taken as they are written.
    - Arrays as ``{"train": (images, labels), "test": (images, labels)}``, or what
      ``keras.datasets.….load_data()`` returns. Images are as `check_images` takes them, or a list
      of arrays and Pillow images. Labels are whole numbers from 0, class names, or one-hot rows,
      such as a table of pandas whose columns are the class names.
    - What gives pairs of an image and its label, or batches of these: a ``tf.data.Dataset``, as
      ``keras.utils.image_dataset_from_directory`` returns it, one or both; a
      ``keras.utils.PyDataset``; or an iterable, such as a list of (Pillow image, label). Each may
      stand for a split, as in ``{"train": …, "test": …}``. A third item of a pair is the weight.
      Floats above 1 are rounded, and make all floats count from 0 to 255.

    A split "validation" is what `train` validates on, unless it is told otherwise. Pictures that
    are in "train" and in another split are told by a `DataWarning`, as are classes of image files
    with one training image, and classes of which all images are held out or left out. What was
    passed over is in `Dataset.skipped`; a `SkippedWarning` tells of it, unless it is files alone
    that are hidden or that a system added.

    Args:
        source: where the images come from, as above.
        data_dir: for ``"cifar10"``, a folder of its batches, one of its archives, or a folder that
            holds any of these. None looks at the place that the environment variable
            ``PYCIFAR_DATA_DIR`` names. If that is not set, None looks in the user's cache folder,
            and downloads CIFAR-10 to it if needed. For ``"folder"``, the top folder of the tree.
            For a table, the folder that its paths are relative to. None is the folder of the CSV
            file, or the working directory.
        n_train: the number of training images to keep, with each class in proportion; None keeps
            all. For ``"synthetic"``, the number to draw; 5,000 if None.
        n_test: the same for test images; 1,000 if None for ``"synthetic"``.
        class_names: for all but ``"cifar10"`` and ``"synthetic"``, the class names in the order of
            the labels. None takes the names in alphabetical order, or the whole numbers.
        image_size: the size in pixels to resize to: one number for height and width, or
            (height, width), each from 1 to 1,024. If None, 32 for image files, and the size that
            all images have for arrays.
        download: whether CIFAR-10 may be downloaded (170 MB, once).
        seed: decides which images are kept, held out or drawn, from 0 to 2³¹ - 1; None draws a
            seed.
        resize: for files, and arrays with an `image_size`, what is done with images of another
            size. "squash" scales height and width each by its own factor: it keeps the whole image,
            distorted. "crop" keeps the proportions, covers the size and cuts off what is beyond two
            edges. "pad" keeps the proportions and the whole image, on black.
            ``{"how": "crop", "filter": "lanczos"}`` or ``Resize("crop", "lanczos")`` name the
            filter as well, which is "bilinear" otherwise. A model that is trained on the data set
            does the same with the files that it predicts. "squash" is the default because it loses
            nothing of an image, and "bilinear" because it is fast, and trains networks as well as
            "lanczos".
        test_fraction: the share of the split "train" to hold out as the split "test", above 0 and
            below 1, drawn with the seed, with each class in proportion. None holds none out. It
            must be None if there is a split "test".
        validation_fraction: the same for the split "validation". Both are shares of all images that
            "train" had.
        groups: what must stay together where images are held out, as pictures of one object. For a
            table, the name of a column; None takes the column ``group``, if there is one. For
            ``"folder"``, a regular expression: what its groups match in a path below `data_dir`,
            written with ``/``, or else all that it matches. For both and for arrays, a list with
            one value an image, in the order of the rows, or of the files and images of "train",
            "validation" and "test". `train` and `Dataset.folds` keep groups together as well.
        on_error: for image files that cannot be read: "stop" raises an error that names them;
            "skip" goes on without them, and `Dataset.skipped` lists them.
        follow_links: whether image files may lie outside `data_dir`, where links or ``..`` lead.
            Absolute paths of a table may always.
        in_memory: for files, whether all images are in memory, which take 3 × height × width bytes
            each. If not, each is read whenever it is needed, a training reads them ahead of its
            steps, and the results are the same bit for bit. A file that changes afterwards is an
            error where it is read. None keeps them in memory if they take at most half of the
            memory that is free, and there is no `cache_dir`. ``repr()`` says where they are.
        cache_dir: for files, a folder for a cache of the images that are not in memory: a file of
            3 × height × width bytes an image, from which they are read many times as fast as from
            files that must be decoded. It is written once, and used again as long as the files and
            how they are resized stay the same. `clear_cache` removes it. None writes no cache.
        verbose: 0 or False shows nothing; 1, 2 or True the progress of a download, and of reading
            many images, on stderr.

    Returns:
        The data set. Its images are uint8, and are in memory at most once.

    Raises:
        ArgumentError: an argument has a wrong type or value.
        DataNotFoundError: the data set is not at the place where it should be.
        DataFormatError: a file is missing, truncated, of another format or outside `data_dir`; or
            another split has a class that "train" has not.
        DataError: images or labels cannot be used; or a table has a path twice, or a path, label,
            split, group or weight that is missing or not allowed.
        DownloadError: the download failed.
        OutputError: the downloaded files or the cache cannot be written.

    Examples:
        >>> load_dataset("synthetic", n_train=100, n_test=10)
        <Dataset synthetic: train 100, test 10 images of 32×32 in 10 classes>
    """
    given = check_load_arguments(
        {
            "source": source,
            "data_dir": data_dir,
            "n_train": n_train,
            "n_test": n_test,
            "class_names": class_names,
            "image_size": image_size,
            "download": download,
            "seed": seed,
            "resize": resize,
            "test_fraction": test_fraction,
            "validation_fraction": validation_fraction,
            "groups": groups,
            "on_error": on_error,
            "follow_links": follow_links,
            "in_memory": in_memory,
            "cache_dir": cache_dir,
            "verbose": verbose,
        }
    )
    kind = kind_of(source)
    if kind in ("folder", "tables"):
        dataset, told = _from_files(source, given)
    elif kind == "arrays":
        dataset, told = _from_arrays(source, given)
    else:
        told = []
        if kind == "synthetic":
            dataset = draw_dataset(given["n_train"], given["n_test"], given["seed"])
            given["n_train"] = given["n_test"] = None
        else:
            dataset = load_cifar10(given["data_dir"], given["download"], given["verbose"])
        splits = _arranged(dataset.splits, given, dataset.class_names)
        dataset = replace(dataset, splits=splits)
    for warning in told:
        warn(warning)
    return dataset


def _from_arrays(source: Any, given: Mapping[str, Any]) -> tuple[Dataset, list[PycifarWarning]]:
    """Return a data set of arrays, or of what gives examples, and what to warn of."""
    images, labels, weights = {}, {}, {}
    parts = by_split(source)
    if not parts:
        raise DataError("Arrays must be given for at least one split, and there is none.")
    for split, part in parts.items():
        pixels, names, weights[split] = (*part, None) if is_pair(part) else take_all(part, split)
        images[split] = as_pixels(pixels, given["image_size"], given["resize"])
        labels[split] = check_labels(names, len(images[split]), split)
    own_names = class_names_of([source, *parts.values()])
    numbered, names = number_labels(labels, given["class_names"] or own_names)
    groups: tuple[str, ...] = ()
    if given["groups"] is not None:
        groups = check_groups(given["groups"], sum(map(len, images.values())))
    splits, start = {}, 0
    for split, pixels in images.items():
        of_split = groups[start : start + len(pixels)]
        start += len(pixels)
        splits[split] = Split(pixels, numbered[split], (), (), of_split, weights[split])
    splits = _arranged(splits, given, names)
    resize = None if given["image_size"] is None else given["resize"]
    dataset = Dataset("arrays", splits, names, "arrays given by the caller", resize)
    return dataset, _leaks(splits)


def _from_files(source: Any, given: Mapping[str, Any]) -> tuple[Dataset, list[PycifarWarning]]:
    """Return a data set of a folder or a table, and what to warn of."""
    groups, follow_links = given["groups"], given["follow_links"]
    if is_table(source):
        column = groups if isinstance(groups, str) else None
        listed = list_table(source, given["data_dir"], column, follow_links)
        groups = None if column else groups
    else:
        listed = list_folder(given["data_dir"], follow_links)
    if groups is not None:
        listed = grouped(listed, groups)
    files, class_names = listed.by_split(given["class_names"])
    single = _single(files, class_names)
    files = _arranged(files, given, class_names)
    check_classes(files, class_names)
    told = _leaks(files)
    dataset, unread = _read(files, listed, class_names, given)
    reasons = [*listed.skipped, *((path, "that cannot be read as images") for path, _ in unread)]
    if text := _passed_over(reasons):
        told.append(SkippedWarning(f"In {text_on_disk(str(listed.top))}, {text}."))
    if single:
        told.append(
            DataWarning(
                "Classes with one training image cannot be learned or held out: "
                f"{first_of(single)}."
            )
        )
    return dataset, told


def _read(
    files: Mapping[str, FileList],
    listed: Listing,
    class_names: tuple[str, ...],
    given: Mapping[str, Any],
) -> tuple[Dataset, list[tuple[str, str]]]:
    """Return the data set of these files; and what could not be read, and why.

    Raises:
        DataError: files cannot be read, and `on_error` is "stop"; or no file of a split can be.
    """
    how = (given["image_size"] or (32, 32), given["resize"])
    storage = Storage(given["in_memory"], given["cache_dir"])

    def read(parts: Mapping[str, FileList], unread: Sequence[tuple[str, str]]) -> Dataset:
        splits = read_files(parts, *how, storage, given["verbose"])
        skipped = (*listed.skipped, *unread)
        dataset = Dataset(listed.name, splits, class_names, listed.source, how[1], skipped)
        dataset.read_once(given["verbose"])
        return dataset

    try:
        return read(files, []), []
    except DataError as error:
        failed = unreadable(files, *how)  # all of them; the error is that of the first
        if not failed:
            raise
        if given["on_error"] == "stop":
            raise reading_failed(failed, sum(map(len, files.values()))) from error
    unread = [
        (text_on_disk(os.path.relpath(file, listed.top)), error.message)
        for file, error in failed.items()
    ]
    return read(without(files, failed), unread), unread


def _passed_over(skipped: Sequence[tuple[str, str]]) -> str | None:
    """Return a text that counts and names what was passed over; None if it need not be told."""
    by_reason: dict[str, list[str]] = {}
    for path, why in skipped:
        if why != HIDDEN_FILE:
            by_reason.setdefault(why, []).append(path)
    counted = [f"{len(paths):,} {why} ({first_of(paths)})" for why, paths in by_reason.items()]
    return f"files and folders were passed over: {'; '.join(counted)}" if counted else None


def _single(parts: Mapping[str, Any], class_names: Sequence[str]) -> list[str]:
    """Return the classes that have one training image."""
    if "train" not in parts:
        return []
    counts = np.bincount(parts["train"].labels, minlength=len(class_names))
    return [class_names[label] for label in np.flatnonzero(counts == 1).tolist()]


def _leaks(parts: Mapping[str, Any]) -> list[PycifarWarning]:
    text = repeated_pictures(parts)
    return [] if text is None else [DataWarning(text)]


def _arranged(
    parts: Mapping[str, Any], given: Mapping[str, Any], class_names: Sequence[str]
) -> dict[str, Any]:
    """Return splits with those that are held out, and with the wanted numbers of images."""
    fractions = {name: given[f"{name}_fraction"] for name in ("test", "validation")}
    counts = {"train": given["n_train"], "test": given["n_test"]}
    arranged = keep(hold_out(parts, fractions, given["seed"]), counts, given["seed"])
    if "train" in arranged:
        warn_of_lost_classes(parts["train"].labels, arranged["train"].labels, class_names)
    return arranged
