import io
import zipfile

import numpy as np
import pytest

from pycifar.npz import read_npz


def archive_of(entry, compression=zipfile.ZIP_STORED):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        archive.writestr("a.npy", entry)
    stream.seek(0)
    return stream


def with_header(text):
    header = text.encode()
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header


def test_what_numpy_wrote_is_read():
    stream = io.BytesIO()
    written = {"a": np.arange(6.0).reshape(2, 3), "b": np.array(1), "c": np.zeros(0, np.uint8)}
    np.savez(stream, **written)
    stream.seek(0)
    found = read_npz(stream)
    assert found.keys() == written.keys()
    for name, values in written.items():
        assert found[name].dtype == values.dtype
        assert np.array_equal(found[name], values)


def test_columns_may_come_first():
    stream = io.BytesIO()
    np.savez(stream, a=np.asfortranarray(np.arange(6).reshape(2, 3)))
    assert np.array_equal(read_npz(stream)["a"], np.arange(6).reshape(2, 3))


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,",  # tokenize.TokenError in NumPy
        "{'descr': '<f4', 'fortran_order': False}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}",
        "{'descr': '|O', 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,)}",
        "__import__('os').system('true')",
        "(" * 5000,
        "",
    ],
)
def test_a_doctored_header_is_refused(header):
    with pytest.raises(ValueError, match=r"."):
        read_npz(archive_of(with_header(header) + bytes(4)))


def test_what_is_compressed_is_refused():
    entry = with_header("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}") + bytes(4)
    assert read_npz(archive_of(entry))["a"] == [0.0]
    with pytest.raises(ValueError, match="compressed"):
        read_npz(archive_of(entry, zipfile.ZIP_DEFLATED))
