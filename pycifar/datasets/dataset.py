"""A data set: uint8 images in named splits, with integer labels and class names."""

from __future__ import annotations

import hashlib
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from pycifar.arguments import check_seed, describe, listing
from pycifar.console import counting
from pycifar.content import ByContent
from pycifar.datasets.arrays import frozen, unchanging
from pycifar.datasets.resizing import Resize
from pycifar.datasets.sampling import fold_numbers, warn_of_lost_classes
from pycifar.datasets.stored_images import Images, StoredImages, blocks_of
from pycifar.errors import ArgumentError, DataError, ImageError, printable
from pycifar.language import constant

if TYPE_CHECKING:
    import pandas

ARRAYS = ("images", "labels", "weights")  # of a split

# All data sets in memory. The references are weak, so that they do not keep a data set in memory.
_LOADED: weakref.WeakValueDictionary[int, Dataset] = weakref.WeakValueDictionary()


def loaded_dataset(name: str, fingerprint: str) -> Dataset | None:
    """Return a data set in memory with this name and training split, or None.

    Args:
        name: the name of the data set.
        fingerprint: that of its training split; see `Dataset.fingerprint`.
    """
    for dataset in [*_LOADED.values()]:
        trains = dataset.name == name and len(dataset.splits.get("train", ()))
        if trains and dataset.fingerprint("train") == fingerprint:
            return dataset
    return None


def check_dataset(value: Any) -> Dataset:
    """Return the data set `value`; raise an ArgumentError if it is not a `Dataset`."""
    if not isinstance(value, Dataset):
        raise ArgumentError(f"`dataset` must be a data set, not {describe(value)}.")
    return value


@dataclass(frozen=True, eq=False)
class Split(ByContent):
    """Images and labels of one split.

    Args:
        images: uint8, shape (n, height, width, 3), values 0-255. Any memory order is allowed: the
            images of CIFAR-10 are a view of the published planes, one per colour, so that they are
            never copied as a whole. Images that are not in memory are a `StoredImages`, which reads
            those that are indexed. Arrays that can be changed are copied, here and below.
        labels: integers, shape (n,), 0-based indices into the class names of the data set.
        batches: the names of the files that the images came from, in order, each with its number of
            images; empty if the source has no batches.
        paths: the file of each image; empty if the images are not files of their own.
        groups: the group of each image, such as the object that it shows; empty if there are no
            groups. Images of one group stay together where images are held out.
        weights: the weight of each image in the loss, float32 of shape (n,), which `train` uses
            unless it is given others; None gives all the same weight.
    """

    images: Images
    labels: np.ndarray
    batches: tuple[tuple[str, int], ...] = ()
    paths: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    weights: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.images.ndim != 4 or self.images.shape[-1] != 3 or self.images.dtype != np.uint8:
            raise ImageError(
                "The images of a split must be uint8 of shape (n, height, width, 3), "
                f"not {self.images.dtype} of shape {self.images.shape}."
            )
        n = len(self.images)
        if self.labels.shape != (n,):
            raise DataError(
                f"Each image needs one label: there are {n} images, "
                f"and the labels have shape {self.labels.shape}."
            )
        for name in ("path", "group", "weight"):
            values = getattr(self, f"{name}s")
            if values is not None and len(values) not in ((0, n) if name != "weight" else (n,)):
                raise DataError(
                    f"Each image needs one {name}, or none has one: there are {n} images "
                    f"and {len(values)} {name}s."
                )
        for name in ARRAYS:  # the fingerprint is that of these values
            object.__setattr__(self, name, unchanging(getattr(self, name)))

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore what was pickled or copied; NumPy would let such arrays be changed."""
        vars(self).update({name: frozen(v) if name in ARRAYS else v for name, v in state.items()})

    def __len__(self) -> int:
        return len(self.images)

    def take(self, indices: np.ndarray) -> Split:
        """Return the images at increasing indices, with the number of images from each batch."""
        ends = np.cumsum([n for _, n in self.batches])
        counts = np.diff(np.searchsorted(indices, [0, *ends])).tolist()
        batches = [(name, n) for (name, _), n in zip(self.batches, counts, strict=True)]
        paths = tuple(self.paths[index] for index in indices) if self.paths else ()
        pixels = self.images
        chosen = pixels.select if isinstance(pixels, StoredImages) else pixels.__getitem__
        images = frozen(chosen(indices))
        groups = tuple(self.groups[index] for index in indices) if self.groups else ()
        weights = None if self.weights is None else self.weights[indices]
        return Split(images, self.labels[indices], tuple(batches), paths, groups, weights)

    def __repr__(self) -> str:
        _, height, width, _ = self.images.shape
        batches = f" in {len(self.batches)} batches" if self.batches else ""
        return f"<Split of {len(self):,} images of {height}×{width}{batches}>"


@dataclass(frozen=True, eq=False)
class Dataset(ByContent):
    """Splits of labelled images that share their class names.

    Args:
        name: the name of the data set, for example ``"cifar10"`` or ``"synthetic"``.
        splits: the splits by name; training uses ``"train"``, evaluation ``"test"``.
        class_names: one name per class, in the order of the labels.
        source: where the images came from, in words.
        resize: how image files were resized; None if the images came in their size.
        passed_over: the path of each file and folder that was passed over, and why.
    """

    name: str
    splits: Mapping[str, Split]
    class_names: tuple[str, ...]
    source: str = ""
    resize: Resize | None = None
    passed_over: tuple[tuple[str, str], ...] = field(default=(), repr=False, compare=False)
    # A data set with other splits has other fingerprints, so that `replace` must not hand these on.
    _fingerprints: dict[str, str] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        if len(set(self.class_names)) != len(self.class_names):
            raise DataError(f"Class names must differ, not {listing(self.class_names)}.")
        shapes = {split.images.shape[1:] for split in self.splits.values()}
        if len(shapes) > 1:
            raise ImageError(
                f"All splits must hold images of one size, not {sorted(s[:2] for s in shapes)}."
            )
        for name, split in self.splits.items():
            _check_labels(name, split.labels, len(self.class_names))
        object.__setattr__(self, "splits", dict(self.splits))
        object.__setattr__(self, "class_names", tuple(self.class_names))
        _LOADED[id(self)] = self

    @cached_property
    def image_shape(self) -> tuple[int, int, int]:
        """The shape of each image: (height, width, 3), in pixels."""
        return next(iter(self.splits.values())).images.shape[1:]

    @property
    def n_classes(self) -> int:
        """The number of classes."""
        return len(self.class_names)

    @property
    def storage(self) -> str | None:
        """Where the images of files are now, in words; None if the images are no files."""
        split = next(iter(self.splits.values()))
        if isinstance(split.images, StoredImages):
            return split.images.store.place
        return "in memory" if split.paths else None

    def split(self, name: str) -> Split:
        """Return the split of that name.

        Raises:
            DataError: the data set has no split of that name, or it is empty.
        """
        if not isinstance(name, str) or name not in self.splits:
            raise no_such_split(self.name, name, self.splits)
        if not len(self.splits[name]):
            raise DataError(f'The split "{name}" of the data set "{self.name}" holds no images.')
        return self.splits[name]

    @property
    def skipped(self) -> pandas.DataFrame:
        """What was passed over: one row per file or folder, with the columns "path", "reason"."""
        import pandas

        return pandas.DataFrame(self.passed_over, columns=["path", "reason"])

    def subset(self, which: Any, split: str = "train") -> Dataset:
        """Return the data set with fewer images of one split.

        Args:
            which: the indices of the images to keep, from 0, each once; or one truth value per
                image. The images stay in the order of the split.
            split: the name of the split; the others stay as they are.

        Raises:
            ArgumentError: `which` has an index that is not in the split or occurs twice, or another
                number of truth values, or keeps no image.
            DataError: there is no such split.

        Examples:
            >>> import pycifar
            >>> dataset = pycifar.load_dataset("synthetic", n_train=100, n_test=10)
            >>> dataset.subset(dataset.split("train").labels < 5)
            <Dataset synthetic: train 50, test 10 images of 32×32 in 10 classes>
        """
        part = self.split(split)
        return replace(self, splits={**self.splits, split: part.take(_indices(which, len(part)))})

    def folds(self, k: int = 5, seed: int = 1, groups: Any = None) -> Iterator[Dataset]:
        """Return an iterator over k data sets, each with another part of "train" held out.

        Each image of the split "train" is in the split "validation" of one of them, and in "train"
        of the others, with the classes in equal numbers to within one image. `train` then validates
        on these. Other splits stay as they are, but for a split "validation", which is replaced.
        A `DataWarning` tells of classes that are held out as a whole.

        Args:
            k: the number of folds, from 2 to the number of images, or of groups.
            seed: decides which images are in which fold, from 0 to 2³¹ - 1.
            groups: the group of each image of "train", one value per image. Images of one group
                stay together. None means the groups that the data set has, if it has any.

        Raises:
            ArgumentError: an argument is not as above.
            DataError: there is no split "train".

        Examples:
            >>> import pycifar
            >>> dataset = pycifar.load_dataset("synthetic", n_train=100, n_test=10)
            >>> next(dataset.folds(4))
            <Dataset synthetic: train 75, validation 25, test 10 images of 32×32 in 10 classes>
        """
        part = self.split("train")
        if groups is not None:
            part = replace(part, groups=check_groups(groups, len(part)))
        numbers = fold_numbers(part.labels, k, check_seed(seed), part.groups)
        others = {name: one for name, one in self.splits.items() if name != "validation"}

        def fold(number: int) -> Dataset:
            kept, held_out = (np.flatnonzero(numbers != number), np.flatnonzero(numbers == number))
            warn_of_lost_classes(part.labels, part.labels[kept], self.class_names)
            new = {"train": part.take(kept), "validation": part.take(held_out)}
            return replace(self, splits=new | {n: s for n, s in others.items() if n != "train"})

        return map(fold, range(int(numbers.max()) + 1))

    def fingerprint(self, split: str = "train") -> str:
        """Return the SHA-256 of a split, in hexadecimal.

        It covers the shape, the pixels (image by image, row by row) and the labels. The memory
        order of the images makes no difference.
        """
        if split not in self._fingerprints:
            self._fingerprints[split] = _digest(self.split(split))
        return self._fingerprints[split]

    def read_once(self, verbose: bool = False) -> None:
        """Read all images that are not in memory, for the fingerprints, and so that none is broken.

        Args:
            verbose: whether to show the progress on stderr.

        Raises:
            DataError: an image cannot be read.
        """
        parts = {
            name: split
            for name, split in self.splits.items()
            if isinstance(split.images, StoredImages) and len(split)
        }
        done, total = 0, sum(map(len, parts.values()))
        with counting(total, "images", verbose) as show:
            for name, part in parts.items():
                self._fingerprints[name] = _digest(part, show, done)
                done += len(part)

    def __repr__(self) -> str:
        sizes = ", ".join(f"{name} {len(split):,}" for name, split in self.splits.items())
        height, width, _ = self.image_shape
        size, classes = f"{height}×{width}", f"{self.n_classes:,} classes"
        storage = f", {self.storage}" if self.storage else ""
        return f"<Dataset {printable(self.name)}: {sizes} images of {size} in {classes}{storage}>"


def _digest(part: Split, show: Callable[[int], None] = lambda done: None, before: int = 0) -> str:
    """Return the SHA-256 of a split; call `show` with how many images are done, and `before`."""
    digest = hashlib.sha256(repr(part.images.shape).encode())
    # Pixels and labels alternate by block, so another size of blocks changes the result.
    for start in range(0, len(part), 1000):
        for block in blocks_of(part.images, start, start + 1000):
            digest.update(part.images[block].tobytes())
            show(before + block.stop)
        digest.update(part.labels[start : start + 1000].astype("<i8").tobytes())
    return digest.hexdigest()


def no_such_split(dataset: str, name: Any, splits: Iterable[str]) -> DataError:
    """Return the error for a split that a data set does not have."""
    have = ", ".join(f'"{s}"' for s in splits)
    return DataError(f'The data set "{dataset}" has no split {describe(name)}; it has {have}.')


def _indices(which: Any, n: int) -> np.ndarray:
    """Return the indices, in increasing order, that `Dataset.subset` was given."""
    given = np.asarray(which)
    if given.dtype.kind == "b" and given.shape == (n,):
        given = np.flatnonzero(given)
    is_sound = given.ndim == 1 and given.size and given.dtype.kind in "iu"
    if not is_sound or given.min() < 0 or given.max() >= n or len(np.unique(given)) < len(given):
        raise ArgumentError(
            f"`which` must be different whole numbers from 0 to {n - 1}, or {n} truth values of "
            f"which one is {constant(True)}, not {describe(which)}."
        )
    return np.sort(given)


def check_groups(groups: Any, n: int) -> tuple[str, ...]:
    """Return the group of each of `n` images as text.

    Raises:
        ArgumentError: there are more or fewer, or one is missing.
    """
    try:
        values = [] if isinstance(groups, (str, Mapping)) else list(groups)
    except TypeError:
        values = []
    if len(values) != n or any(value is None or value != value or value == "" for value in values):
        many = f"{len(values):,} of them" if values else describe(groups)
        raise ArgumentError(
            f"`groups` must have one value for each of the {n:,} images, none missing, not {many}."
        )
    return tuple(str(value) for value in values)


def _check_labels(split: str, labels: np.ndarray, n_classes: int) -> None:
    if labels.dtype.kind not in "iu":
        raise DataError(f'Labels must be whole numbers; split "{split}" holds {labels.dtype}.')
    outside = (labels < 0) | (labels >= n_classes)
    if outside.any():
        first = int(np.flatnonzero(outside)[0])
        raise DataError(
            f"Labels must lie in 0-{n_classes - 1}; image {first + 1} of split "
            f'"{split}" has label {labels[first]}.'
        )
