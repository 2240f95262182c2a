import dataclasses
import gzip
import io
import tarfile

import pytest

from pycifar.datasets.archives import read_members, unpack
from pycifar.datasets.cifar10_location import PYTHON
from pycifar.errors import DataFormatError, OutputError

FOLDER = PYTHON.folder
LAYOUT = dataclasses.replace(PYTHON, largest=10_000)


def member(name, content=b"", **attributes):
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for key, value in attributes.items():
        setattr(info, key, value)
    return info, content


def all_batches():
    return [member(f"{FOLDER}/{name}", name.encode()) for name in LAYOUT.batches]


def write(path, members):
    with tarfile.open(path, "w:gz") as tar:
        for info, content in members:
            tar.addfile(info, io.BytesIO(content))
    return path


def read(path):
    found = {}
    read_members(path, LAYOUT, lambda name, stream, size: found.update({name: stream.read(size)}))
    return found


@pytest.fixture
def path(tmp_path):
    return tmp_path / "archive.tar.gz"


def test_the_expected_files_are_handed_over_in_any_order(path):
    members = [member(f"{FOLDER}/readme.html", b"hello"), *reversed(all_batches())]
    members.append(member(f"./{FOLDER}/batches.meta", b"names"))
    found = read(write(path, members))
    assert found == {name: name.encode() for name in LAYOUT.batches} | {"batches.meta": b"names"}


def test_a_missing_batch_is_named(path):
    with pytest.raises(DataFormatError, match=f"{path} lacks data_batch_3"):
        read(write(path, [m for m in all_batches() if not m[0].name.endswith("_3")]))


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE]
)
def test_a_batch_that_is_no_plain_file_is_refused(path, kind):
    odd = member(f"{FOLDER}/data_batch_1", type=kind, linkname="/etc/passwd")
    with pytest.raises(DataFormatError, match="data_batch_1 as something other than a plain file"):
        read(write(path, [odd, *all_batches()[1:]]))


def test_a_batch_that_comes_twice_is_refused(path):
    with pytest.raises(DataFormatError, match="data_batch_1 twice"):
        read(write(path, [*all_batches(), *all_batches()]))


def test_a_batch_that_is_too_large_is_refused(path):
    large = member(f"{FOLDER}/data_batch_1", bytes(10_001))
    with pytest.raises(DataFormatError, match="data_batch_1 in .* is too long.*has 10,001"):
        read(write(path, [large, *all_batches()[1:]]))


def test_an_archive_that_expands_without_end_is_refused_early(path):
    bomb = member(f"{FOLDER}/readme.html", bytes(50_000_000))
    with pytest.raises(DataFormatError, match="is too long: it must hold at most"):
        read(write(path, [bomb, *all_batches()]))


def test_an_archive_of_very_many_files_is_refused(path):
    many = [member(f"{i}") for i in range(200)]
    layout = dataclasses.replace(LAYOUT, largest=1_000_000)
    with pytest.raises(DataFormatError, match="too many files"):
        read_members(write(path, many), layout, lambda *_: None)


@pytest.mark.parametrize(
    "content", [b"", b"no archive at all", gzip.compress(b"no tar at all" * 99, mtime=0)]
)
def test_a_file_that_is_no_archive_is_refused(path, content):
    path.write_bytes(content)
    with pytest.raises(DataFormatError, match=str(path)):
        read(path)


def test_an_archive_cut_off_anywhere_is_refused(path):
    sound = write(path, all_batches()).read_bytes()
    for end in range(0, len(sound), 7):
        path.write_bytes(sound[:end])
        with pytest.raises(DataFormatError, match=str(path)):
            read(path)


def test_a_changed_byte_is_found_by_the_checksum(path):
    with gzip.open(write(path, all_batches())) as file:
        tar = file.read()
    zipped = bytearray(gzip.compress(tar, compresslevel=0))  # stored: the bytes stand as they are
    zipped[zipped.rindex(b"test_batch")] ^= 1
    path.write_bytes(zipped)
    with pytest.raises(DataFormatError):
        read(path)


def test_unpacking_writes_the_expected_files_and_nothing_else(path, tmp_path):
    evil = [member(name, b"evil") for name in (
        "../evil", "/evil", f"{FOLDER}/../../evil", f"{FOLDER}/evil", f"{FOLDER}/x/data_batch_1",
        f"../{FOLDER}/data_batch_1", f"/{FOLDER}/data_batch_1", "data_batch_1",
    )]  # fmt: skip
    parent = tmp_path / "cache"
    parent.mkdir()
    folder = unpack(write(path, [*evil, *all_batches()]), LAYOUT, parent)
    assert folder == parent / FOLDER
    assert sorted(p.name for p in folder.iterdir()) == sorted(LAYOUT.batches)
    assert (folder / "data_batch_1").read_bytes() == b"data_batch_1"
    assert sorted(p.name for p in tmp_path.rglob("*evil*")) == []
    assert [p.name for p in parent.iterdir()] == [FOLDER]


def test_unpacking_that_fails_leaves_nothing(path, tmp_path):
    parent = tmp_path / "cache"
    parent.mkdir()
    with pytest.raises(DataFormatError, match="lacks test_batch"):
        unpack(write(path, all_batches()[:-1]), LAYOUT, parent)
    assert list(parent.iterdir()) == []


def test_a_folder_that_another_process_unpacked_meanwhile_stays(path, tmp_path):
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "data_batch_1").write_bytes(b"theirs")
    unpack(write(path, all_batches()), LAYOUT, tmp_path)
    assert (tmp_path / FOLDER / "data_batch_1").read_bytes() == b"theirs"


def test_unpacking_to_a_place_that_is_no_folder_says_so(path, tmp_path):
    with pytest.raises(OutputError, match="cannot be unpacked to"):
        unpack(write(path, all_batches()), LAYOUT, tmp_path / "nowhere")
