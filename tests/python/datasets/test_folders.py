import numpy as np
import pytest
from PIL import Image

from pycifar.console import shown_by
from pycifar.datasets import Split, load_dataset
from pycifar.datasets.image_files import read_image
from pycifar.datasets.resizing import Resize
from pycifar.errors import (
    ArgumentError,
    DataError,
    DataFormatError,
    DataNotFoundError,
    DataWarning,
    SkippedWarning,
    UnknownNameError,
)


def save(path, grey=0, size=(32, 32)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (grey, grey, grey)).save(path)


@pytest.fixture
def tree(tmp_path):
    top = tmp_path / "animals"
    for split, n, more in (("train", 3, 0), ("test", 1, 5)):
        for grey, name in ((10, "dog"), (200, "cat")):
            for i in range(n):
                save(top / split / name / f"{i}.png", grey + more + i)
    return top


def load(top, **options):
    return load_dataset("folder", data_dir=top, **options)


def test_a_tree_is_read_with_classes_in_alphabetical_order(tree):
    dataset = load(tree)
    assert dataset.name == "animals"
    assert dataset.class_names == ("cat", "dog")
    train = dataset.split("train")
    assert train.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert train.images.shape == (6, 32, 32, 3)
    assert train.images[:, 0, 0, 0].tolist() == [200, 201, 202, 10, 11, 12]
    assert dataset.split("test").labels.tolist() == [0, 1]


def test_classes_take_a_given_order(tree):
    dataset = load(tree, class_names=["dog", "cat"])
    assert dataset.split("test").labels.tolist() == [1, 0]
    with pytest.raises(DataError, match='the label "cat", which is not among'):
        load(tree, class_names=["dog", "bird"])


def test_images_are_resized(tree):
    save(tree / "train" / "cat" / "large.jpg", size=(100, 50))
    assert load(tree, image_size=20).image_shape == (20, 20, 3)
    assert load(tree).image_shape == (32, 32, 3)
    assert load(tree, image_size=(20, 30)).image_shape == (20, 30, 3)
    assert load(tree, image_size=np.array([20, 30])).image_shape == (20, 30, 3)
    for wrong in (0, (20, 0), "20"):
        with pytest.raises(ArgumentError, match="`image_size` must be a whole number from 1"):
            load(tree, image_size=wrong)
    with pytest.raises(ArgumentError, match="must be one number, or height and width, not"):
        load(tree, image_size=(20, 30, 3))


@pytest.mark.parametrize("how", ["squash", "crop", "pad"])
def test_images_are_resized_by_the_rule_and_the_data_set_knows_it(tree, how):
    draws = np.random.default_rng(1)
    path = tree / "train" / "cat" / "0.png"
    Image.fromarray(draws.integers(0, 256, (50, 90, 3), np.uint8)).save(path)
    for filter_ in ("lanczos", "bilinear"):
        rule = Resize(how, filter_)
        dataset = load(tree, image_size=(24, 20), resize=rule.to_dict())
        assert dataset.resize == rule
        assert np.array_equal(dataset.split("train").images[0], read_image(path, (24, 20), rule))
    assert load(tree, resize=how).resize == Resize(how)
    assert load(tree).resize == Resize("squash", "bilinear")
    assert load_dataset("synthetic", n_train=10, n_test=10).resize is None


def test_a_rule_for_images_that_are_not_resized_is_refused(tree):
    with pytest.raises(ArgumentError, match='`resize` is for "folder", tables and arrays alone'):
        load_dataset("synthetic", resize="crop")
    with pytest.raises(ArgumentError, match='`resize` must be one of "squash", "crop", "pad"'):
        load(tree, resize="stretch")


def test_only_the_images_that_are_kept_are_read(tree):
    whole = load(tree)
    part = load(tree, n_train=3, n_test=1, seed=4)
    kept = part.split("train").paths
    positions = [whole.split("train").paths.index(path) for path in kept]
    assert np.array_equal(part.split("train").images, whole.split("train").images[positions])
    for path in whole.split("train").paths:
        if path not in kept:
            (tree / path).write_bytes(b"no image")
    assert load(tree, n_train=3, n_test=1, seed=4) == part
    with pytest.raises(ArgumentError, match="`n_train` must be a whole number from 1 to 6"):
        load(tree, n_train=7)
    (tree / "test").rename(tree / "other")
    with pytest.raises(DataError, match='The data set has no split "test"; it has "tr'):
        load(tree, n_test=1)


def test_reading_many_images_shows_how_far_it_is(tree, monkeypatch):
    for name in ("_BAR_AFTER", "_BAR_EVERY", "_LINE_AFTER", "_LINE_EVERY"):
        monkeypatch.setattr(f"pycifar.console.{name}", 0)
    lines, shares = [], []
    with shown_by(lines.append, lambda share, text: shares.append((share, text))):
        load(tree)
    assert [share for share, _ in shares] == [n / 8 for n in range(1, 9)]
    assert shares[3][1].startswith("4 of 8 images, ")
    assert shares[3][1].endswith(" a second")
    assert not lines
    with shown_by(lines.append, None):
        load(tree)
        assert len(lines) == 8
        load(tree, verbose=False)
    assert len(lines) == 8


def test_reading_that_is_quick_shows_nothing(tree, capfd):
    load(tree)
    assert capfd.readouterr() == ("", "")


def test_a_tree_without_splits_is_for_training(tmp_path):
    for name in ("cat/a.png", "cat/b.jpg", "dog/a.bmp", "dog/b.jpeg"):
        save(tmp_path / name)
    dataset = load(tmp_path)
    assert list(dataset.splits) == ["train"]
    assert dataset.class_names == ("cat", "dog")


def test_what_is_passed_over_is_named_once_and_listed(tree):
    (tree / "train" / "cat" / "notes.txt").write_text("no image")
    (tree / "train" / "cat" / ".hidden.png").write_text("no image")
    (tree / "train" / ".cache").mkdir()
    (tree / "README").write_text("about")
    save(tree / "spare" / "cat" / "a.png")
    save(tree / "test" / "stray.png")
    save(tree / "train" / "cat" / "UPPER.PNG")
    named = r"over: 2 beside the folders of the splits \(README, spare\); 1 hidden, .*notes\.txt\)"
    with pytest.warns(SkippedWarning, match=named) as caught:
        dataset = load_dataset("folder", data_dir=tree)
    assert [warning.filename for warning in caught] == [__file__]
    assert len(dataset.split("train")) == 7
    assert dict(dataset.skipped.itertuples(index=False)) == {
        "README": "beside the folders of the splits",
        "spare": "beside the folders of the splits",
        "train/.cache": "hidden, or added by a system",
        "train/cat/.hidden.png": "a file that is hidden or that a system added",
        "train/cat/notes.txt": "without the ending of an image file",
        "test/stray.png": "not in the folder of a class",
    }


def test_hidden_files_alone_are_listed_without_a_warning(tree):
    (tree / "train" / "cat" / "Thumbs.db").write_bytes(b"no image")
    assert load(tree).skipped["path"].tolist() == ["train/cat/Thumbs.db"]


@pytest.mark.parametrize(
    ("names", "splits"),
    [
        (("Train", "VAL", "Test"), ["train", "validation", "test"]),
        (("train", "valid"), ["train", "validation"]),
        (("training", "train", "Validation"), ["train", "validation"]),
        (("validation",), ["validation"]),
        (("TEST",), ["test"]),
    ],
)
def test_splits_have_any_of_their_names_in_any_case(tmp_path, names, splits):
    for grey, name in enumerate(names):
        for i in range(2):
            save(tmp_path / name / "cat" / f"{i}.png", 10 * grey + i)
    if "training" in names:
        with pytest.warns(SkippedWarning, match=r"over: 1 beside .* \(training\)\."):
            assert list(load(tmp_path).splits) == splits
    else:
        assert list(load(tmp_path).splits) == splits


def test_two_folders_of_one_split_are_refused(tree):
    for name in ("val", "Valid"):
        save(tree / name / "cat" / "a.png", 99)
    with pytest.raises(
        DataFormatError, match='one folder for the split "validation"; it has Valid'
    ):
        load(tree)


def test_classes_may_be_called_as_a_split_is(tmp_path):
    for name in ("valid", "invalid"):
        for i in range(2):
            save(tmp_path / name / f"{i}.png", i)
    assert load(tmp_path).class_names == ("invalid", "valid")


def test_subfolders_of_a_class_belong_to_the_class(tree):
    save(tree / "train" / "cat" / "indoors" / "old" / "a.png", 77)
    save(tree / "train" / "cat" / "outdoors.png" / "b.jpg", 78)
    train = load(tree).split("train")
    assert train.labels.tolist() == [0] * 5 + [1] * 3
    assert sorted(train.images[:5, 0, 0, 0].tolist()) == [77, 78, 200, 201, 202]


@pytest.mark.parametrize("ending", ["jfif", "jpe", "pgm", "pnm", "pbm", "dib", "apng", "JIF"])
def test_further_endings_of_the_same_formats_are_read(tree, ending):
    kind = {"pgm": "PPM", "pnm": "PPM", "pbm": "PPM", "dib": "BMP", "apng": "PNG"}
    file = tree / "train" / "cat" / f"x.{ending}"
    Image.new("RGB", (8, 8)).save(file, kind.get(ending.lower(), "JPEG"))
    assert len(load(tree).split("train")) == 7


def test_all_files_that_cannot_be_read_are_told_or_passed_over(tree):
    broken = [tree / "train" / "dog" / "x.jpg", tree / "test" / "cat" / "y.png"]
    for file in broken:
        file.write_bytes(file.name.encode())
    with pytest.raises(DataFormatError, match=r"2 of 10 files cannot .*x\.jpg, .*y\.png") as caught:
        load(tree)
    assert '`on_error` = "skip"' in caught.value.fix
    with pytest.warns(SkippedWarning, match="passed over: 2 that cannot be read as images"):
        dataset = load(tree, on_error="skip")
    assert dataset.skipped["path"].tolist() == [str(file.relative_to(tree)) for file in broken]
    assert dataset.skipped["reason"].str.contains("cannot be read as an image").all()
    assert dataset.split("train").images[:, 0, 0, 0].tolist() == [200, 201, 202, 10, 11, 12]
    assert len(dataset.split("train").paths) == 6
    with pytest.raises(ArgumentError, match='`on_error` must be one of "stop", "skip"'):
        load(tree, on_error="go on")


def test_a_split_of_which_no_file_can_be_read_is_refused(tree):
    for file in (tree / "test").rglob("*.png"):
        file.write_bytes(b"no image")
    with pytest.raises(DataFormatError, match='No file of the split "test" can be read'):
        load(tree, on_error="skip")


def test_links_that_lead_outside_are_followed_if_asked_for(tree, tmp_path):
    save(tmp_path / "elsewhere" / "a.png", 90)
    (tree / "train" / "cat" / "more").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DataFormatError, match="leads outside") as caught:
        load(tree)
    assert "`follow_links` = True" in caught.value.fix
    assert len(load(tree, follow_links=True).split("train")) == 7
    (tree / "train" / "cat" / "round").symlink_to(tree / "train" / "cat")
    with pytest.raises(DataFormatError, match="round is a link to a folder that it lies in"):
        load(tree, follow_links=True)


def test_pictures_in_train_and_elsewhere_are_told(tree):
    for split, name in (("test", "cat"), ("val", "dog"), ("val", "cat")):
        save(tree / split / name / "again.png", 201)
    told = r'1 of "validation" \(\S*val/cat/again\.png\) and 1 of "test" \(\S*cat/again\.png\)'
    save(tree / "val" / "dog" / "again.png", 150)
    with pytest.warns(DataWarning, match=told) as caught:
        load_dataset("folder", data_dir=tree)
    assert [warning.filename for warning in caught] == [__file__]


def test_a_class_with_one_training_image_is_told(tree):
    save(tree / "train" / "emu" / "a.png", 99)
    with pytest.warns(DataWarning, match="one training image cannot be .* held out: emu"):
        load(tree)


def test_fractions_are_held_out_by_class(tmp_path):
    for name, n in (("cat", 20), ("dog", 40)):
        for i in range(n):
            save(tmp_path / name / f"{i:02}.png", (100 if name == "dog" else 0) + i)
    dataset = load(tmp_path, test_fraction=0.2, validation_fraction=0.1)
    assert list(dataset.splits) == ["train", "validation", "test"]
    counts = [np.bincount(split.labels).tolist() for split in dataset.splits.values()]
    assert counts == [[14, 28], [2, 4], [4, 8]]
    paths = [path for split in dataset.splits.values() for path in split.paths]
    assert len({*paths}) == 60
    again = load(tmp_path, test_fraction=0.2, validation_fraction=0.1)
    assert again == dataset
    other = load(tmp_path, test_fraction=0.2, validation_fraction=0.1, seed=2)
    assert other.split("test").paths != dataset.split("test").paths
    fewer = load(tmp_path, test_fraction=0.2, n_train=12)
    assert np.bincount(fewer.split("train").labels).tolist() == [4, 8]
    assert fewer.split("test") == dataset.split("test")


def test_fractions_that_cannot_be_are_refused(tree):
    with pytest.raises(ArgumentError, match="`test_fraction` is for data without") as caught:
        load(tree, test_fraction=0.5)
    assert caught.value.fix == "Leave out `test_fraction`."
    with pytest.raises(ArgumentError, match="`validation_fraction` must be a number above 0"):
        load(tree, validation_fraction=1)
    flat = tree / "train"
    with pytest.raises(ArgumentError, match=r"must add up to less than 1, not 1\.1"):
        load(flat, test_fraction=0.5, validation_fraction=0.6)
    with pytest.raises(DataError, match='held out of the split "train", and there is none'):
        save(tree / "alone" / "test" / "cat" / "a.png")
        load(tree / "alone", validation_fraction=0.5)


def test_groups_of_a_regular_expression_stay_together(tmp_path):
    for name in ("cat", "dog"):
        for i in range(24):
            save(tmp_path / name / f"{i // 3}_{i}.png", i + (100 if name == "dog" else 0))
    dataset = load(tmp_path, groups=r"^(.*)_\d+\.png$", test_fraction=0.25)
    train, test = dataset.split("train"), dataset.split("test")
    assert train.groups[:4] == ("cat/0", "cat/0", "cat/0", "cat/1") or "cat/0" in test.groups
    assert not {*train.groups} & {*test.groups}
    assert np.bincount(test.labels).tolist() == [6, 6]
    for pattern, message in (("(", "a regular expression"), ("dog", "does not match 24 of 48")):
        with pytest.raises(ArgumentError, match=message):
            load(tmp_path, groups=pattern)
    given = load(tmp_path, groups=[i // 6 for i in range(48)], test_fraction=0.25)
    assert not {*given.split("train").groups} & {*given.split("test").groups}
    with pytest.raises(ArgumentError, match="each of the 48 images, none missing, not 2 of them"):
        load(tmp_path, groups=[1, 2])


def test_an_image_that_cannot_be_read_is_named(tree):
    (tree / "train" / "dog" / "broken.jpg").write_bytes(b"no image")
    with pytest.raises(DataFormatError, match=r"dog/broken\.jpg cannot be read as an image"):
        load(tree)


def test_a_class_without_images_is_named(tree):
    (tree / "train" / "emu").mkdir()
    with pytest.raises(DataFormatError, match=r"train/emu must hold images .*; it holds none"):
        load(tree)


def test_a_class_of_test_images_alone_is_named(tree):
    (tree / "test" / "dog").rename(tree / "test" / "Dog")
    with pytest.raises(DataFormatError, match="must have no classes that .* Dog"):
        load(tree)


def test_a_tree_without_classes_is_refused(tmp_path):
    with pytest.raises(DataFormatError, match="must hold one folder of images a class"):
        load(tmp_path)


def test_links_that_lead_outside_are_refused(tree, tmp_path):
    save(tmp_path / "secret" / "a.png")
    (tree / "train" / "cat" / "link.png").symlink_to(tmp_path / "secret" / "a.png")
    with pytest.raises(DataFormatError, match=r"link\.png is a link that leads outside"):
        load(tree)
    (tree / "train" / "cat" / "link.png").unlink()
    (tree / "train" / "emu").symlink_to(tmp_path / "secret")
    with pytest.raises(DataFormatError, match="leads outside"):
        load(tree)


def test_links_that_stay_inside_are_followed(tree, tmp_path):
    (tree / "train" / "cat" / "link.png").symlink_to(tree / "train" / "cat" / "0.png")
    (tmp_path / "link").symlink_to(tree)
    assert len(load(tmp_path / "link").split("train")) == 7


def test_a_folder_in_the_place_of_the_source_is_answered_with_its_place(tmp_path):
    for folder in (tmp_path, str(tmp_path)):
        with pytest.raises(UnknownNameError, match="`source` must be one of") as caught:
            load_dataset(folder)
        assert caught.value.fix == 'Give the folder as `data_dir`, and "folder" as `source`.'


def test_a_folder_that_is_missing_is_named(tmp_path):
    with pytest.raises(DataNotFoundError, match=f"there is none at {tmp_path / 'nowhere'}"):
        load(tmp_path / "nowhere")
    with pytest.raises(ArgumentError, match='"folder" needs `data_dir`'):
        load_dataset("folder")


def test_fewer_images_of_a_tree_keep_each_class(tree):
    part = load(tree, n_train=2).split("train")
    assert np.bincount(part.labels).tolist() == [1, 1]


def test_what_systems_add_to_a_folder_is_no_class_and_no_image(tree, tmp_path):
    for folder in ("__MACOSX", "@eaDir", ".thumbnails", "$RECYCLE.BIN"):
        for above in (tree, tree / "train", tree / "train" / "cat"):
            save(above / folder / "cat" / "0.png")
    for above in (tree, tree / "train", tree / "train" / "cat"):
        for name in ("Thumbs.db", ".DS_Store", "desktop.ini"):
            (above / name).write_bytes(b"no image")
    message = r"over: 12 hidden, or added by a system \(\$RECYCLE\.BIN, \.thumbnails, @eaDir, __MA"
    with pytest.warns(SkippedWarning, match=message) as caught:
        dataset = load_dataset("folder", data_dir=tree)
    assert [warning.filename for warning in caught] == [__file__]
    assert dataset.class_names == ("cat", "dog")
    assert len(dataset.split("train")) == 6
    save(tmp_path / "flat" / "__MACOSX" / "train" / "cat" / "a.png")
    for name in ("cat/a.png", "cat/b.png", "dog/a.png", "dog/b.png"):
        save(tmp_path / "flat" / name)
    with pytest.warns(SkippedWarning, match=r"by a system \(__MACOSX\)"):
        assert load(tmp_path / "flat").class_names == ("cat", "dog")


def test_each_image_has_its_path(tree):
    train = load(tree).split("train")
    assert train.paths[0] == str(tree / "train" / "cat" / "0.png")
    part = load(tree, n_train=3).split("train")
    assert len(part.paths) == 3
    for path, pixels in zip(part.paths, part.images, strict=True):
        assert np.array_equal(np.asarray(Image.open(path)), pixels)
    assert load_dataset("synthetic", n_train=10, n_test=10).split("train").paths == ()
    with pytest.raises(DataError, match="6 images and 1 paths"):
        Split(train.images, train.labels, paths=("a.png",))
