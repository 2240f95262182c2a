"""A summary of a data set: the numbers of its images, and their colours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pycifar.arguments import check_count, check_seed
from pycifar.content import ByContent
from pycifar.datasets.augmentation import (
    Augmentation,
    check_augmentation,
    resolve_augmentation,
)
from pycifar.datasets.dataset import Dataset, Split, check_dataset
from pycifar.datasets.stored_images import blocks_of
from pycifar.errors import printable
from pycifar.foreign_names import known_arguments_only
from pycifar.table import as_html, as_text, paragraph

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True, eq=False)
class Exploration(ByContent):
    """The result of `explore`; printing it shows its tables.

    Args:
        name: the name of the data set.
        source: where its images came from, in words.
        image_shape: (height, width, 3), in pixels.
        class_names: the names of the classes, in the order of the labels.
        splits: one row per split and class, with the columns ``split``, ``class`` and ``n``, the
            number of images.
        batches: one row per batch and class, with the columns ``batch``, ``split``, ``class`` and
            ``n``; no rows if the source has no batches.
        channels: one row per colour channel of the training split, with the columns ``channel``,
            ``mean`` and ``standard_deviation`` (over all pixels, on the scale 0-255).
    """

    name: str
    source: str
    image_shape: tuple[int, int, int]
    class_names: tuple[str, ...]
    splits: pandas.DataFrame
    batches: pandas.DataFrame
    channels: pandas.DataFrame

    def __repr__(self) -> str:
        tables = [
            f"{caption}\n{as_text(table, '.2f', index)}" for caption, table, index in self._tables()
        ]
        return "\n\n".join([self._heading(), *tables])

    def _repr_html_(self) -> str:
        tables = [
            paragraph(caption) + as_html(table, ".2f", index)
            for caption, table, index in self._tables()
        ]
        return "\n".join([paragraph(self._heading()), *tables])

    def _heading(self) -> str:
        height, width, _ = self.image_shape
        n, n_classes = int(self.splits["n"].sum()), len(self.class_names)
        size = f"{height}×{width}"
        what = f"{printable(self.name)}: {n:,} images of {size} in {n_classes:,} classes"
        return f"{what}\n{printable(self.source)}"

    def _tables(self) -> Iterator[tuple[str, pandas.DataFrame, bool]]:
        """Yield the caption of each table, the table, and whether its row names are shown."""
        yield "Images in each split", self._by_class(self.splits, "split"), True
        if len(self.batches):
            yield "Images in each batch", self._by_class(self.batches, "batch"), True
        yield "Pixels of the training split (0-255)", self.channels, False

    def _by_class(self, table: pandas.DataFrame, column: str) -> pandas.DataFrame:
        """Return one row per class, one column per split or batch, and the sums as last row."""
        wide = table.pivot(index="class", columns=column, values="n")
        wide = wide.loc[list(self.class_names), list(table[column].unique())]
        wide.loc["all"] = wide.sum()
        return wide.rename_axis(index=None, columns=None)


@known_arguments_only
def explore(dataset: Dataset) -> Exploration:
    """Count the images of a data set and measure their colours.

    Args:
        dataset: a data set from `load_dataset`.

    Returns:
        Counts by split, by batch and by class, and the mean and standard deviation of each channel
        over the training split, or over the first split if there is no training split.

    Raises:
        ArgumentError: `dataset` is not a data set.

    Examples:
        >>> from pycifar.datasets import load_dataset
        >>> int(explore(load_dataset("synthetic")).splits["n"].sum())
        6000
    """
    import pandas

    check_dataset(dataset)
    names = list(dataset.class_names)
    splits, batches = [], []
    for name, split in dataset.splits.items():
        splits.append(_counts({"split": name}, split.labels, names))
        ends = np.cumsum([n for _, n in split.batches])[:-1]
        # Not strict: a split without batches still has one part, that of all its labels.
        for (batch, _), labels in zip(split.batches, np.split(split.labels, ends), strict=False):
            batches.append(_counts({"batch": batch, "split": name}, labels, names))
    empty = pandas.DataFrame({"batch": [], "split": [], "class": [], "n": []})
    measured = dataset.splits.get("train") or next(iter(dataset.splits.values()))
    return Exploration(
        dataset.name,
        dataset.source,
        dataset.image_shape,
        dataset.class_names,
        pandas.concat(splits, ignore_index=True),
        pandas.concat(batches, ignore_index=True) if batches else empty,
        _channels(measured),
    )


def sample_images(
    dataset: Dataset,
    split: str = "train",
    n_per_class: int = 10,
    seed: int | None = 1,
    augmentation: Augmentation | str | Sequence[str] | Mapping[str, Any] = "none",
) -> np.ndarray:
    """Return random images of each class, for a picture of the data set.

    Args:
        dataset: a data set from `load_dataset`.
        split: the split that the images are taken from.
        n_per_class: the largest number of images of each class.
        seed: decides which images, from 0 to 2³¹ - 1; None draws a seed.
        augmentation: how the images are changed, in the forms that `train` takes. They are the same
            images as without.

    Returns:
        uint8, shape (classes, n, height, width, 3), in the order of the class names. If no class
        has `n_per_class` images, `n` is the size of the largest one. A class with fewer than `n`
        images has white ones at the end.

    Raises:
        DataError: there is no such split.
        ArgumentError: an argument has a wrong type or value.

    Examples:
        >>> from pycifar.datasets import load_dataset
        >>> sample_images(load_dataset("synthetic"), n_per_class=3).shape
        (10, 3, 32, 32, 3)
    """
    check_dataset(dataset)
    n = check_count("n_per_class", n_per_class)
    part = dataset.split(split)
    change = resolve_augmentation(augmentation)
    check_augmentation(change, dataset.image_shape)
    seed = check_seed(seed)
    random, changes = np.random.default_rng(seed), np.random.default_rng([seed, 1])
    n = min(n, int(np.bincount(part.labels).max()))
    samples = np.full((dataset.n_classes, n, *dataset.image_shape), 255, np.uint8)
    for label, row in enumerate(samples):
        members = np.flatnonzero(part.labels == label)
        chosen = members[np.argsort(random.random(len(members)), kind="stable")[:n]]
        row[: len(chosen)] = change(np.ascontiguousarray(part.images[chosen]), changes)
    return samples


def _counts(
    first_columns: dict[str, str], labels: np.ndarray, names: list[str]
) -> pandas.DataFrame:
    import pandas

    counts = np.bincount(labels, minlength=len(names))
    return pandas.DataFrame({**first_columns, "class": names, "n": counts})


def _channels(split: Split) -> pandas.DataFrame:
    """Return the mean and standard deviation of each channel.

    They are computed from how often each value from 0 to 255 occurs, which is exact.
    """
    import pandas

    values = np.arange(256)
    counts = np.zeros((3, 256), np.int64)
    for block in blocks_of(split.images):
        images = split.images[block]
        for channel in range(3):
            counts[channel] += np.bincount(images[..., channel].ravel(), minlength=256)
    total = counts.sum(axis=1)
    mean = (counts * values).sum(axis=1) / total
    variance = (counts * (values - mean[:, np.newaxis]) ** 2).sum(axis=1) / total
    return pandas.DataFrame(
        {
            "channel": ["red", "green", "blue"],
            "mean": mean,
            "standard_deviation": np.sqrt(variance),
        }
    )
