import struct
import threading
import zlib

import numpy as np
import pytest
from PIL import Image, ImageOps

from pycifar.datasets.image_files import find_files, read_image, read_images
from pycifar.datasets.resizing import Resize
from pycifar.errors import ArgumentError, DataFormatError, DataNotFoundError, ImageError

PIXELS = np.random.default_rng(1).integers(0, 256, (32, 32, 3), np.uint8)


def save(tmp_path, image, name="image.png", **options):
    path = tmp_path / name
    image.save(path, **options)
    return path


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".ppm", ".webp"])
def test_an_image_of_the_right_size_keeps_its_pixels(tmp_path, suffix):
    options = {"lossless": True} if suffix == ".webp" else {}
    path = save(tmp_path, Image.fromarray(PIXELS), f"image{suffix}", **options)
    image = read_image(path)
    assert image.dtype == np.uint8
    assert np.array_equal(image, PIXELS)


def test_a_jpeg_keeps_its_pixels_nearly(tmp_path):
    smooth = np.repeat(np.repeat(PIXELS[::8, ::8], 8, axis=0), 8, axis=1)
    path = save(tmp_path, Image.fromarray(smooth), "image.jpg", quality=95, subsampling=0)
    assert abs(read_image(str(path)).astype(int) - smooth).mean() < 5


def test_an_image_is_resized_whole(tmp_path):
    wide = np.zeros((40, 100, 3), np.uint8)
    wide[:, 50:] = 255
    image = read_image(save(tmp_path, Image.fromarray(wide)), 16)
    assert image.shape == (16, 16, 3)
    assert (image[:, :6] < 10).all()
    assert (image[:, 10:] > 245).all()
    assert read_image(tmp_path / "image.png", (8, 20)).shape == (8, 20, 3)


def test_an_image_is_turned_as_its_exif_data_say(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter, clockwise
    path = save(tmp_path, Image.fromarray(PIXELS), exif=exif)
    assert np.array_equal(read_image(path), np.rot90(PIXELS, -1))


def test_grey_becomes_equal_channels(tmp_path):
    image = read_image(save(tmp_path, Image.fromarray(PIXELS[..., 0])))
    assert np.array_equal(image, np.repeat(PIXELS[..., :1], 3, axis=2))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_transparent_shows_white(tmp_path, mode):
    clear = Image.new("RGBA", (32, 32), (200, 0, 0, 0))
    image = read_image(save(tmp_path, clear.quantize(4) if mode == "P" else clear.convert(mode)))
    assert (image == 255).all()


def test_of_an_animation_the_first_picture_is_taken(tmp_path):
    frames = [Image.new("RGB", (32, 32), colour) for colour in ("red", "blue")]
    path = save(tmp_path, frames[0], "image.gif", save_all=True, append_images=frames[1:])
    assert read_image(path)[0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize("suffix", [".png", ".ppm"])
def test_16_bits_a_channel_become_8(tmp_path, suffix):
    values = np.arange(32 * 32, dtype=np.uint16).reshape(32, 32) * 64
    path = tmp_path / f"deep{suffix}"
    Image.fromarray(values).save(path)
    image = read_image(path, 32)
    assert (image == np.rint(values / 257)[:, :, None]).all()


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "I;16"])
def test_a_large_picture_that_is_converted_in_strips_has_the_pixels_of_its_parts(tmp_path, mode):
    values = np.random.default_rng(1).integers(0, 256, (700, 1_600, 4), dtype=np.uint8)
    picture = Image.fromarray(values)
    if mode == "P":
        picture = picture.quantize(16, method=Image.Quantize.FASTOCTREE)
    elif mode == "I;16":
        picture = Image.fromarray(values[..., 0].astype(np.uint16) * 255)
    else:
        picture = picture.convert(mode)
    upper, lower = picture.crop((0, 0, 1_600, 400)), picture.crop((0, 400, 1_600, 700))
    parts = [read_image(upper, (400, 1_600)), read_image(lower, (300, 1_600))]
    assert (read_image(picture, (700, 1_600)) == np.concatenate(parts)).all()


def test_patterns_stand_for_what_matches_in_order(tmp_path):
    for name in ("b.png", "a.png", "c.jpg", "deep/d.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    names = [path.name for path in find_files([tmp_path / "*.png", tmp_path / "c.jpg"])[0]]
    assert names == ["a.png", "b.png", "c.jpg"]
    assert [path.name for path in find_files([str(tmp_path / "**/d.png")])[0]] == ["d.png"]


def test_a_pattern_that_is_a_files_name_is_that_file(tmp_path):
    (tmp_path / "[1].png").touch()
    assert find_files([tmp_path / "[1].png"]) == ([tmp_path / "[1].png"], [])


def test_a_pattern_without_a_match_is_an_error(tmp_path):
    with pytest.raises(DataNotFoundError, match=r"No file matches .*\*\.png"):
        find_files([tmp_path / "*.png"])


def test_a_pattern_passes_over_what_is_no_image(tmp_path):
    for name in ("Thumbs.db", "notes.txt", "a.png", "@eaDir/a.png", "__MACOSX/a.png", ".b.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    save(tmp_path, Image.fromarray(PIXELS), "photo", format="JPEG")
    found, passed_over = find_files([tmp_path / "**" / "*"])
    assert found == [tmp_path / "a.png", tmp_path / "photo"]
    names = {path.relative_to(tmp_path).as_posix() for path in passed_over}
    assert names == {"Thumbs.db", "notes.txt", "@eaDir/a.png", "__MACOSX/a.png"}
    assert find_files([tmp_path / "@eaDir" / "*"]) == ([tmp_path / "@eaDir" / "a.png"], [])
    with pytest.raises(DataNotFoundError, match=r"No file that matches .*\*\.txt is an image"):
        find_files([tmp_path / "*.txt"])


def test_a_folder_is_no_image(tmp_path):
    with pytest.raises(DataNotFoundError, match="is a folder") as caught:
        read_image(tmp_path)
    assert "*.png" in caught.value.fix


@pytest.mark.parametrize("content", [b"", b"no image", b"\x89PNG\r\n\x1a\n" + bytes(100), b"BM"])
def test_a_file_that_is_no_image_is_named(tmp_path, content):
    path = tmp_path / "cat.png"
    path.write_bytes(content)
    with pytest.raises(DataFormatError, match=f"{path} cannot be read as an image"):
        read_image(path)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".gif"])
def test_an_image_cut_off_is_named(tmp_path, suffix):
    path = save(tmp_path, Image.fromarray(PIXELS), f"image{suffix}")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DataFormatError, match="cannot be read as an image"):
        read_image(path)


def test_an_image_that_would_fill_the_memory_is_refused(tmp_path):
    bomb = Image.new("1", (12_000, 12_000))  # 18 kB on disk, 432 MB in memory
    with pytest.raises(DataFormatError, match="may have 89,478,485 of them"):
        read_image(save(tmp_path, bomb))


def test_pillow_s_own_limit_does_not_count(tmp_path, monkeypatch):
    path = save(tmp_path, Image.new("1", (10_000, 10_000)))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    with pytest.raises(DataFormatError, match="it has 10,000×10,000 pixels, and may have 89,478"):
        read_image(path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    assert read_image(save(tmp_path, Image.new("RGB", (40, 40)), "b.png")).shape == (32, 32, 3)


def test_a_row_of_pixels_beyond_any_camera_s_is_refused(tmp_path):
    path = save(tmp_path, Image.new("L", (70_000, 1)))
    with pytest.raises(DataFormatError, match="65,535 in a row"):
        read_image(path)


def test_a_jpeg_in_thousands_of_scans_is_refused(tmp_path):
    pixels = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)
    path = save(tmp_path, Image.fromarray(pixels), "image.jpg", progressive=True)
    sound = path.read_bytes()
    assert sound.count(b"\xff\xda") > 1
    assert read_image(path).shape == (32, 32, 3)
    last = sound[sound.rindex(b"\xff\xda") : -2]
    path.write_bytes(sound[:-2] + last * 5_000 + sound[-2:])
    with pytest.raises(DataFormatError, match="scans, and may be in 100"):
        read_image(path)


def test_formats_that_run_other_programs_are_not_tried(tmp_path):
    path = tmp_path / "image.png"
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n")
    with pytest.raises(DataFormatError, match="cannot identify"):
        read_image(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataNotFoundError, match=f"no image file {tmp_path / 'cat.png'}"):
        read_image(tmp_path / "cat.png")
    with pytest.raises(ArgumentError, match="`path` must be a path"):
        read_image(3)


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_an_array_is_read_as_the_file_of_it_is(tmp_path, mode):
    draws = np.random.default_rng(1)
    n = len(Image.new(mode, (1, 1)).getbands())
    pixels = draws.integers(0, 256, (40, 70, n), np.uint8)
    picture = Image.fromarray(pixels[..., 0] if n == 1 else pixels)
    expected = read_image(save(tmp_path, picture))
    for array in (pixels, pixels / 255, pixels.astype(int), pixels.astype(np.uint16) * 257):
        assert np.array_equal(read_image(array), expected)
    assert np.array_equal(read_image(picture), expected)
    if n == 1:
        assert np.array_equal(read_image(pixels[..., 0]), expected)


@pytest.mark.parametrize(
    "array", [np.zeros((9, 9, 5)), np.zeros(9), np.zeros((1, 9, 9, 3)), np.zeros((0, 9, 3))]
)
def test_an_array_of_another_shape_is_no_image(array):
    with pytest.raises(ImageError, match="with 1 to 4 channels and at least one pixel, not"):
        read_image(array)


def test_a_picture_of_fractions_is_refused():
    with pytest.raises(DataFormatError, match=r"A picture of Pillow .*its pixels are fractions"):
        read_image(Image.fromarray(np.zeros((9, 9), np.float32)))


def photographs(tmp_path, n=30):
    """Smooth JPEGs of many sizes, some turned by their EXIF data."""
    draws = np.random.default_rng(1)
    paths = []
    for i in range(n):
        rough = Image.fromarray(draws.integers(0, 256, (4, 6, 3), np.uint8))
        exif = Image.Exif()
        exif[0x0112] = int(draws.integers(1, 9))
        image = rough.resize((40 + 3 * i, 90 - i), Image.Resampling.BICUBIC)
        paths.append(save(tmp_path, image, f"{i}.jpg", exif=exif))
    return paths


def no_reader_is_left():
    return not [t for t in threading.enumerate() if t.name.startswith("pycifar-read")]


@pytest.mark.parametrize("rule", [Resize(), Resize("crop", "bilinear"), Resize("pad")])
def test_one_thread_and_eight_read_the_same_in_order(tmp_path, rule):
    paths = photographs(tmp_path)
    one = [read_image(path, (32, 24), rule) for path in paths]
    for threads in (1, 8, None):
        read = list(read_images(paths, (32, 24), rule, threads=threads))
        assert np.array_equal(read, one)
    assert no_reader_is_left()


def test_an_image_that_cannot_be_read_ends_the_reading_or_stands_in_its_place(tmp_path):
    paths = photographs(tmp_path)
    paths[4].write_bytes(b"no image")
    for threads in (1, 4):
        read = read_images(paths, 8, threads=threads)
        assert [len(image) for _, image in zip(range(4), read, strict=False)] == [8] * 4
        with pytest.raises(DataFormatError, match=r"4\.jpg cannot be read"):
            next(read)
        found = list(read_images(paths, 8, on_error="skip", threads=threads))
        assert [i for i, one in enumerate(found) if isinstance(one, DataFormatError)] == [4]
    assert no_reader_is_left()


def test_a_reading_that_is_left_or_interrupted_leaves_no_thread(tmp_path):
    paths = photographs(tmp_path)
    read = read_images(paths, 8, threads=4)
    next(read)
    read.close()
    assert no_reader_is_left()

    def interrupted():
        yield from paths[:20]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(read_images(interrupted(), 8, threads=4))
    assert no_reader_is_left()


def test_only_a_few_images_are_read_ahead(tmp_path):
    taken = []
    paths = photographs(tmp_path)
    read = read_images((taken.append(path) or path for path in paths), 8, threads=2)
    next(read)
    assert len(taken) < 12
    read.close()


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("rule", [Resize(), Resize("crop"), Resize("pad")])
def test_a_large_jpeg_decoded_at_a_reduced_scale_looks_the_same(tmp_path, rule, orientation):
    rough = Image.fromarray(np.random.default_rng(1).integers(0, 256, (30, 40, 3), np.uint8))
    exif = Image.Exif()
    exif[0x0112] = orientation
    large = rough.resize((2003, 1201), Image.Resampling.BICUBIC)
    path = save(tmp_path, large, "large.jpg", quality=90, exif=exif)
    with Image.open(path) as opened:
        whole = ImageOps.exif_transpose(opened)
    reduced = read_image(path, (64, 48), rule).astype(float)
    difference = reduced - read_image(whole, (64, 48), rule)
    assert (difference**2).mean() < 1  # 48 dB
    assert difference.any()  # it was decoded at a reduced scale
    needed = read_image(path, (800, 900), rule)  # for which no smaller scale has enough pixels
    assert np.array_equal(needed, read_image(whole, (800, 900), rule))


def test_a_jpeg_for_printing_has_the_colours_of_the_screen(tmp_path):
    colours = Image.fromarray(np.full((32, 32, 3), (200, 60, 30), np.uint8))
    path = save(tmp_path, colours.convert("CMYK"), "printed.jpg", quality=95)
    assert abs(read_image(path).astype(int) - (200, 60, 30)).max() < 10
    large = colours.resize((1600, 1600)).convert("CMYK")
    path = save(tmp_path, large, "large.jpg", quality=95)
    assert abs(read_image(path).astype(int) - (200, 60, 30)).max() < 10


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("side", [120, 1600])
def test_each_orientation_is_turned_upright(tmp_path, orientation, side):
    upright = np.zeros((6, 4, 3), np.uint8)
    upright[0, 0], upright[-1, -1], upright[0, -1] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    turns = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.swapaxes(0, 1),
        6: lambda a: np.rot90(a, 1),
        7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
        8: lambda a: np.rot90(a, -1),
    }
    stored = np.ascontiguousarray(turns[orientation](upright))
    picture = Image.fromarray(stored).resize(
        (side * stored.shape[1] // 4, side * stored.shape[0] // 4), Image.Resampling.NEAREST
    )
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(tmp_path, picture, "turned.jpg", quality=95, exif=exif)
    found = read_image(path, (6, 4), Resize(filter="box"))
    assert abs(found.astype(int) - upright).max() < 60


@pytest.mark.parametrize("suffix", [".png", ".webp"])
def test_of_each_kind_of_animation_the_first_picture_is_taken(tmp_path, suffix):
    frames = [Image.new("RGB", (32, 32), colour) for colour in ("red", "blue")]
    path = save(tmp_path, frames[0], f"image{suffix}", save_all=True, append_images=frames[1:])
    assert abs(read_image(path)[0, 0].astype(int) - (255, 0, 0)).max() < 5


def test_of_a_jpeg_with_several_pictures_the_first_is_taken(tmp_path):
    frames = [Image.new("RGB", (64, 64), colour) for colour in ("red", "blue")]
    path = save(tmp_path, frames[0], "phone.jpg", format="MPO", save_all=True, append_images=frames)
    assert abs(read_image(path)[0, 0].astype(int) - (255, 0, 0)).max() < 5


def test_colours_of_16_bits_a_channel_become_8(tmp_path):
    path = tmp_path / "deep.png"
    values = np.full((2, 2, 3), (65535, 257 * 100, 0), ">u2")
    path.write_bytes(deep_png(values))
    assert read_image(path, 2)[0, 0].tolist() == [255, 100, 0]


def deep_png(values):
    """A PNG of colours with 16 bits a channel, which Pillow reads and does not write."""

    def chunk(name, data):
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    height, width, _ = values.shape
    rows = b"".join(b"\0" + row.tobytes() for row in values)
    head = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def test_a_large_jpeg_cut_off_is_named(tmp_path):
    path = save(tmp_path, Image.new("RGB", (2000, 1000), "red"), "cut.jpg")
    path.write_bytes(path.read_bytes()[:-5000])
    with pytest.raises(DataFormatError, match=r"cut\.jpg cannot be read as an image"):
        read_image(path)
