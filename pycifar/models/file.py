"""Saving and loading of models, as one ``.keras`` file that plain Keras opens too."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from copy import deepcopy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

import pycifar
from pycifar.arguments import check_flag, check_output, check_sha256, joined
from pycifar.backend import check_process, keras
from pycifar.errors import ArgumentError, ModelFileError, ModelVersionError, OptimizerWarning, warn
from pycifar.files import read_file, write_atomically
from pycifar.foreign_names import known_arguments_only
from pycifar.keras_files import (
    CONFIG,
    ENTRY,
    HDF5,
    STATE,
    WEIGHTS,
    checked_entries,
    shapes_in_optimizer,
)
from pycifar.language import function
from pycifar.learners import learner_for
from pycifar.learners.copies import freeze_layers, freeze_sequentials, not_compiled
from pycifar.learners.descriptions import CROSSENTROPY, own_objects_named
from pycifar.learners.fused_ops import compute_channels_apart
from pycifar.learners.keras_learner import SCALED, built_for
from pycifar.learners.numpy_learner import network_of_numpy
from pycifar.learners.objectives import make_objective
from pycifar.learners.optimizers import is_of_keras
from pycifar.models.calibration import checked_calibration
from pycifar.models.custom_objects import knowing, warn_if_unloadable
from pycifar.models.file_check import check_optimizer, checked_network, optimizer_config
from pycifar.models.record import (
    check_class_weights,
    checked_best_epoch,
    checked_class_names,
    checked_columns,
    checked_config,
    checked_counts,
    checked_data,
    checked_fingerprint,
    checked_generators,
    checked_name,
    checked_resize,
    checked_rows_chosen,
    checked_seconds,
    checked_texts,
    checked_trained,
    packed_rows,
)
from pycifar.models.trained_model import HISTORY_COLUMNS, TrainedModel, check_trained_model
from pycifar.npz import read_npz
from pycifar.precision import precision_of
from pycifar.shipped import SHIPPED, check_model_path

SUFFIX = ".keras"
FORMAT = 1  # the version of pycifar's entry; raised when an older pycifar could not read it

WEIGHTS_ALONE = (".weights.h5", ".weights.hdf5")  # endings of what `Model.save_weights` writes

# The module of Keras's optimizers on PyTorch. A file that names it would load on PyTorch only.
OF_TORCH = re.compile(rb"keras\.src\.backend\.torch\.optimizers\.torch_\w+")


@known_arguments_only
def save_model(
    model: TrainedModel, path: str | Path, overwrite: bool = False, include_optimizer: bool = True
) -> Path:
    """Save a trained model to one file.

    The file holds the network, its weights, the optimizer's state, and pycifar's record of the
    training (class names, settings, history, versions). It is written to a temporary file in the
    same folder and then renamed. A failure therefore leaves an existing file as it was. Plain
    ``keras.models.load_model`` opens the file too.

    Args:
        model: what `train` returned.
        path: the file to write, ending in ``.keras``; its folder must exist.
        overwrite: whether an existing file may be replaced.
        include_optimizer: whether the file holds the optimizer's state, such as momenta, which may
            take more space than the weights. Without it, predictions are the same. A training that
            goes on from the file starts the optimizer anew, with an `OptimizerWarning`; if the
            optimizer was a Keras object of yours, it must be given again.

    Returns:
        The path of the file.

    Raises:
        ArgumentError: an argument is not as above.
        OutputExistsError: the file exists and `overwrite` is False.
        OutputError: the file cannot be written.

    Examples:
        >>> import pycifar
        >>> dataset = pycifar.load_dataset("synthetic", n_train=200, n_test=100)
        >>> model = pycifar.train(dataset, epochs=1, seed=1, verbose=0)
        >>> pycifar.save_model(model, "cnn2.keras", overwrite=True).name
        'cnn2.keras'
    """
    check_trained_model(model)
    target = check_output("path", path, (SUFFIX,), check_flag("overwrite", overwrite))
    check_flag("include_optimizer", include_optimizer)
    write_atomically(target, lambda temporary: _write(model, temporary, include_optimizer))
    warn_if_unloadable(model.network)
    return target


def model_bytes(model: TrainedModel) -> bytes:
    """Return the bytes of the file that `save_model` would write."""
    with TemporaryDirectory(prefix="pycifar-") as folder:
        path = Path(folder, f"model{SUFFIX}")
        _write(model, path)
        return path.read_bytes()


def model_from_bytes(
    content: bytes, custom_objects: Mapping[str, Any] | None = None
) -> TrainedModel:
    """Return the model in bytes from `model_bytes`; raise the same errors as `load_model`."""
    return _model_in(content, "The model", custom_objects)


@known_arguments_only
def load_model(
    path: str | Path,
    sha256: str | None = None,
    custom_objects: Mapping[str, Any] | None = None,
) -> TrainedModel:
    """Load a model that `save_model` wrote, or one that is part of the package.

    "fastnet-cifar10" is part of the package: `fastnet`, trained on CIFAR-10. It needs no download
    and no network.

    It is safe to load a file from an untrusted source. The file may contain only Keras layers that
    run no code and read no files, and layers that you have registered with Keras yourself or give
    as `custom_objects`. SECURITY.md states the limits on memory and time. The file is read once:
    the bytes that were checked are the bytes that are loaded, even if the file changes meanwhile.

    Args:
        path: the ``.keras`` file, or the name "fastnet-cifar10". If there is a file of that name
            in the working directory, the file is loaded.
        sha256: the SHA-256 that the file must have, as 64 hexadecimal digits; None accepts any
            file.
        custom_objects: your own classes and functions that the file may ask for: layers, an
            optimizer, activations and the like, by the name that they have in the file. That is
            the name of the class, or the registered name such as "package>name" if it was
            registered with Keras when the file was saved. Give only what you would run on any
            settings, because the settings are the file's.

    Returns:
        The trained model, with the fingerprint that it was saved with. If the file has an optimizer
        of a class that is not known here, the model comes without it, with an `OptimizerWarning`.

    Raises:
        ArgumentError: `path`, `sha256` or `custom_objects` is not as above.
        ModelFileError: there is no file, it is damaged, has another SHA-256, or pycifar did not
            write it.
        ModelVersionError: a newer pycifar wrote it.

    Examples:
        >>> import pycifar
        >>> dataset = pycifar.load_dataset("synthetic", n_train=200, n_test=100)
        >>> model = pycifar.train(dataset, epochs=1, seed=1, verbose=0)
        >>> path = pycifar.save_model(model, "cnn2.keras", overwrite=True)
        >>> pycifar.load_model(path).fingerprint() == model.fingerprint()
        True
        >>> pycifar.load_model("fastnet-cifar10").class_names[:3]
        ('airplane', 'automobile', 'bird')
    """
    source = check_model_path("path", path)
    expected = None if sha256 is None else check_sha256("sha256", sha256)
    return _model_in(read_model_file(source, expected), str(source), custom_objects)


def read_model_file(source: Path, expected: str | None = None) -> bytes:
    """Return the bytes of a model file; raise a ModelFileError unless `expected` is its SHA-256."""
    if not source.exists():
        raise ModelFileError(
            f"There is no model file {source}.",
            fix="Give the path of a saved model, or the name of one that is part of the package: "
            f"{joined(list(SHIPPED))}.",
        )
    try:
        content = read_file(source)
    except OSError as error:
        raise ModelFileError(f"{source} cannot be read: {error.strerror}.") from error
    if expected is not None and (found := hashlib.sha256(content).hexdigest()) != expected:
        raise ModelFileError(
            f"{source} is another file than was expected: its SHA-256 is {found}, not {expected}."
        )
    return content


def _model_in(
    content: bytes, source: str, custom_objects: Mapping[str, Any] | None
) -> TrainedModel:
    """Check the bytes of a file and return the model in them; `source` names it in errors."""
    entries, extra = model_entries(content, source)
    check_process()
    with knowing(custom_objects):
        try:
            record = checked_record(extra)
            network = checked_network(entries)
            give_policy(network, extra.get("dtype_policy"))
            give_frozen(network, extra.get("frozen"))
            optimizer = optimizer_config(entries[CONFIG])
            # The loss and the metrics of the training are made when they are used.
            usual = dataclasses.replace(record["config"], loss=CROSSENTROPY, metrics={})
            trained = checked_trained(extra.get("trained"), len(network.variables))
            loss = make_objective(usual).loss
            anew = give_weights(network, entries, optimizer, loss, trained)
            network.own_objects = own_objects_named(record["config"], custom_objects or {})
            model = _restore(network, extra, record)
            left_out = _restore_learning(model, extra, entries, trained)
        except Exception as error:
            message = f"{source} cannot be loaded as a model: {reason(error)}"
            raise ModelFileError(message) from error
    warn_of_lost_optimizer(source, left_out, anew)
    return model


def warn_of_lost_optimizer(source: str, left_out: str | None, anew: bool) -> None:
    """Warn if a model was loaded without the optimizer in its file, or without its state.

    Args:
        source: what the model was loaded from.
        left_out: why the optimizer was left out, or None.
        anew: whether its state was left out.
    """
    if left_out is not None:
        warn(OptimizerWarning(f"{source} was loaded without its optimizer: {left_out}."))
    elif anew:
        warn(
            OptimizerWarning(
                f"{source} was loaded without the state of its optimizer, which is not that of the "
                "weights that can be trained: layers were frozen or unfrozen after it was trained."
            )
        )


def reason(error: Exception) -> str:
    """Return the message of an error in one line."""
    if isinstance(error, (RecursionError, MemoryError)):
        return "it is nested too deep" if isinstance(error, RecursionError) else "it is too large"
    return str(error).strip().splitlines()[0] if str(error).strip() else repr(error)


def _write(model: TrainedModel, path: Path, include_optimizer: bool = True) -> None:
    learner = learner_for(model.network)
    extra = {
        "format": FORMAT,
        "class_names": list(model.class_names),
        "fingerprint": model.fingerprint(),
        "config": model.config.to_dict(),
        "history": {column: model.history[column].tolist() for column in HISTORY_COLUMNS},
        "data": model.data,
        "seconds": list(model.seconds),
        "interrupted": model.interrupted,
        "best_epoch": model.best_epoch,
        "stopped_by": model.stopped_by,
        "versions": model.versions,
        "resize": None if model.resize is None else model.resize.to_dict(),
        "calibration": None if model.calibration is None else model.calibration.to_dict(),
        "held_out": packed_rows(model.held_out),
        "generators": learner.generator_states(),
        **learner.file_record(),
    }
    with _with_known_optimizer(model.keras_model, include_optimizer) as network:
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
        if include_optimizer and learner.keeps_optimizer_apart:
            with archive.open(STATE, "w") as entry:
                np.savez(entry, *learner.optimizer_state())


@contextmanager
def _with_known_optimizer(network: keras.Model, included: bool) -> Iterator[keras.Model]:
    """Yield the network, without its optimizer if it is not included or Keras could not load it.

    The latter is any optimizer which is not Keras's own, such as `pycifar.learners.muon.Muon`.
    """
    optimizer = getattr(network, "optimizer", None)
    if optimizer is None or (included and is_of_keras(optimizer)):
        yield network
        return
    with not_compiled(network):
        yield network


def _name_optimizer_for_all_backends(path: Path) -> None:
    """Replace the PyTorch name of an optimizer in a saved file by its public name in Keras."""
    with zipfile.ZipFile(path) as archive:
        if not OF_TORCH.search(archive.read(CONFIG)):
            return
        entries = [(entry, archive.read(entry)) for entry in archive.infolist()]
    with zipfile.ZipFile(path, "w") as archive:
        for entry, content in entries:
            if entry.filename == CONFIG:
                content = OF_TORCH.sub(b"keras.optimizers", content)
            archive.writestr(entry, content)


def model_entries(content: bytes, source: str) -> tuple[dict[str, bytes], dict[str, Any]]:
    """Return the entries of a model file by name, and the parsed entry of pycifar.

    Args:
        content: the bytes of the file.
        source: how errors name the file.

    Raises:
        ModelFileError: it is no model file, pycifar did not write it, or it is damaged.
        ModelVersionError: a newer pycifar wrote it.
    """
    entries = archive_entries(content, source)
    if ENTRY not in entries:
        raise ModelFileError(
            f"{source} was not saved by pycifar.",
            fix=f"{function('adopt_model')} makes a trained model of a plain Keras model.",
        )
    try:
        extra = json.loads(entries[ENTRY])
    except (ValueError, RecursionError) as error:
        raise _damaged(source, error) from error
    version = extra.get("format") if isinstance(extra, dict) else None
    if type(version) is not int or version < 1:
        raise ModelFileError(f"{source} is damaged: its entry {ENTRY} names no format.")
    if version > FORMAT:
        raise ModelVersionError(
            f"{source} has format {version}; pycifar {pycifar.__version__} reads up to {FORMAT}.",
            fix="Update pycifar.",
        )
    return entries, extra


def archive_entries(content: bytes, source: str) -> dict[str, bytes]:
    """Return the entries of a Keras file by name, whoever wrote it.

    Raises:
        ModelFileError: it is no such file, or it is damaged.
    """
    try:
        return checked_entries(content)
    except ValueError as error:
        if not content.startswith(HDF5):
            raise _damaged(source, error) from error
    if source.lower().endswith(WEIGHTS_ALONE):
        raise ModelFileError(
            f"{source} has weights alone, and no network.",
            fix=f"Give it as `weights` to {function('train')}, with the architecture that they are "
            "of. For a network of your own, build it and call its load_weights(path).",
        )
    raise ModelFileError(
        f"{source} is an HDF5 file, from which Keras may run code; pycifar does not open it.",
        fix="If you trust it, make another file of it by Keras: "
        'keras.models.load_model(path).save("model.keras").',
    )


def _damaged(source: str, error: Exception) -> ModelFileError:
    return ModelFileError(f"{source} is not a model file, or it is damaged: {reason(error)}.")


def checked_record(extra: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of `TrainedModel` except `network`, and the fingerprint, all checked.

    Args:
        extra: the parsed entry of pycifar.
    """
    import pandas

    class_names, config = checked_class_names(extra["class_names"]), checked_config(extra["config"])
    check_class_weights(config, class_names)
    rows = checked_columns(extra["history"], HISTORY_COLUMNS)
    history = pandas.DataFrame(rows, columns=list(HISTORY_COLUMNS))
    return {
        "class_names": class_names,
        "config": config,
        "history": history.astype({"epoch": int, "split": str, "metric": str, "value": float}),
        "data": checked_data(extra["data"]),
        "seconds": checked_seconds(extra["seconds"], rows),
        "interrupted": check_flag("interrupted", extra["interrupted"]),
        # Absent from the files of older versions, as the fingerprint is.
        "best_epoch": checked_best_epoch(extra.get("best_epoch"), rows),
        "stopped_by": checked_name(extra.get("stopped_by")),
        "versions": checked_texts("versions", extra["versions"]),
        "resize": checked_resize(extra.get("resize")),
        "calibration": checked_calibration(extra.get("calibration")),
        "held_out": checked_rows_chosen(extra.get("held_out")),
        "fingerprint": checked_fingerprint(extra.get("fingerprint")),
    }


def give_policy(network: keras.Model, recorded: str | None) -> None:
    """Let a training of a network in float16 scale its loss, as it did before.

    Args:
        network: a network from a file, which does not have its policy then.
        recorded: the policy in pycifar's record; None if there is none, as in files of Keras and of
            older versions. Then the layers tell.
    """
    policy = f"mixed_{precision_of(network)}" if recorded is None else recorded
    if policy == SCALED:
        network.dtype_policy = SCALED


def give_frozen(network: keras.Model, recorded: Any) -> None:
    """Make the layers not trainable that were not before.

    Args:
        network: a network from a file.
        recorded: the numbers of these layers in pycifar's record, see `frozen_layers`; None if
            there is none, as in files of Keras and of older versions.

    Raises:
        ValueError: they are no such numbers.
    """
    if recorded is None:
        freeze_sequentials(network)
    else:
        freeze_layers(network, set(checked_counts("frozen", recorded)))


def give_weights(
    network: keras.Model,
    entries: Mapping[str, bytes],
    optimizer: dict[str, Any] | None,
    loss: Any = "sparse_categorical_crossentropy",
    trained: Sequence[int] | None = None,
) -> bool:
    """Load the weights of a file into a network.

    If its optimizer is described, the network is compiled with that one and with `loss`. It trains
    the variables with the numbers `trained`; None stands for those that are trainable.

    Returns:
        Whether the optimizer begins anew, because its state is that of other weights.
    """
    anew = False
    if optimizer is not None:
        stored = shapes_in_optimizer(entries[WEIGHTS])
        built = built_for(network, _described(optimizer), trained)
        if stored != _shapes(built):  # it has made no step yet, or trained other weights
            built = _described(optimizer)
        network.compile(built, loss)
        anew = stored != _shapes(network.optimizer)
    with TemporaryDirectory(prefix="pycifar-") as folder:
        path = Path(folder, WEIGHTS)
        path.write_bytes(entries[WEIGHTS])
        with not_compiled(network) if anew else nullcontext():
            network.load_weights(path)
    return anew


def _shapes(optimizer: keras.optimizers.Optimizer) -> list[tuple[int, ...]]:
    return [tuple(variable.shape) for variable in optimizer.variables]


def _described(optimizer: dict[str, Any]) -> keras.optimizers.Optimizer:
    """Return a new optimizer from its description, which Keras may change.

    `keras.optimizers.deserialize` does not know each optimizer of Keras, such as Lamb.
    """
    return keras.saving.deserialize_keras_object(deepcopy(optimizer))


def _restore(
    keras_model: keras.Model, extra: Mapping[str, Any], record: dict[str, Any]
) -> TrainedModel:
    """Return the trained model; raise a ValueError unless its weights match the fingerprint."""
    check_classes(keras_model, record["class_names"])
    network = keras_model
    if "numpy_model" in extra:
        network = network_of_numpy(keras_model, extra["numpy_model"])
    compute_channels_apart(network)
    fingerprint = record.pop("fingerprint")
    model = TrainedModel(network=network, **record)
    if fingerprint not in (None, model.fingerprint()):
        raise ValueError("its weights are not those that it says it has")
    return model


def check_classes(network: keras.Model, class_names: tuple[str, ...]) -> None:
    """Raise a ValueError unless a network has one output for each of these classes."""
    if network.output_shape != (None, len(class_names)):
        raise ValueError("its classes are not those of its network")


def _restore_learning(
    model: TrainedModel,
    extra: Mapping[str, Any],
    entries: Mapping[str, bytes],
    trained: Sequence[int] | None,
) -> str | None:
    """Restore the random generators and the optimizer, as far as the file has them.

    Files of older versions have fewer of these. Their models still load.

    Returns:
        Why the optimizer was left out, or None.
    """
    learner = learner_for(model.network)
    if generators := extra.get("generators"):
        learner.set_generator_states(checked_generators(generators))
    if STATE not in entries:
        return None
    described = extra.get("optimizer")
    if described is not None:
        try:
            check_optimizer(described)
        except ValueError as error:
            return str(error)
    state = list(read_npz(io.BytesIO(entries[STATE])).values())
    learner.restore_optimizer(model.config, state, described, trained)
    return None
