"""Train the model that is part of the package: `load_model("fastnet-cifar10")`.

    python benchmarks/shipped_fastnet.py --output pycifar/shipped/fastnet-cifar10.json

Trains `fastnet` by its recipe on all training images of CIFAR-10, for a number of epochs that was
fixed beforehand. Writes the model beside the report, which says how it was made. The test images
are used once, in the end, and nothing is chosen by them.

So that the file is small, its kernels are stored in float16, which Keras reads as any other type.
So that the model says the same on every processor, the network computes in float32, in whatever
precision it was trained. The accuracies are those of the file as it is loaded.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import tempfile
import time
import zipfile
from pathlib import Path

import h5py
import numpy as np
from script import command_line, write_report

import pycifar

EPOCHS = 40
SEED = 1
IMAGES = "CIFAR-10, a copy whose images went through JPEG: see benchmarks/README.md"
SMALLEST = 2  # dimensions of what is stored in float16; normalisation has one, and is small anyway
WEIGHTS = "model.weights.h5"


def main() -> None:
    """Train, write the model, measure it and write the report."""
    arguments = command_line(__doc__).parse_args()
    path = arguments.output.with_suffix(".keras")
    dataset = pycifar.load_dataset("cifar10")
    started = time.perf_counter()
    trained = pycifar.train(dataset, "fastnet", epochs=EPOCHS, validation=None, seed=SEED)
    seconds = time.perf_counter() - started
    write_small(in_float32(trained), path)
    model = pycifar.load_model(path)
    one, six = (pycifar.evaluate(model, dataset, tta=tta) for tta in (False, True))
    write_report(
        arguments.output,
        architecture="fastnet",
        epochs=EPOCHS,
        seed=SEED,
        trained_in=trained.config.precision,
        seconds=round(seconds),
        data=model.data,
        fingerprint=model.fingerprint(),
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        bytes=path.stat().st_size,
        test_accuracy=round(one.accuracy, 4),
        test_accuracy_tta=round(six.accuracy, 4),
        test_accuracy_unrounded=round(pycifar.evaluate(trained, dataset).accuracy, 4),
    )


def in_float32(model: pycifar.TrainedModel) -> pycifar.TrainedModel:
    """Return the model with a network that computes in float32, of weights that fit `halved`.

    Its record does not say where on this machine the images were.
    """
    network = pycifar.build_model(
        "fastnet", model.image_shape, len(model.class_names), precision="float32"
    )
    network.set_weights([halved(x).astype(np.float32) for x in model.network.get_weights()])
    config = dataclasses.replace(model.config, precision="float32")
    data = model.data | {"source": IMAGES}
    return dataclasses.replace(model, network=network, config=config, data=data)


def halved(values: np.ndarray) -> np.ndarray:
    """Return kernels in float16, and all else as it is."""
    return values.astype(np.float16) if values.ndim >= SMALLEST else values


def write_small(model: pycifar.TrainedModel, path: Path) -> None:
    """Save a model without its optimizer, with its kernels in float16."""
    with tempfile.TemporaryDirectory() as folder:
        whole = pycifar.save_model(model, Path(folder, "whole.keras"), include_optimizer=False)
        with zipfile.ZipFile(whole) as archive, zipfile.ZipFile(path, "w") as small:
            for name in archive.namelist():
                content = archive.read(name)
                small.writestr(name, small_weights(content) if name == WEIGHTS else content)


def small_weights(content: bytes) -> bytes:
    """Return an HDF5 file of weights with the kernels in float16."""
    small = io.BytesIO()
    with h5py.File(io.BytesIO(content)) as source, h5py.File(small, "w") as target:
        copy_group(source, target)
    return small.getvalue()


def copy_group(source: h5py.Group, target: h5py.Group) -> None:
    """Copy what is in a group, with the kernels in float16."""
    target.attrs.update(source.attrs)
    for name, item in source.items():
        if isinstance(item, h5py.Group):
            copy_group(item, target.create_group(name))
        else:
            target.create_dataset(name, data=halved(item[()])).attrs.update(item.attrs)


if __name__ == "__main__":
    main()
