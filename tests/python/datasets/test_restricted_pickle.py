import os
import pickle
import random
import struct
import subprocess

import numpy as np
import pytest

from pycifar.datasets.restricted_pickle import PIXELS, PixelArray, unpickle
from pycifar.errors import DataFormatError


class Calls:
    """Pickles to a call, which plain unpickling makes."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


def touch(path):
    """What a hostile pickle would do here."""
    path = str(path)
    return [
        Calls(os.system, f"touch {path}"),
        Calls(eval, f"open({path!r}, 'w')"),
        Calls(subprocess.getoutput, f"touch {path}"),
        Calls(open, path, "w"),
        Calls(np.save, f"{path}.npy", 1),
        Calls(np.memmap, path, "u1", "w+", 0, (1,)),
    ]


def test_plain_values_and_an_array_are_read(published):
    items = {
        b"a": published.integer(70_000),
        b"list": published.list([published.integer(1), published.string(b"x")]),
        b"data": published.array(PIXELS),
    }
    value = unpickle(published.dictionary(items), "file")
    assert value[b"a"] == 70_000
    assert value[b"list"] == [1, b"x"]
    assert type(value[b"data"]) is PixelArray
    assert value[b"data"].shape == (10_000, 3072)


@pytest.mark.parametrize("which", range(6))
def test_the_hostile_pickles_of_these_tests_work_on_plain_pickle(tmp_path, which):
    value = pickle.loads(pickle.dumps({b"a": touch(tmp_path / "made")[which]}, protocol=2))
    if hasattr(value[b"a"], "close"):
        value[b"a"].close()
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("which", range(6))
def test_nothing_that_a_pickle_calls_is_run(tmp_path, protocol, which):
    hostile = pickle.dumps({b"data": touch(tmp_path / "made")[which]}, protocol=protocol)
    with pytest.raises(DataFormatError):
        unpickle(hostile, "file")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name",
    [b"os\nsystem\n", b"numpy\nload\n", b"numpy\nmemmap\n", b"builtins\neval\n", b"numpy\nzeros\n",
     b"numpy.core.multiarray\nscalar\n", b"numpy._core.multiarray\nfromfile\n",
     b"numpy.core.multiarray\n_reconstruct.__globals__\n"],
)  # fmt: skip
def test_each_name_but_those_of_array_reconstruction_is_refused(name):
    with pytest.raises(DataFormatError, match="only NumPy arrays are allowed"):
        unpickle(b"\x80\x02}U\x01ac" + name + b"s.", "file")


@pytest.mark.parametrize(
    "call",
    [
        b"cnumpy\nndarray\n(J\xff\xff\xff\x7ftR",  # an array of 2 billion pixels
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nJ\xff\xff\xff\x7f\x85U\x01b\x87R",
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\ndtype\nK\x00\x85U\x01b\x87R",
        b"cnumpy\ndtype\nU\x02O8K\x00K\x01\x87R",
        b"cnumpy\ndtype\n}U\x01aK\x01sb",  # sets an attribute of what stands for numpy.dtype
    ],
)
def test_what_stands_for_numpy_refuses_all_but_an_empty_array_of_uint8(call):
    with pytest.raises(DataFormatError):
        unpickle(b"\x80\x02}U\x01a" + call + b"s.", "file")


@pytest.mark.parametrize(
    "arguments", [{"dtype": b"f8"}, {"dtype": b"O8"}, {"fortran": pickle.NEWTRUE}]
)
def test_an_array_of_another_type_or_order_is_refused(published, arguments):
    items = {b"data": published.array(PIXELS, **arguments)}
    with pytest.raises(DataFormatError, match="must be of uint8"):
        unpickle(published.dictionary(items), "file")


def test_an_array_with_bytes_of_its_own_is_refused(published):
    with pytest.raises(DataFormatError, match="with its pixels"):
        unpickle(published.dictionary({b"data": published.array(b"abc")}), "file")


def test_a_memo_index_that_would_claim_gigabytes_is_refused():
    with pytest.raises(DataFormatError, match="memo index"):
        unpickle(b"\x80\x02}r" + struct.pack("<I", 2**28) + b".", "file")


def test_nesting_that_would_overflow_the_stack_is_refused():
    nested_key = b"N" + pickle.TUPLE1 * 200_000
    with pytest.raises(DataFormatError, match="too much structure"):
        unpickle(b"\x80\x02}" + nested_key + b"K\x01s.", "file")


def test_a_string_that_claims_more_bytes_than_there_are_is_truncated():
    with pytest.raises(DataFormatError, match="truncated"):
        unpickle(b"\x80\x02}U\x01aT" + struct.pack("<I", 2**31 - 1) + b"s.", "file")


def test_a_pickle_cut_off_anywhere_is_refused(published):
    sound = published.dictionary({b"data": published.array(PIXELS), b"n": published.integer(300)})
    unpickle(sound, "file")
    for end in range(len(sound)):
        with pytest.raises(DataFormatError):
            unpickle(sound[:end], "file")


def test_bytes_after_the_pickle_are_counted():
    with pytest.raises(DataFormatError, match="too long: 3 bytes follow"):
        unpickle(b"\x80\x02}.abc", "file")


@pytest.mark.parametrize("pickled", [b"\x80\x02K\x01.", b"\x80\x02].", b"\x80\x02N."])
def test_anything_but_a_dictionary_is_refused(pickled):
    with pytest.raises(DataFormatError, match="must hold a dictionary"):
        unpickle(pickled, "file")


def test_whatever_byte_is_changed_a_dictionary_comes_or_the_file_is_refused(published):
    sound = published.dictionary({b"data": published.array(PIXELS), b"n": published.integer(300)})
    chance = random.Random(1)
    n_refused = 0
    for _ in range(5000):
        changed = bytearray(sound)
        for _ in range(chance.randint(1, 3)):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        try:
            assert type(unpickle(bytes(changed), "file")) is dict
        except DataFormatError:
            n_refused += 1
    assert n_refused > 2000
