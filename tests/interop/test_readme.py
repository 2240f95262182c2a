"""The README's scripts for images of one's own, run as a stranger would run them."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import pycifar
from pycifar.datasets.resizing import Resize

README = Path(__file__).parents[2] / "README.md"
CLASSES = ("circle", "square", "triangle")


def script(mark: str = "own images", language: str = "r") -> str:
    """The code behind the mark."""
    marked = README.read_text("utf-8").partition(f"<!-- {mark}")[2]
    return re.search(rf"```{language}\n(.*?)```", marked, re.DOTALL)[1]


@pytest.fixture
def folder(tmp_path):
    """JPEGs of three classes and of several sizes, as the script expects them."""
    dataset = pycifar.load_dataset("synthetic", n_train=900, n_test=300)
    sizes = np.random.default_rng(1).integers(40, 120, (1000, 2)).tolist()
    for split, part in dataset.splits.items():
        for i, (image, label) in enumerate(zip(part.images, part.labels, strict=True)):
            name = dataset.class_names[label]
            if name in CLASSES:
                place = tmp_path / "shapes" / split / name if i % 20 else tmp_path / "new"
                place.mkdir(parents=True, exist_ok=True)
                picture = Image.fromarray(np.ascontiguousarray(image)).resize(sizes[i])
                picture.save(place / f"{name}{i}.jpg", quality=95)
    return tmp_path


def test_images_of_ones_own(folder):
    code = script() + 'cat("\\n", names(table(predict(model, "new/*.jpg"))), "\\n")\n'
    assert len([line for line in script().splitlines() if line.strip()]) <= 20
    (folder / "script.R").write_text(code)
    done = subprocess.run(
        ["Rscript", "script.R"], cwd=folder, env=os.environ, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert " ".join(CLASSES) in done.stdout
    model = pycifar.load_model(folder / "shapes.keras")
    assert model.image_shape == (48, 48, 3)
    assert model.epochs_done == 10
    shapes = pycifar.load_dataset("folder", data_dir=folder / "shapes", image_size=48)
    assert pycifar.evaluate(model, shapes).accuracy > 0.9


def test_a_table_of_images(folder):
    rows = ["path,label,object"]
    for number, file in enumerate(sorted((folder / "shapes").rglob("*.jpg"))):
        rows.append(f"{file.relative_to(folder).as_posix()},{file.parent.name},{number // 2}")
    (folder / "photos.csv").write_text("\n".join([*rows, "none.jpg,circle,0"]))
    assert len([line for line in script("a table", "python").splitlines() if line.strip()]) <= 15
    done = subprocess.run(
        [sys.executable, "-c", script("a table", "python")],
        cwd=folder,
        env=os.environ,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "1 that cannot be read as images (none.jpg)" in done.stderr
    assert "<Dataset photos: train " in done.stdout
    model = pycifar.load_model(folder / "photos.keras")
    assert model.class_names == CLASSES
    assert model.config.validation == "validation"


def test_an_onnx_file_needs_neither_pycifar_nor_keras(folder):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("tf2onnx")
    resize = Resize("crop", "lanczos")
    model = dataclasses.replace(pycifar.load_model("fastnet-cifar10"), resize=resize)
    pycifar.export_model(model, folder / "photos.onnx")
    photo = folder / "photo.jpg"
    with Image.open(next((folder / "new").glob("*.jpg"))) as opened:
        exif = opened.getexif()
        exif[0x0112] = 6  # held upright, as a phone writes it
        opened.save(photo, exif=exif, quality=95)
    code = script("onnx", "python")
    assert len([line for line in code.splitlines() if line.strip()]) <= 10
    heavy = "{'pycifar', 'keras', 'tensorflow', 'pandas'} & set(__import__('sys').modules)"
    (folder / "script.py").write_text(f"{code}print({heavy})\n")
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=folder, capture_output=True, text=True, check=True
    )
    (probabilities,) = pycifar.predict(model, photo, "prob")
    said, loaded = done.stdout.splitlines()
    name, _, probability = said.rpartition(" ")
    assert name == model.class_names[probabilities.argmax()]
    assert float(probability) == pytest.approx(probabilities.max(), abs=1e-3)
    assert loaded == "set()"
