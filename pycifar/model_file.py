"""Saving and loading: one ``.keras`` file that plain Keras opens too."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

import pycifar
from pycifar.arguments import check_flag, check_output, check_path, describe
from pycifar.backend import keras
from pycifar.config import TrainingConfig
from pycifar.errors import ArgumentError, ModelFileError, ModelVersionError
from pycifar.files import write_atomically
from pycifar.model_check import CONFIG, LARGEST_TEXT, check_model_file
from pycifar.model_state import (
    generator_states,
    optimizer_state,
    set_generator_states,
    set_optimizer_state,
)
from pycifar.npz import read_npz
from pycifar.optimization import make_optimizer
from pycifar.scratch import NumpyModel
from pycifar.trained_model import HISTORY_COLUMNS, TrainedModel

SUFFIX = ".keras"
ENTRY = "pycifar.json"  # beside Keras's own entries in the archive
FORMAT = 1  # of that entry; raised when an older pycifar could not read it
STATE = "pycifar-optimizer.npz"  # of an optimizer that Keras could not open again

# Where Keras has its optimizers on PyTorch. Files must not name it, to be of use on all backends.
OF_TORCH = re.compile(rb"keras\.src\.backend\.torch\.optimizers\.torch_\w+")


def save_model(model: TrainedModel, path: str | Path, overwrite: bool = False) -> Path:
    """Save a trained model to one file.

    The file holds the network, its weights, the optimizer's state, and what pycifar knows beyond
    (class names, settings, history, versions). It is written beside its place and then
    renamed, so a failure leaves an existing file as it was. Plain ``keras.models.load_model`` opens
    it too.

    Args:
        model: what `train` returned.
        path: where to, ending in ``.keras``; the folder must exist.
        overwrite: whether an existing file may be replaced.

    Returns:
        The path.

    Raises:
        ArgumentError: `model` or `path` is not as above.
        OutputExistsError: the file exists and `overwrite` is False.
        OutputError: the file cannot be written.

    Examples:
        >>> import pycifar
        >>> dataset = pycifar.load_dataset("synthetic", n_train=200, n_test=100)
        >>> model = pycifar.train(dataset, epochs=1, seed=1, verbose=0)
        >>> pycifar.save_model(model, "cnn2.keras", overwrite=True).name
        'cnn2.keras'
    """
    if not isinstance(model, TrainedModel):
        raise ArgumentError(f"`model` must be a trained model, not {describe(model)}.")
    target = check_output("path", path, (SUFFIX,), check_flag("overwrite", overwrite))
    write_atomically(target, lambda temporary: _write(model, temporary))
    return target


def model_bytes(model: TrainedModel) -> bytes:
    """What `save_model` writes."""
    with TemporaryDirectory(prefix="pycifar-") as folder:
        path = Path(folder, f"model{SUFFIX}")
        _write(model, path)
        return path.read_bytes()


def model_from_bytes(content: bytes) -> TrainedModel:
    """The model that `model_bytes` gave; the errors are those of `load_model`."""
    with TemporaryDirectory(prefix="pycifar-") as folder:
        path = Path(folder, f"model{SUFFIX}")
        path.write_bytes(content)
        return load_model(path)


def load_model(path: str | Path) -> TrainedModel:
    """Load a model that `save_model` wrote.

    A file from a stranger cannot do harm: only layers of Keras that run no code and read no files
    are let through, and those that you have registered with Keras yourself.

    Args:
        path: the ``.keras`` file.

    Returns:
        The trained model, with the fingerprint that it was saved with.

    Raises:
        ModelFileError: there is no file, it is damaged, or pycifar did not write it.
        ModelVersionError: a newer pycifar wrote it.

    Examples:
        >>> import pycifar
        >>> dataset = pycifar.load_dataset("synthetic", n_train=200, n_test=100)
        >>> model = pycifar.train(dataset, epochs=1, seed=1, verbose=0)
        >>> path = pycifar.save_model(model, "cnn2.keras", overwrite=True)
        >>> pycifar.load_model(path).fingerprint() == model.fingerprint()
        True
    """
    source = check_path("path", path)
    extra = _read_entry(source)
    try:
        check_model_file(source, (ENTRY, STATE))
        model = _restore(keras.saving.load_model(source, safe_mode=True), extra)
        _restore_learning(model, extra.get("generators", []), source)
        return model
    except Exception as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
        raise ModelFileError(f"{source} cannot be loaded as a model: {reason}") from error


def _write(model: TrainedModel, path: Path) -> None:
    extra = {
        "format": FORMAT,
        "class_names": list(model.class_names),
        "config": model.config.to_dict(),
        "history": {column: model.history[column].tolist() for column in HISTORY_COLUMNS},
        "data": model.data,
        "seconds": list(model.seconds),
        "interrupted": model.interrupted,
        "best_epoch": model.best_epoch,
        "versions": model.versions,
        "generators": generator_states(model.network),
    }
    if isinstance(model.network, NumpyModel):
        extra["numpy_model"] = model.network.settings()
    with _with_known_optimizer(model.keras_model) as network:
        try:
            network.save(path)
        except (NotImplementedError, TypeError) as error:
            raise ArgumentError(
                f"This model cannot be saved: {' '.join(str(error).split())}",
                fix="Give its layer a get_config() that returns what its __init__() takes.",
            ) from error
    _name_optimizer_for_all_backends(path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(ENTRY, json.dumps(extra, indent=1))
        if isinstance(model.network, NumpyModel) or _is_ours(model.network):
            with archive.open(STATE, "w") as entry:
                np.savez(entry, *optimizer_state(model.network))


@contextmanager
def _with_known_optimizer(network: keras.Model) -> Iterator[keras.Model]:
    """Have Keras leave out an optimizer that is none of its own, which it could not open again."""
    optimizer = getattr(network, "optimizer", None)
    if optimizer is None or type(optimizer).__module__.startswith("keras."):
        yield network
        return
    compiled = network.compiled
    network.compiled, network.optimizer = False, None
    try:
        yield network
    finally:
        network.compiled, network.optimizer = compiled, optimizer


def _name_optimizer_for_all_backends(path: Path) -> None:
    """Give the optimizer in Keras's file its public name, where that is one of PyTorch alone."""
    with zipfile.ZipFile(path) as archive:
        if not OF_TORCH.search(archive.read(CONFIG)):
            return
        entries = [(entry, archive.read(entry)) for entry in archive.infolist()]
    with zipfile.ZipFile(path, "w") as archive:
        for entry, content in entries:
            if entry.filename == CONFIG:
                content = OF_TORCH.sub(b"keras.optimizers", content)
            archive.writestr(entry, content)


def _is_ours(network: keras.Model) -> bool:
    """Whether the optimizer is one of pycifar's own."""
    return type(getattr(network, "optimizer", None)).__module__.startswith("pycifar.")


def _read_entry(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise ModelFileError(
            f"There is no model file {path}.", fix="Give the path of a saved model."
        )
    try:
        with zipfile.ZipFile(path) as archive:
            if ENTRY not in archive.namelist():
                raise ModelFileError(
                    f"{path} was not saved by pycifar.",
                    fix="A plain Keras model opens with keras.models.load_model(); "
                    "train() takes it as `architecture`.",
                )
            if archive.getinfo(ENTRY).file_size > LARGEST_TEXT:
                raise ModelFileError(f"{path} is damaged: its entry {ENTRY} is too large.")
            extra = json.loads(archive.read(ENTRY))
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        raise ModelFileError(f"{path} is not a model file, or it is damaged: {error}.") from error
    version = extra.get("format") if isinstance(extra, dict) else None
    if not isinstance(version, int):
        raise ModelFileError(f"{path} is damaged: its entry {ENTRY} names no format.")
    if version > FORMAT:
        raise ModelVersionError(
            f"{path} has format {version}; pycifar {pycifar.__version__} reads up to {FORMAT}.",
            fix="Update pycifar.",
        )
    return extra


def _restore(keras_model: keras.Model, extra: dict[str, Any]) -> TrainedModel:
    import pandas

    class_names = extra["class_names"]
    _check_texts([*class_names, *extra["data"].values(), *extra["versions"].values()])
    if keras_model.output_shape != (None, len(class_names)) or len(set(class_names)) < 2:
        raise ValueError("its classes are not those of its network")
    network = keras_model
    if "numpy_model" in extra:
        network = _numpy_model(keras_model, extra["numpy_model"])
    history = pandas.DataFrame(extra["history"], columns=list(HISTORY_COLUMNS))
    best_epoch = extra.get("best_epoch")  # which files of older versions do not have
    if best_epoch is not None and (
        type(best_epoch) is not int or best_epoch not in history["epoch"].tolist()
    ):
        raise ValueError(f"its history has no epoch {describe(best_epoch)}")
    return TrainedModel(
        network=network,
        class_names=tuple(class_names),
        config=TrainingConfig(**extra["config"]),
        history=history.astype({"epoch": int, "split": str, "metric": str, "value": float}),
        data=extra["data"],
        seconds=tuple(float(seconds) for seconds in extra["seconds"]),
        interrupted=extra["interrupted"] is True,
        best_epoch=best_epoch,
        versions=extra["versions"],
    )


def _check_texts(values: list[Any]) -> None:
    if not all(isinstance(value, str) for value in values):
        raise ValueError(f"{describe(values)} are not all text")


def _numpy_model(keras_model: keras.Model, settings: dict[str, Any]) -> NumpyModel:
    """The network of NumPy that a Keras model was made of."""
    layers = [layer for layer in keras_model.layers if isinstance(layer, keras.layers.Dense)]
    units = [layer.units for layer in layers]
    if [*settings["hidden"], settings["n_classes"]] != units:  # before they take memory
        raise ValueError("its network of NumPy is another than that of Keras")
    network = NumpyModel(**settings)
    network.set_weights(keras_model.get_weights())
    return network


def _restore_learning(model: TrainedModel, generators: list[list[int]], path: Path) -> None:
    """Give a model back what it would learn on from; files of older versions have less of it."""
    network, config = model.network, model.config
    if generators:
        set_generator_states(network, generators)
    with zipfile.ZipFile(path) as archive:
        if STATE not in archive.namelist():
            return
        with archive.open(STATE) as entry:
            state = list(read_npz(entry).values())
    if isinstance(network, keras.Model):
        optimizer = make_optimizer(config.optimizer, config.learning_rate, config.weight_decay)
        optimizer.build(network.trainable_variables)
        network.optimizer = optimizer
    set_optimizer_state(network, state)
