"""Pictures that are in the training split and in another one."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from pycifar.datasets.file_list import FileList
from pycifar.errors import first_of, text_on_disk


def repeated_pictures(parts: Mapping[str, Any]) -> str | None:
    """Return a text about pictures of "train" that are in another split as well, or None.

    Pictures are the same if the bytes of their files are, or their pixels where they are no files.
    """
    if "train" not in parts or len(parts) == 1:
        return None
    sizes: dict[int, set[str]] = defaultdict(set)
    for split, part in parts.items():
        for size in _sizes(part):
            sizes[size].add(split)
    shared = {size for size, splits in sizes.items() if len(splits) > 1 and "train" in splits}
    known = {digest for _, digest in _digests(parts["train"], shared)}
    found = []
    for split, part in parts.items():
        if split != "train":
            names = [name for name, digest in _digests(part, shared) if digest in known]
            if names:
                found.append(f'{len(names):,} of "{split}" ({first_of(names)})')
    if not found:
        return None
    return (
        f'Pictures of the split "train" are in others as well: {" and ".join(found)}. '
        "What is measured on them does not tell how a model does on new ones."
    )


def _sizes(part: Any) -> Iterator[int]:
    """Yield the number of bytes of each file; 0 for what is no file."""
    if not isinstance(part, FileList):
        yield 0
        return
    for file in part.files:
        if file.is_file():
            yield file.stat().st_size


def _digests(part: Any, sizes: set[int]) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the digest of each picture; of files, those that have one of the sizes."""
    if not isinstance(part, FileList):
        for number, image in enumerate(part.images, 1):
            yield f"image {number:,}", hashlib.blake2b(image.tobytes()).digest()
        return
    for file in part.files:
        try:
            if file.is_file() and file.stat().st_size in sizes:
                yield text_on_disk(str(file)), hashlib.blake2b(file.read_bytes()).digest()
        except OSError:  # reading it will say so
            continue
