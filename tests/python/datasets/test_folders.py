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
    SkippedWarning,
)


def save(path, grey=0, size=(32, 32)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (grey, grey, grey)).save(path)


@pytest.fixture
def tree(tmp_path):
    top = tmp_path / "animals"
    for split, n in (("train", 3), ("test", 1)):
        for grey, name in ((10, "dog"), (200, "cat")):
            for i in range(n):
                save(top / split / name / f"{i}.png", grey + i)
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
    assert load(tree).resize == Resize("squash", "lanczos")
    assert load_dataset("synthetic", n_train=10, n_test=10).resize is None


def test_a_rule_for_images_that_are_not_resized_is_refused(tree):
    with pytest.raises(ArgumentError, match='`resize` is for "folder" alone'):
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
    with pytest.raises(DataError, match='The data set "animals" has no split "test"; it has "tr'):
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
    save(tmp_path / "cat" / "a.png")
    save(tmp_path / "dog" / "b.jpeg")
    dataset = load(tmp_path)
    assert list(dataset.splits) == ["train"]
    assert dataset.class_names == ("cat", "dog")


def test_other_and_hidden_files_are_passed_over(tree):
    (tree / "train" / "cat" / "notes.txt").write_text("no image")
    (tree / "train" / "cat" / ".hidden.png").write_text("no image")
    (tree / "train" / ".cache").mkdir()
    (tree / "README").write_text("about")
    save(tree / "train" / "cat" / "UPPER.PNG")
    with pytest.warns(SkippedWarning, match=r"passed over: \.cache\.$"):
        assert len(load(tree).split("train")) == 7


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
    (tree / "train" / "cat" / "link.png").symlink_to(tree / "test" / "cat" / "0.png")
    (tmp_path / "link").symlink_to(tree)
    assert len(load(tmp_path / "link").split("train")) == 7


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
    message = r"passed over: \$RECYCLE\.BIN, \.thumbnails, @eaDir, __MACOSX\.$"
    with pytest.warns(SkippedWarning, match=message) as caught:
        dataset = load_dataset("folder", data_dir=tree)
    assert [warning.filename for warning in caught] == [__file__]
    assert dataset.class_names == ("cat", "dog")
    assert len(dataset.split("train")) == 6
    save(tmp_path / "flat" / "__MACOSX" / "train" / "cat" / "a.png")
    save(tmp_path / "flat" / "cat" / "a.png")
    save(tmp_path / "flat" / "dog" / "a.png")
    with pytest.warns(SkippedWarning, match="passed over: __MACOSX"):
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
