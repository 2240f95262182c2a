"""Arranging the images of a data set: groups, splits that are held out, and fewer images."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol, Self, TypeVar

import numpy as np

from pycifar.arguments import check_count, describe
from pycifar.datasets.dataset import check_groups
from pycifar.datasets.file_list import SPLITS, Listing
from pycifar.datasets.sampling import stratified_indices, stratified_split
from pycifar.errors import ArgumentError, DataError, first_of, text_on_disk


class Part(Protocol):
    """Labelled images of one split, read or not."""

    @property
    def labels(self) -> np.ndarray:
        """The 0-based label of each image, shape (n,)."""

    @property
    def groups(self) -> tuple[str, ...]:
        """The group of each image; empty if there are no groups."""

    def __len__(self) -> int: ...

    def take(self, indices: np.ndarray) -> Self:
        """Return the images at these indices."""


P = TypeVar("P", bound=Part)


def grouped(listed: Listing, groups: str | Sequence[Any]) -> Listing:
    """Return a listing with groups: a vector, or what a regular expression finds in each path."""
    names = [text_on_disk(_relative(file, listed)) for file in listed.files.files]
    if isinstance(groups, str):
        found = _found_in(groups, names)
    else:
        found = check_groups(groups, len(names))
    return replace(listed, files=replace(listed.files, groups=found))


def _found_in(pattern: str, names: list[str]) -> tuple[str, ...]:
    try:
        matches = [re.search(pattern, name) for name in names]
    except re.error as error:
        raise ArgumentError(
            f"`groups` must be a regular expression, not {describe(pattern)}: {error}."
        ) from error
    found = [("/".join(one.groups("")) or one[0]) if one else "" for one in matches]
    if unmatched := [name for name, group in zip(names, found, strict=True) if not group]:
        raise ArgumentError(
            f"`groups` must match each path, and {describe(pattern)} does not match "
            f"{len(unmatched):,} of {len(names):,}: {first_of(unmatched)}."
        )
    return tuple(found)


def _relative(file: Any, listed: Listing) -> str:
    inside = file.is_relative_to(listed.top)
    return str((file.relative_to(listed.top) if inside else file).as_posix())


def hold_out(
    parts: Mapping[str, P], fractions: Mapping[str, float | None], seed: int
) -> dict[str, P]:
    """Return splits with further ones that are held out of the split "train".

    Args:
        parts: the splits by name.
        fractions: the share of the split "train" for each new split; None for none.
        seed: decides which images are held out.

    Raises:
        ArgumentError: there is such a split already, or the shares add up to 1 or more.
        DataError: there is no split "train".
    """
    wanted = {name: share for name, share in fractions.items() if share is not None}
    if not wanted:
        return dict(parts)
    for name in wanted:
        if name in parts:
            raise ArgumentError(
                f'`{name}_fraction` is for data without a split "{name}", and there is one.',
                fix=f"Leave out `{name}_fraction`.",
            )
    if "train" not in parts:
        raise DataError('Images are held out of the split "train", and there is none.')
    if sum(wanted.values()) >= 1:
        raise ArgumentError(
            "`test_fraction` and `validation_fraction` must add up to less than 1, not "
            f"{sum(wanted.values()):g}."
        )
    rest, left, held = parts["train"], 1.0, {}
    for name, share in wanted.items():
        kept, out = stratified_split(rest.labels, share / left, seed, rest.groups)
        held[name], rest, left = rest.take(out), rest.take(kept), left - share
    splits = dict(parts) | {"train": rest} | held
    return {name: splits[name] for name in sorted(splits, key=_place)}


def _place(split: str) -> int:
    return SPLITS.index(split) if split in SPLITS else len(SPLITS)


def keep(parts: Mapping[str, P], wanted: Mapping[str, int | None], seed: int) -> dict[str, P]:
    """Return splits with the wanted numbers of images; None keeps all."""
    kept = dict(parts)
    for name, n in wanted.items():
        if n is not None:
            if name not in kept:
                have = ", ".join(f'"{split}"' for split in kept)
                raise DataError(f'The data set has no split "{name}"; it has {have}.')
            n = check_count(f"n_{name}", n, 1, len(kept[name]))
            kept[name] = kept[name].take(stratified_indices(kept[name].labels, n, seed))
    return kept
