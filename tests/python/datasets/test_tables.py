import numpy as np
import pandas
import pytest
from PIL import Image

import pycifar
from pycifar.datasets import load_dataset
from pycifar.errors import (
    ArgumentError,
    DataError,
    DataFormatError,
    DataNotFoundError,
    DataWarning,
    SkippedWarning,
)


@pytest.fixture
def photos(tmp_path):
    """A folder of 24 pictures, each of its own grey, and the table of them."""
    folder = tmp_path / "photos"
    folder.mkdir()
    paths = [f"{i:02}.png" for i in range(24)]
    for i, path in enumerate(paths):
        Image.new("RGB", (8, 8), (10 * i,) * 3).save(folder / path)
    return folder, pandas.DataFrame({"path": paths, "label": ["cat", "dog"] * 12})


def test_a_table_is_a_data_set(photos):
    folder, table = photos
    dataset = load_dataset(table[::-1], data_dir=folder, image_size=8)
    assert dataset.name == "table"
    assert dataset.class_names == ("cat", "dog")
    train = dataset.split("train")
    assert train.paths[0] == str(folder / "23.png")
    assert train.labels.tolist() == [1, 0] * 12
    assert train.images[:, 0, 0, 0].tolist() == [10 * i for i in range(24)][::-1]
    absolute = table.assign(path=[str(folder / path) for path in table["path"]])
    assert load_dataset(absolute, image_size=8).split("train").paths == train.paths[::-1]


def test_a_csv_file_is_a_data_set_whose_paths_are_relative_to_it(photos):
    folder, table = photos
    table = table.assign(
        label=["NA", "None"] * 12, split=["Train"] * 16 + ["VAL"] * 4 + ["test"] * 4
    )
    for encoding in ("utf-8", "utf-8-sig"):
        table.to_csv(folder / "photos.csv", index=False, encoding=encoding)
        dataset = load_dataset(folder / "photos.csv", image_size=8)
        assert dataset.name == "photos"
        assert dataset.class_names == ("NA", "None")
        assert {name: len(split) for name, split in dataset.splits.items()} == {
            "train": 16,
            "validation": 4,
            "test": 4,
        }
    table.to_csv(folder.parent / "other.csv", index=False)
    again = load_dataset(str(folder.parent / "other.csv"), data_dir=folder, image_size=8)
    assert again.splits == dataset.splits


def test_labels_of_a_table_are_names(photos):
    folder, table = photos
    for labels, names in (
        ([2.0, 10.0] * 12, ("2", "10")),
        ([True, False] * 12, ("False", "True")),
        (pandas.Categorical(["b", "a"] * 12, ["b", "c", "a"]), ("b", "c", "a")),
    ):
        dataset = load_dataset(table.assign(label=labels), data_dir=folder)
        assert dataset.class_names == names
    ordered = load_dataset(table, data_dir=folder, class_names=["dog", "cat"])
    assert ordered.split("train").labels.tolist() == [1, 0] * 12


def test_weights_of_a_table_are_those_of_the_training(photos):
    folder, table = photos
    weights = np.arange(24) / 8
    dataset = load_dataset(table.assign(weight=weights), data_dir=folder, image_size=8)
    options = {"epochs": 1, "seed": 1, "validation": 0.25, "verbose": 0}
    model = pycifar.train(dataset, "softmax", **options)
    plain = load_dataset(table, data_dir=folder, image_size=8)
    given = pycifar.train(plain, "softmax", sample_weight=weights, **options)
    assert model.fingerprint() == given.fingerprint()
    assert model.config.sample_weight == given.config.sample_weight
    other = pycifar.train(dataset, "softmax", sample_weight=np.ones(24), **options)
    ones = pycifar.train(plain, "softmax", sample_weight=[1] * 24, **options)
    assert other.fingerprint() == ones.fingerprint()
    for bad in ([-1] + [1] * 23, ["much"] * 24, [None] + [1] * 23):
        with pytest.raises(DataError, match="`weight` must hold numbers of at least 0"):
            load_dataset(table.assign(weight=bad), data_dir=folder)


def test_the_validation_split_is_what_train_validates_on(photos):
    folder, table = photos
    table["split"] = ["train"] * 16 + ["valid"] * 8
    dataset = load_dataset(table, data_dir=folder, image_size=8)
    model = pycifar.train(dataset, "softmax", epochs=1, seed=1, verbose=0)
    assert model.config.validation == "validation"
    assert "validation" in set(model.history["split"])
    told = pycifar.train(dataset, "softmax", epochs=1, seed=1, validation=0.25, verbose=0)
    assert told.config.validation == 0.25
    assert pycifar.evaluate(model, dataset, "validation").n == 8


def test_groups_of_a_table_stay_together(photos):
    folder, table = photos
    table["group"] = [i // 4 for i in range(24)]
    table["pair"] = [f"p{i // 2}" for i in range(24)]
    for options in ({}, {"groups": "pair"}, {"groups": np.arange(24) // 6}):
        dataset = load_dataset(table, data_dir=folder, image_size=8, test_fraction=0.25, **options)
        train, test = dataset.split("train"), dataset.split("test")
        assert len(test) == 8 if not options else len(test) in (6, 8)
        assert not {*train.groups} & {*test.groups}
    with pytest.raises(ArgumentError, match="must have `object`, each once; it has `path`"):
        load_dataset(table, data_dir=folder, groups="object")


def test_a_training_holds_groups_out_together(photos):
    folder, table = photos
    table["group"] = [i // 4 for i in range(24)]
    dataset = load_dataset(table, data_dir=folder, image_size=8)
    model = pycifar.train(dataset, "softmax", epochs=1, validation=0.34, seed=1, verbose=0)
    held_out = model.split_of(dataset, "validation")
    assert len(held_out) == 8
    assert sorted({*held_out.groups}) == sorted({held_out.groups[0], held_out.groups[-1]})


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"path": None}, ArgumentError, "must have the columns `path` and `label`, .* `label`"),
        ({"label": None}, ArgumentError, "must have the columns `path` and `label`"),
        ({"path": ["", None, *"abcdefghijklmnopqrstuv"]}, DataError, "2 of 24 .*row 1, row 2"),
        ({"label": [float("nan")] + ["a"] * 23}, DataError, "column `label` .*1 of 24 .*row 1"),
        ({"path": ["00.png", "./00.png", *"abcdefghijklmnopqrstuv"]}, DataError, "rows 1 and 2"),
        ({"split": ["train", "dev"] * 12}, DataError, 'must hold train, .*, not "dev"'),
        ({"split": ["train", ""] * 12}, DataError, "column `split` must have a value"),
        ({"group": ["a", None] * 12}, DataError, "column `group` must have a value"),
        ({"split": ["train", "test"] * 12}, DataFormatError, "must have no classes that .* dog"),
        ({"path": ["../x.png", *map(str, range(23))]}, DataFormatError, "leads outside"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused(photos, change, error, message):
    folder, table = photos
    for name, values in change.items():
        table = table.drop(columns=name) if values is None else table.assign(**{name: values})
    with pytest.raises(error, match=message):
        load_dataset(table, data_dir=folder)


def test_tables_that_are_none_are_refused(photos, tmp_path):
    folder, table = photos
    with pytest.raises(DataNotFoundError, match=r"must be a CSV file of images; there is none"):
        load_dataset("nowhere.csv")
    with pytest.raises(DataNotFoundError, match="must be a folder of images"):
        load_dataset(table, data_dir=tmp_path / "nowhere")
    with pytest.raises(DataError, match="at least one row"):
        load_dataset(table[:0], data_dir=folder)
    (tmp_path / "empty.csv").write_text("path,label\n")
    with pytest.raises(DataError, match="at least one row"):
        load_dataset(tmp_path / "empty.csv")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataFormatError, match="must be a table with commas"):
        load_dataset(tmp_path / "binary.csv")
    with pytest.raises(ArgumentError, match="columns `path` and `label`, .* it has `path;l"):
        (tmp_path / "semicolons.csv").write_text("path;label\na;b\n")
        load_dataset(tmp_path / "semicolons.csv")


def test_files_that_are_missing_are_all_told_or_passed_over(photos):
    folder, table = photos
    for name in ("03.png", "07.png"):
        (folder / name).unlink()
    with pytest.raises(DataFormatError, match=r"2 of 24 files cannot be read .*03\.png, .*07\.png"):
        load_dataset(table, data_dir=folder)
    with pytest.warns(SkippedWarning, match="passed over: 2 that cannot be read as images"):
        dataset = load_dataset(
            table.assign(weight=range(24), group=range(24)), data_dir=folder, on_error="skip"
        )
    train = dataset.split("train")
    assert len(train) == 22
    assert train.groups[3] == "4"
    assert train.weights[3] == 4
    assert dataset.skipped["reason"].str.startswith("There is no image file").all()


def test_a_class_of_one_row_is_told(photos):
    folder, table = photos
    table.loc[0, "label"] = "emu"
    with pytest.warns(DataWarning, match="one training image cannot be learned or held out: emu"):
        dataset = load_dataset(table, data_dir=folder, test_fraction=0.25)
    assert dataset.split("train").labels.tolist().count(2) == 1


def test_options_of_files_are_refused_for_other_sources():
    for options in ({"on_error": "skip"}, {"follow_links": True}, {"groups": "a"}):
        with pytest.raises(ArgumentError, match=f"`{next(iter(options))}` is for .* alone"):
            load_dataset("synthetic", **options)
    held = load_dataset("synthetic", n_train=100, n_test=10, validation_fraction=0.2)
    assert [len(split) for split in held.splits.values()] == [80, 20, 10]
