"""`load_dataset`, which loads a data set from any source."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pycifar.arguments import (
    check_choice,
    check_count,
    check_flag,
    check_path,
    check_seed,
    describe,
)
from pycifar.config import DEFAULT_SOURCE
from pycifar.datasets.arrays import check_images, check_labels, number_labels
from pycifar.datasets.cifar10 import load_cifar10
from pycifar.datasets.dataset import Dataset, Split, no_such_split
from pycifar.datasets.folders import LARGEST_SIDE, load_folder
from pycifar.datasets.resizing import Resize, resolve_resize
from pycifar.datasets.sampling import stratified_indices
from pycifar.datasets.storage import Storage
from pycifar.datasets.stored_images import Images, StoredImages
from pycifar.datasets.synthetic import MOST, draw_dataset
from pycifar.errors import ArgumentError, DataError
from pycifar.foreign_names import known_arguments_only

# The options of each source, besides those that all sources have.
_OPTIONS = {
    "cifar10": ("data_dir",),
    "synthetic": (),
    "folder": ("data_dir", "class_names", "image_size", "resize", "in_memory", "cache_dir"),
    "arrays": ("class_names",),
}
_NAMED = tuple(name for name in _OPTIONS if name != "arrays")


@known_arguments_only
def load_dataset(  # noqa: PLR0913 - the settings of four sources
    source: str | Mapping[str, tuple[Any, Any]] = DEFAULT_SOURCE,
    data_dir: str | Path | None = None,
    n_train: int | None = None,
    n_test: int | None = None,
    class_names: Sequence[str] | None = None,
    image_size: int | Sequence[int] | None = None,
    download: bool = True,
    seed: int | None = 1,
    resize: str | Mapping[str, str] | Resize = "squash",
    in_memory: bool | None = None,
    cache_dir: str | Path | None = None,
    verbose: bool = True,
) -> Dataset:
    """Load a data set of labelled images.

    Args:
        source: ``"cifar10"``; ``"synthetic"``, ten classes of shapes and patterns that are drawn
            by code and need no file; ``"folder"``, image files in
            ``data_dir/train/<class>/`` and ``data_dir/test/<class>/``; or arrays as
            ``{"train": (images, labels), "test": (images, labels)}``. Images are as `check_images`
            takes them. Labels are whole numbers from 0, or class names.
        data_dir: for ``"cifar10"``, a folder of its batches, one of its archives, or a folder that
            holds any of these. None looks at the place that the environment variable
            ``PYCIFAR_DATA_DIR`` names. If that is not set, None looks in the user's cache folder,
            and downloads CIFAR-10 to it if needed. For ``"folder"``, the top folder of the tree.
        n_train: the number of training images to keep, with each class in proportion; None keeps
            all. For ``"synthetic"``, the number to draw; 5,000 if None.
        n_test: the same for test images; 1,000 if None for ``"synthetic"``.
        class_names: for ``"folder"`` and arrays, the class names in the order of the labels. None
            takes the names in alphabetical order, or the whole numbers of arrays.
        image_size: for ``"folder"``, the size in pixels that the images get: one number for height
            and width, or (height, width), each from 1 to 1,024; 32 if None.
        download: whether CIFAR-10 may be downloaded (170 MB, once).
        seed: decides which images are kept or drawn, from 0 to 2³¹ - 1; None draws a seed.
        resize: for ``"folder"``, what is done with images of another size. "squash" scales height
            and width each by its own factor: it keeps the whole image, distorted. "crop" keeps the
            proportions, covers the size and cuts off what is beyond two edges. "pad" keeps the
            proportions and the whole image, on black. ``{"how": "crop", "filter": "bilinear"}`` or
            ``Resize("crop", "bilinear")`` name the filter as well, which is "lanczos" otherwise.
            A model that is trained on the data set does the same with the files that it predicts.
            "squash" is the default because it loses nothing of an image.
        in_memory: for ``"folder"``, whether all images are in memory, which take
            3 × height × width bytes each. If not, each is read whenever it is needed, a training
            reads them ahead of its steps, and the results are the same bit for bit. A file that
            changes afterwards is an error where it is read. None keeps them in memory if they take
            at most half of the memory that is free, and there is no `cache_dir`. ``repr()`` says
            where they are.
        cache_dir: for ``"folder"``, a folder for a cache of the images that are not in memory: a
            file of 3 × height × width bytes an image, from which they are read many times as fast
            as from files that must be decoded. It is written once, and used again as long as the
            files and how they are resized stay the same. `clear_cache` removes it. None writes no
            cache.
        verbose: whether to show the progress of a download, and of reading many images, on stderr.

    Returns:
        The data set. Its images are uint8, and are in memory at most once.

    Raises:
        ArgumentError: an argument has a wrong type or value.
        DataNotFoundError: the data set is not at the place where it should be.
        DataFormatError: a file is missing, truncated or of another format.
        DataError: images or labels cannot be used.
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
            "in_memory": in_memory,
            "cache_dir": cache_dir,
            "verbose": verbose,
        }
    )
    if source == "synthetic":
        return draw_dataset(given["n_train"], given["n_test"], given["seed"])
    wanted = {"train": given["n_train"], "test": given["n_test"]}
    if isinstance(source, Mapping):
        dataset = _from_arrays(source, given["class_names"])
    elif source == "folder":
        dataset = load_folder(
            given["data_dir"],
            given["class_names"],
            given["image_size"],
            given["resize"],
            partial(_chosen, wanted=wanted, seed=given["seed"]),
            Storage(given["in_memory"], given["cache_dir"]),
            verbose,
        )
        dataset.read_once(verbose)
        return dataset
    else:
        dataset = load_cifar10(given["data_dir"], download, verbose)
    return _keep(dataset, wanted, given["seed"])


def check_load_arguments(given: Mapping[str, Any]) -> dict[str, Any]:
    """Check arguments of `load_dataset`, as far as possible before anything is loaded.

    Args:
        given: any of its arguments, by name. If `source` is missing, because only the file of a
            model will tell it, it is not checked whether the source takes the other arguments.

    Returns:
        The arguments as plain Python types.

    Raises:
        ArgumentError: an argument has a wrong type or value.
    """
    most = MOST if given.get("source") == "synthetic" else None
    rules = _RULES | dict.fromkeys(
        ("n_train", "n_test"), lambda name, value: check_count(name, value, 1, most)
    )
    checked = {
        name: value if value is None and name in _MAY_BE_NONE else rules[name](name, value)
        for name, value in given.items()
    }
    if "source" in checked:
        source: Any = checked["source"]
        _refuse_idle_options("arrays" if isinstance(source, Mapping) else source, checked)
        if source == "folder" and checked.get("data_dir") is None:
            raise ArgumentError('The source "folder" needs `data_dir`, the folder of images.')
    Storage(checked.get("in_memory"), checked.get("cache_dir"))
    return checked


def _refuse_idle_options(source: str, options: dict[str, Any]) -> None:
    """Raise an ArgumentError for an option that the source does not take."""
    for name, idle in (
        ("data_dir", None),
        ("class_names", None),
        ("image_size", None),
        ("resize", Resize()),
        ("in_memory", None),
        ("cache_dir", None),
    ):
        if options.get(name, idle) != idle and name not in _OPTIONS[source]:
            takers = [f'"{s}"' if s in _NAMED else s for s, o in _OPTIONS.items() if name in o]
            raise ArgumentError(
                f"`{name}` is for {' and '.join(takers)} alone, and the source is {source}.",
                fix=f"Leave out `{name}`, or choose another `source`.",
            )


def _check_source(name: str, value: Any) -> Any:
    return value if isinstance(value, Mapping) else check_choice(name, value, _NAMED)


def _check_size(name: str, value: Any) -> tuple[int, int]:
    """Return height and width, which are given as one number or as two."""
    if isinstance(value, str) or not isinstance(value, (Sequence, np.ndarray)):
        side = check_count(name, value, 1, LARGEST_SIDE)
        return side, side
    if len(value) != 2:
        raise ArgumentError(
            f"`{name}` must be one number, or height and width, not {describe(value)}."
        )
    height, width = (check_count(name, side, 1, LARGEST_SIDE) for side in value)
    return height, width


def check_class_names(name: str, class_names: Any) -> tuple[str, ...]:
    """Return class names as a tuple; raise an ArgumentError unless they are different texts."""
    try:
        names = () if isinstance(class_names, str) else tuple(class_names)
    except TypeError:
        names = ()
    is_sound = names and all(isinstance(name, str) and name for name in names)
    if not is_sound or len(set(names)) != len(names):
        raise ArgumentError(
            f"`{name}` must be a list of different names, not {describe(class_names)}."
        )
    return names


_RULES: dict[str, Callable[[str, Any], Any]] = {
    "source": _check_source,
    "data_dir": check_path,
    "class_names": check_class_names,
    "image_size": _check_size,
    "download": check_flag,
    "seed": lambda name, value: check_seed(value),
    "resize": lambda name, value: resolve_resize(value, name),
    "in_memory": check_flag,
    "cache_dir": check_path,
    "verbose": check_flag,
}
_MAY_BE_NONE = (
    *("data_dir", "n_train", "n_test", "class_names", "image_size"),
    *("in_memory", "cache_dir"),
)


def _own(images: Images, given: Any) -> Images:
    """Return images that nobody else can change: a copy, unless they are that already."""
    if isinstance(images, StoredImages):
        return images
    theirs = isinstance(given, np.ndarray) and np.may_share_memory(images, given)
    is_frozen = images.flags.owndata and not images.flags.writeable
    return images.copy() if theirs and not is_frozen else images


def _categories(source: Mapping[str, Any]) -> list[str] | None:
    """Return the categories of labels that are categoricals of pandas; None for others."""
    for pair in source.values():
        labels = pair[1] if isinstance(pair, (tuple, list)) and len(pair) == 2 else None
        labels = getattr(labels, "cat", labels)  # of a Series
        if (categories := getattr(labels, "categories", None)) is not None:
            return [str(category) for category in categories]
    return None


def _from_arrays(source: Mapping[str, Any], class_names: Sequence[str] | None) -> Dataset:
    images, labels = {}, {}
    if not source:
        raise DataError("Arrays must be given for at least one split, and there is none.")
    for split, pair in source.items():
        if not isinstance(split, str) or not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise ArgumentError(
                'Arrays must be given as {"train": (images, labels), "test": (images, labels)}; '
                f"the split {split!r} is {describe(pair)}."
            )
        images[split] = _own(check_images(pair[0]), pair[0])
        labels[split] = check_labels(pair[1], len(images[split]), split)
    numbered, names = number_labels(labels, class_names or _categories(source))
    splits = {split: Split(images[split], numbered[split]) for split in images}
    return Dataset("arrays", splits, names, "arrays given by the caller")


def _keep(dataset: Dataset, wanted: Mapping[str, int | None], seed: int) -> Dataset:
    """Return the data set with the wanted number of images of each split; None keeps all."""
    labels = {name: split.labels for name, split in dataset.splits.items()}
    chosen = _chosen(dataset.name, labels, wanted, seed)
    kept = {name: dataset.splits[name].take(indices) for name, indices in chosen.items()}
    return replace(dataset, splits={**dataset.splits, **kept})


def _chosen(
    dataset: str, labels: Mapping[str, np.ndarray], wanted: Mapping[str, int | None], seed: int
) -> dict[str, np.ndarray]:
    """Return the indices of the images that are kept, of each split of which a number is wanted.

    Args:
        dataset: the name of the data set, for the error message.
        labels: the labels of each split.
        wanted: how many images of a split to keep; None keeps all.
        seed: decides which.
    """
    chosen = {}
    for name, n in wanted.items():
        if n is not None:
            if not len(labels.get(name, ())):
                raise no_such_split(dataset, name, labels)
            n = check_count(f"n_{name}", n, 1, len(labels[name]))
            chosen[name] = stratified_indices(labels[name], n, seed)
    return chosen
