"""The interface for R: the only module that the R package calls.

A handle is a Python object that R holds and passes back. Arguments are `str`, `bool`, `int`,
`float`, `None`, `list`, `dict`, functions of R, handles, and images as ``{"bytes", "shape"}`` in
R's column-major order. Results are dicts of lists and Python scalars, tables as dicts of columns,
blocks of numbers as `bytearray`, and handles. No conversion of these depends on the versions of
reticulate, NumPy or pandas; see `docs/decisions/reticulate.md`.

Each function returns ``{"ok": True, "value": …}`` or ``{"ok": False, "kinds": …, "message": …,
"fix": …, "traceback": …, "model": …}``, each with "warnings". Errors and warnings thus reach R as
data, with the names that functions and constants have in R, and R makes its own conditions of them.
An interrupt reaches R as Python's KeyboardInterrupt, which reticulate turns into R's interrupt.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import itertools
import math
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np

import pycifar
from pycifar.arguments import check_choice, check_count, check_verbosity, describe, seeds_drawn_by
from pycifar.console import shown_by
from pycifar.errors import (
    ArgumentError,
    ImageError,
    PycifarError,
    PycifarWarning,
    TrainingError,
    text_on_disk,
    warnings_collected,
)
from pycifar.interrupts import Terminated
from pycifar.language import speaking_r

if TYPE_CHECKING:
    import pandas

    from pycifar.datasets import Dataset, Split
    from pycifar.datasets.resizing import Resize
    from pycifar.models.trained_model import TrainedModel
    from pycifar.reproduction import Reproduction
    from pycifar.serving import Server


# Draws a seed from the generator of R; None outside R.
_draw_in_r: Callable[[], int] | None = None


def _seeds_of_r() -> AbstractContextManager[None]:
    return nullcontext() if _draw_in_r is None else seeds_drawn_by(_draw_in_r)


def entry_point(function: Callable[..., Any]) -> Callable[..., dict[str, Any]]:
    """Make a function return its result, or the error that it raises, as data."""

    @functools.wraps(function)
    def call(*arguments: Any, **named: Any) -> dict[str, Any]:
        collected: list[PycifarWarning] = []
        try:
            with speaking_r(), _seeds_of_r(), warnings_collected() as collected:
                value = function(*arguments, **named)
            return {"ok": True, "value": value, "warnings": _warnings_as_data(collected)}
        except Terminated as end:
            # End the whole process, because R would continue with its script. `train` has saved
            # a checkpoint if it was asked to.
            signal.signal(end.signal, signal.SIG_DFL)
            os.kill(os.getpid(), end.signal)
            raise
        except Exception as error:
            return _as_data(error) | {"warnings": _warnings_as_data(collected)}

    return call


@entry_point
def version() -> str:
    """Return the version of the Python package."""
    return pycifar.__version__


@entry_point
def set_seed_source(draw: Callable[[], Any]) -> None:
    """Draw the seeds that R does not give by this function of R, so that `set.seed()` counts."""
    global _draw_in_r

    def draw_whole() -> int:
        return int(draw())

    _draw_in_r = draw_whole


@entry_point
def set_data_dir(path: str) -> None:
    """Set ``PYCIFAR_DATA_DIR`` to R's value, as Python copied the environment when it started."""
    from pycifar.datasets.cifar10_location import VARIABLE

    if path:
        os.environ[VARIABLE] = path
    else:
        os.environ.pop(VARIABLE, None)


@entry_point
def argument_hint(given: str, known: Any) -> str | None:
    """Return a sentence that helps whoever gave an argument that is not known, or None."""
    from pycifar.foreign_names import argument_hint

    return argument_hint(given, _as_list(known))


@entry_point
def is_available(source: Any) -> bool:
    """Return whether a data set can be loaded on this machine without a download."""
    from pycifar.datasets.cifar10_location import find_cifar10

    check_choice("source", source, ["cifar10", "synthetic"])
    return source == "synthetic" or find_cifar10() is not None


@entry_point
def load_dataset(
    source: Any,
    table: Any = None,
    write_line: Callable[[str], Any] | None = None,
    update_bar: Callable[[float, str], Any] | None = None,
    **arguments: Any,
) -> Dataset:
    """Return a handle to a data set; show progress by `write_line` and `update_bar`.

    Arrays are given as ``{split: {"images": …, "labels": [name, …]}}``. A table is given by its
    columns, in place of a source.
    """
    if table is not None:
        import pandas

        source = pandas.DataFrame({name: _as_list(values) for name, values in table.items()})
    elif isinstance(source, Mapping):
        source = {
            split: (_any_images(part["images"]), _as_list(part["labels"]))
            for split, part in source.items()
        }
    if arguments.get("class_names") is not None:
        arguments["class_names"] = _as_list(arguments["class_names"])
    with nullcontext() if write_line is None else shown_by(write_line, update_bar):
        return pycifar.load_dataset(source, **arguments)


@entry_point
def clear_cache(cache_dir: Any) -> Any:
    """Remove the caches of images in a folder; return the bytes that were freed."""
    freed: float = _whole(pycifar.clear_cache(cache_dir))
    return freed


@entry_point
def subset(dataset: Dataset, which: Any, split: Any) -> Dataset:
    """Return a handle to a data set with fewer images of a split; `which` counts from 1."""
    n = len(dataset.split(split))
    positions = [check_count("subset", number, 1, n) - 1 for number in _as_list(which)]
    return dataset.subset(positions, split)


@entry_point
def folds(dataset: Dataset, *arguments: Any) -> list[Dataset]:
    """Return handles to the folds of a data set."""
    return list(dataset.folds(*arguments))


@entry_point
def fold(dataset: Dataset, number: Any, *arguments: Any) -> Dataset:
    """Return a handle to one of the folds of a data set; the number counts from 1."""
    return next(itertools.islice(dataset.folds(*arguments), int(number) - 1, None))


@entry_point
def describe_dataset(dataset: Dataset) -> dict[str, Any]:
    """Return what R shows of a data set, and in "content" what tells it from others."""
    return {
        "name": dataset.name,
        "source": dataset.source,
        "class_names": list(dataset.class_names),
        "image_shape": list(dataset.image_shape),
        "resize": _rule(dataset.resize),
        "storage": dataset.storage,
        "splits": {name: len(split) for name, split in dataset.splits.items()},
        "skipped": _columns(dataset.skipped),
        "has_files": any(len(split.paths) for split in dataset.splits.values()),
        "content": [
            *dataset.class_names,
            *(dataset.fingerprint(name) for name, split in dataset.splits.items() if len(split)),
        ],
    }


def _rule(resize: Resize | None) -> dict[str, str] | None:
    return None if resize is None else resize.to_dict()


@entry_point
def explore_dataset(dataset: Dataset) -> dict[str, Any]:
    """Return image counts by split, batch and class, and the colours of the training split."""
    found = pycifar.explore(dataset)
    return {
        "splits": _columns(found.splits),
        "batches": _columns(found.batches),
        "channels": _columns(found.channels),
    }


@entry_point
def sample_images(
    dataset: Dataset, split: Any, n_per_class: Any, seed: Any, augmentation: Any = "none"
) -> dict[str, Any]:
    """Return random images of each class as bytes, (class, image, height, width, 3)."""
    from pycifar.datasets import sample_images

    return _bytes(sample_images(dataset, split, n_per_class, seed, augmentation))


@entry_point
def list_architectures() -> dict[str, list[Any]]:
    """Return the table of architectures."""
    return _columns(pycifar.list_architectures())


@entry_point
def build_model(architecture: Any, *arguments: Any, **named: Any) -> Any:
    """Return a handle to an untrained model."""
    _import_keras()
    return pycifar.build_model(_guarded_builder(architecture), *arguments, **named)


@entry_point
def describe_network(network: Any) -> dict[str, Any]:
    """Return what R shows of an untrained Keras model."""
    return {
        "name": network.name,
        "image_shape": list(network.input_shape[1:]),
        "n_classes": network.output_shape[-1],
        "parameters": _whole(network.count_params()),
    }


@entry_point
def train(
    dataset: Dataset,
    architecture: Any,
    callbacks: Any = None,
    augmentation: Any = None,
    verbose: Any = 1,
    write_line: Callable[[str], Any] | None = None,
    update_bar: Callable[[float, str], Any] | None = None,
    **arguments: Any,
) -> TrainedModel:
    """Return a handle to a trained model; show progress by `write_line` and `update_bar`."""
    _import_keras()
    from pycifar.training.callbacks import ProgressReport

    class Report(ProgressReport):
        """A progress report that gives R the numbers of an epoch as well."""

        def show(self, line: str, logs: Mapping[str, float]) -> None:
            self._write(line, self._epoch, dict(logs))  # type: ignore[call-arg]

    all_callbacks = [] if callbacks is None else _as_list(callbacks)
    verbose = check_verbosity(verbose)
    with ExitStack() as shown:
        if write_line is None:
            verbose = 0
        elif verbose:
            update_bar = update_bar if verbose == 1 else None
            all_callbacks.append(Report(write_line, update_bar))
            shown.enter_context(shown_by(write_line, update_bar))
        return pycifar.train(
            dataset,
            _guarded_builder(architecture),
            callbacks=all_callbacks,
            augmentation=augmentation,
            verbose=verbose,
            **arguments,
        )


@entry_point
def find_learning_rate(
    dataset: Dataset,
    architecture: Any,
    write_line: Callable[[str], Any],
    update_bar: Callable[[float, str], Any] | None,
    **settings: Any,
) -> dict[str, Any]:
    """Return the result of a search; show progress by `write_line` and `update_bar`."""
    _import_keras()
    with shown_by(write_line, update_bar):
        found = pycifar.find_learning_rate(dataset, _guarded_builder(architecture), **settings)
    return {
        "architecture": found.architecture,
        "table": _columns(found.table),
        "trials": _columns(found.trials),
        "suggestion": found.suggestion,
        "reason": found.reason,
    }


@entry_point
def describe_model(model: TrainedModel) -> dict[str, Any]:
    """Return what R shows of a trained model."""
    return {
        "architecture": model.config.architecture,
        "parameters": _whole(model.network.count_params()),
        "class_names": list(model.class_names),
        "image_shape": list(model.image_shape),
        "resize": _rule(model.resize),
        "calibration": None if model.calibration is None else model.calibration.to_dict(),
        "config": model.config.to_dict(),
        "history": _columns(model.history),
        "layers": _columns(model.layers()),
        "data": dict(model.data),
        "seconds": list(model.seconds),
        "epochs_done": model.epochs_done,
        "interrupted": model.interrupted,
        "best_epoch": model.best_epoch,
        "stopped_by": model.stopped_by,
        "versions": dict(model.versions),
        "fingerprint": model.fingerprint(),
    }


@entry_point
def keras_model(model: TrainedModel) -> Any:
    """Return the Keras model of a trained model, or one with the weights of a NumPy network."""
    return model.keras_model


@entry_point
def fingerprint(model: TrainedModel) -> str:
    """Return the SHA-256 over all weights."""
    return model.fingerprint()


@entry_point
def predict(
    model: TrainedModel,
    images: Any,
    type: str,  # noqa: A002
    tta: Any,
    split: Any = None,
    on_error: Any = "stop",
) -> Any:
    """Return class names, probabilities as a block, or a list of class names for each image.

    `_any_images` says what `images` may be. The name of an image that was skipped is None, and its
    set has none.
    """
    result = pycifar.predict(model, _any_images(images), type, tta, split, on_error)
    if type == "prob":
        return _block(result)
    if type == "set":
        from pycifar.evaluation import named_sets

        return named_sets(model, result)
    return [None if label < 0 else model.class_names[label] for label in result.tolist()]


@entry_point
def predict_with_sets(
    model: TrainedModel, images: Any, tta: Any, split: Any, on_error: Any
) -> dict[str, Any]:
    """Return probabilities as a block, and prediction sets as `predict` does, or None."""
    from pycifar.evaluation import named_sets

    found = pycifar.predict(model, _any_images(images), "prob", tta, split, on_error)
    calibration = model.calibration
    sets = None if calibration is None else named_sets(model, calibration.sets(found))
    return {"probabilities": _block(found), "sets": sets}


@entry_point
def extract_features(  # noqa: PLR0913 - R passes the arguments one by one
    model: TrainedModel,
    images: Any,
    layer: Any,
    split: Any,
    on_error: Any,
    verbose: Any,
    write_line: Callable[[str], Any],
    update_bar: Callable[[float, str], Any] | None,
) -> dict[str, Any]:
    """Return features as a block, and names of the images: their paths, or numbers from 1.

    `_any_images` says what `images` may be. Progress is shown by `write_line` and `update_bar`.
    """
    from pycifar.features import features_and_names

    with shown_by(write_line, update_bar):
        features, names = features_and_names(
            model, _any_images(images), layer, split, on_error, verbose
        )
    named = [text_on_disk(name) if name else str(i) for i, name in enumerate(names, 1)]
    return {"features": _block(features), "names": named}


@entry_point
def evaluate(model: TrainedModel, dataset: Dataset, split: str, tta: Any) -> dict[str, Any]:
    """Return an evaluation as scalars and tables."""
    result = pycifar.evaluate(model, dataset, split, tta)
    counts = result.confusion.to_numpy()
    names = list(model.class_names)
    return {
        "split": result.split,
        "n": result.n,
        "accuracy": result.accuracy,
        "loss": result.loss,
        "calibration_error": result.calibration_error,
        "objective": result.objective,
        "metrics": result.metrics,
        "bins": _columns(result.bins),
        "per_class": _columns(result.per_class),
        "confusion": {
            "truth": [name for name in names for _ in names],
            "predicted": names * len(names),
            "n": counts.ravel().tolist(),
        },
    }


@entry_point
def save_model(model: TrainedModel, path: str, overwrite: Any, include_optimizer: Any) -> str:
    """Save a model, and return the path of the file."""
    return str(pycifar.save_model(model, path, overwrite, include_optimizer))


@entry_point
def calibrate(model: TrainedModel, *arguments: Any) -> TrainedModel:
    """Return a handle to a model with calibration."""
    return pycifar.calibrate(model, *arguments)


@entry_point
def export_model(
    model: TrainedModel, path: str, images: Any, quantize: Any, overwrite: Any
) -> dict[str, Any]:
    """Return what was exported and how near it is; `_any_images` says what `images` may be."""
    given = None if images is None else _any_images(images)
    found = pycifar.export_model(model, path, given, quantize, overwrite)
    return dataclasses.asdict(found) | {"path": str(found.path), "bytes": _whole(found.bytes)}


@entry_point
def write_model_card(
    model: TrainedModel, path: str, dataset: Dataset | None, split: Any, overwrite: Any
) -> str:
    """Write the card of a model, and return the path of the file."""
    return str(pycifar.write_model_card(model, path, dataset, split, overwrite))


@entry_point
def serve(models: Any, host: Any, port: Any) -> Server:
    """Return a handle to a server in a process of its own; `models` are a list, or by name."""
    return pycifar.serve(models, host, port, wait=False)


@entry_point
def describe_server(server: Server) -> dict[str, Any]:
    """Return what R shows of a server."""
    return {"address": server.address, "models": list(server.models), "running": server.running}


@entry_point
def stop_server(server: Server) -> None:
    """Stop a server."""
    server.stop()


@entry_point
def model_file(model: TrainedModel) -> bytearray:
    """Return the bytes of the file that `save_model` would write."""
    from pycifar.models.file import model_bytes

    return bytearray(model_bytes(model))


@entry_point
def model_from_file(content: Any) -> TrainedModel:
    """Return a handle to the model in the bytes of a file."""
    _import_keras()
    from pycifar.models.file import model_from_bytes

    return model_from_bytes(bytes(content))


@entry_point
def weights(model: TrainedModel, layer: Any) -> dict[str, Any]:
    """Return the weights of a layer, or of all layers, as blocks by name."""
    from pycifar.learners.keras_learner import as_numpy

    layers = {found.name: found.weights for found in model.keras_model.layers if found.weights}
    if layer is not None:
        layers = {layer: layers[check_choice("layer", layer, layers)]}
    return {
        f"{name}/{own}": _block(as_numpy(weight))
        for name, found in layers.items()
        for own, weight in zip(_own_names(name, found), found, strict=True)
    }


def _own_names(layer: str, weights: list[Any]) -> list[str]:
    """Return the names of a layer's weights; if names repeat, with those of its inner layers."""
    names = [weight.name for weight in weights]
    if len(set(names)) == len(names):
        return names
    return [weight.path.rpartition(f"{layer}/")[2] for weight in weights]


@entry_point
def load_model(path: str, sha256: str | None, custom_objects: Any = None) -> TrainedModel:
    """Return a handle to a saved model."""
    _import_keras()
    return pycifar.load_model(path, sha256, custom_objects)


@entry_point
def adopt_model(
    model: Any,
    class_names: Any,
    rescale: Any = None,
    custom_objects: Any = None,
    image_size: Any = None,
) -> TrainedModel:
    """Return a handle to a trained model of a Keras model, which is a handle or in a file."""
    _import_keras()
    return pycifar.adopt_model(model, _as_list(class_names), rescale, custom_objects, image_size)


@entry_point
def inspect_model(path: str, custom_objects: Any = None) -> dict[str, Any]:
    """Return what a model file contains, with None for what is unknown."""
    _import_keras()
    found = pycifar.inspect_model(path, custom_objects).to_dict()
    for name in ("class_names", "image_shape"):
        found[name] = None if found[name] is None else list(found[name])
    return found


@entry_point
def images(
    dataset: Dataset, which: Any, split: Any, model: TrainedModel | None = None
) -> dict[str, Any]:
    """Return images of a split as bytes, (image, height, width, 3); `which` counts from 1.

    With a model, the split may be what its training held out.
    """
    part = _split(dataset, split, model)
    return _bytes(np.ascontiguousarray(part.images[_positions(part, which)]))


@entry_point
def labels(
    dataset: Dataset, which: Any, split: Any, model: TrainedModel | None = None
) -> list[str]:
    """Return the class names of images of a split; see `images`."""
    part = _split(dataset, split, model)
    return [dataset.class_names[label] for label in part.labels[_positions(part, which)].tolist()]


@entry_point
def paths(dataset: Dataset, split: Any, model: TrainedModel | None = None) -> list[str]:
    """Return the file of each image of a split; an empty list if the images are no files."""
    return [text_on_disk(path) for path in _split(dataset, split, model).paths]


@entry_point
def receptive_field(model: Any) -> dict[str, list[Any]]:
    """Return the receptive fields of the layers of a model, or of an architecture by name."""
    _import_keras()
    return _columns(pycifar.receptive_field(model))


@entry_point
def explain(model: TrainedModel, image: Any, class_name: Any, layer: Any) -> dict[str, Any]:
    """Return a Grad-CAM explanation, with image and heat map as blocks."""
    found = pycifar.explain(model, _one_image(image), class_name, layer)
    return {
        "image": _bytes(found.image),
        "heatmap": _block(found.heatmap),
        "class_name": found.class_name,
        "probability": found.probability,
        "layer": found.layer,
    }


@entry_point
def filters(model: TrainedModel) -> dict[str, Any]:
    """Return the first layer's filters as a block, scaled to 0-1: (filter, height, width, 3)."""
    from pycifar.explanation import filters
    from pycifar.explanation_plots import stretched

    return _block(stretched(filters(model)))


@entry_point
def feature_maps(model: TrainedModel, image: Any, layers: Any, n_maps: Any) -> list[dict[str, Any]]:
    """Return each layer with its maps of highest variance, as a block: (map, height, width)."""
    from pycifar.explanation import feature_maps
    from pycifar.explanation_plots import most_varied

    n_maps = check_count("n_maps", n_maps)
    found = feature_maps(model, _one_image(image), layers)
    return [
        {"layer": name, "maps": _block(most_varied(maps, n_maps))} for name, maps in found.items()
    ]


@entry_point
def reproduce(  # noqa: PLR0913 - R passes the settings one by one
    systems: Any,
    seeds: Any,
    epochs: Any,
    time_budget: Any,
    dataset: Any,
    path: Any,
    verbose: Any,
    write_line: Callable[[str], Any],
    update_bar: Callable[[float, str], Any] | None,
) -> dict[str, Any]:
    """Return the result of `reproduce` as tables; show progress by `write_line`, `update_bar`."""
    _import_keras()
    from pycifar.reproduction.progress import Progress
    from pycifar.reproduction.run import run_cases

    progress = Progress()
    verbose = check_verbosity(verbose)
    if verbose:
        progress = Progress(write_line, update_bar if verbose == 1 else None, verbose == 2)
    found = run_cases(systems, seeds, epochs, time_budget, dataset, path, progress)
    return _reproduction(found)


@entry_point
def load_reproduction(path: str) -> dict[str, Any]:
    """Return the content of a file of `reproduce` as tables."""
    return _reproduction(pycifar.load_reproduction(path))


@entry_point
def doctor() -> list[dict[str, Any]]:
    """Return the checks of `doctor`, each with `name`, `value`, `status` and `fix` (or None)."""
    checks: list[dict[str, Any]] = pycifar.doctor().to_dict()["checks"]
    return checks


def _reproduction(found: Reproduction) -> dict[str, Any]:
    table = found.table
    if len(table):
        seeds = [", ".join(map(str, seeds)) for seeds in table["seeds"]]
        table = table.assign(seeds=seeds)
    return {
        "table": _columns(table),
        "runs": _columns(found.runs),
        "history": _columns(found.history),
        "calls": list(found.calls),
        "interrupted": found.interrupted,
    }


def _import_keras() -> None:
    """Import Keras and its backend, but report only top-level modules to R.

    reticulate calls R for each module that is imported, because R code may wait for it. Keras
    imports two thousand modules. Their calls would leave megabytes of garbage in R at the moment
    when memory is shortest.
    """
    loader: Any = sys.modules.get("rpytools.loader")  # reticulate's; absent outside R
    if not hasattr(loader, "_imported_packages") or not hasattr(loader, "_recursion_depth"):
        importlib.import_module("pycifar.backend")
        return
    loader._recursion_depth += 1  # makes reticulate postpone its calls
    try:
        importlib.import_module("pycifar.backend")
    finally:
        loader._recursion_depth -= 1
        untold = loader._imported_packages
        untold[:] = [name for name in untold if "." not in name]


def _warnings_as_data(collected: list[PycifarWarning]) -> list[dict[str, str]]:
    return [{"kind": warning.kind, "message": str(warning)} for warning in collected]


def _as_data(error: Exception) -> dict[str, Any]:
    known = isinstance(error, PycifarError)
    return {
        "ok": False,
        "kinds": error.kinds() if isinstance(error, PycifarError) else ["internal"],
        "message": str(error) if known else f"{type(error).__name__}: {error}",
        "fix": error.fix if isinstance(error, PycifarError) else None,
        "traceback": "".join(traceback.format_exception(error)),
        "model": error.model if isinstance(error, TrainingError) else None,
    }


def _columns(table: pandas.DataFrame) -> dict[str, list[Any]]:
    return {str(name): [_whole(value) for value in table[name].tolist()] for name in table.columns}


def _whole(value: Any) -> Any:
    """Return a value, with whole numbers outside the range of R's integers as floats."""
    return float(value) if isinstance(value, int) and abs(value) >= 2**31 else value


def _block(values: np.ndarray) -> dict[str, Any]:
    """Return numbers as R reads them: doubles in column-major order, with the shape."""
    doubles = np.asarray(values, dtype="<f8")
    return {"bytes": bytearray(doubles.tobytes(order="F")), "shape": list(doubles.shape)}


def _bytes(pixels: np.ndarray) -> dict[str, Any]:
    """Return pixels as R's raw bytes in column-major order, with the shape."""
    return {"bytes": bytearray(pixels.tobytes(order="F")), "shape": list(pixels.shape)}


def _images(block: Mapping[str, Any]) -> np.ndarray:
    """Return uint8 images, (image, height, width, 3), from R's raw bytes in column-major order."""
    shape = [int(side) for side in _as_list(block["shape"])]
    data = np.frombuffer(block["bytes"], np.uint8)
    if data.size != math.prod(shape):
        raise ImageError(f"Images of shape {shape} take {math.prod(shape)} bytes, not {data.size}.")
    across = np.moveaxis(data.reshape(shape, order="F"), 0, -1)
    images = np.empty(shape, np.uint8)
    rows = images.reshape(shape[0], math.prod(shape[1:]))
    # Transposed block by block, because a block fits into a processor's cache.
    for some in _blocks(shape[0]):
        columns = np.ascontiguousarray(across[..., some]).reshape(rows[some].shape[::-1])
        for part in _blocks(len(columns)):
            rows[some, part] = columns[part].T
    images.setflags(write=False)  # nobody else has them, so a data set need not copy them
    return images


def _blocks(n: int) -> Iterator[slice]:
    """Return slices of at most 256 that cover 0 to n: squares of this side fit into a cache."""
    return (slice(start, start + 256) for start in range(0, n, 256))


def _any_images(images: Any) -> Any:
    """Return images in a form that `pycifar.predict` takes.

    Args:
        images: one block; {"pictures": blocks of any sizes}; paths; or {"dataset"}.
    """
    if isinstance(images, Mapping) and "pictures" in images:
        return [_images(block) for block in _as_list(images["pictures"])]
    if isinstance(images, Mapping) and "bytes" in images:
        return _images(images)
    if isinstance(images, Mapping) and "dataset" in images:
        return images["dataset"]
    if isinstance(images, (str, list, tuple)):
        return _as_list(images)
    raise ArgumentError(
        f"`images` must be an array, paths of image files, or a data set, not {describe(images)}."
    )


def _split(dataset: Dataset, split: Any, model: TrainedModel | None) -> Split:
    return dataset.split(split) if model is None else model.split_of(dataset, split)


def _positions(part: Split, which: Any) -> np.ndarray:
    """Return positions in a split, from 0, of images that R counts from 1."""
    if which is None:
        return np.arange(len(part))
    numbers = [check_count("which", number, 1, len(part)) for number in _as_list(which)]
    return np.array(numbers, int) - 1


def _one_image(image: Any) -> Any:
    """Return one image from a block or a path."""
    images = _any_images(image)
    return images[0] if isinstance(images, list) and len(images) == 1 else images


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _guarded_builder(architecture: Any) -> Any:
    """Return an architecture; make errors in a builder function of R name `architecture`."""
    from pycifar.backend import keras
    from pycifar.training.callbacks import call_user_function

    if isinstance(architecture, keras.Model) or not callable(architecture):
        return architecture
    return functools.partial(call_user_function, "architecture", architecture)
