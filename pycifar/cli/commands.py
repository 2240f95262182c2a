"""The commands: each reads its options, calls the package and prints the result.

Each function returns the exit code. Files are written before anything is printed. A reader of the
standard output that closes it early, as `head` does, so causes no file to be lost.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from pycifar.arguments import check_on_error, describe
from pycifar.cli.loading import data_for, load_dataset, warnings_said
from pycifar.cli.output import print_json, print_table
from pycifar.cli.parser import UsageError
from pycifar.cli.readers import (
    as_augmentation,
    as_count,
    as_flag,
    as_list,
    as_numbers,
    as_size,
    as_text,
)
from pycifar.cli.records import (
    adoption_record,
    evaluation_record,
    explanation_record,
    exploration_record,
    features_record,
    features_table,
    images_per_second,
    learning_rates_record,
    prediction_record,
    reproduction_record,
    rows,
    training_record,
)
from pycifar.cli.values import (
    dataset_arguments,
    output_path,
    read_values,
    reproduction_arguments,
    search_arguments,
    training_arguments,
)
from pycifar.console import counting, say
from pycifar.errors import (
    PycifarError,
    TrainingError,
    printable,
)
from pycifar.files import write_atomically
from pycifar.interrupts import Terminated
from pycifar.rules import check_settings
from pycifar.shipped import DEFAULT_MODEL, SHIPPED

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import pandas

    from pycifar.datasets import Dataset
    from pycifar.models.trained_model import TrainedModel


def explore(options: Namespace) -> int:
    """Run `pycifar explore`."""
    from pycifar.datasets import explore

    arguments, plot = dataset_arguments(options), _picture_path(options)
    augmentation = check_settings(read_values(options, {"augmentation": as_augmentation}))
    if augmentation and plot is None:
        raise UsageError("explore", "`--augmentation` is for `--plot`, which must be given.")
    dataset = load_dataset("explore", arguments)
    found = explore(dataset)
    if plot is not None:
        from pycifar.plots import plot_samples

        plot_samples(dataset, path=plot, overwrite="overwrite" in options, **augmentation)
    if "json" in options:
        print_json(exploration_record(found, plot))
    else:
        print(found)
        _print_path("picture", plot)
    return 0


def architectures(options: Namespace) -> int:
    """Run `pycifar architectures`."""
    from pycifar.architectures import list_architectures

    found = rows(list_architectures())
    if "json" in options:
        print_json({"architectures": found})
        return 0
    width = max(len(row["architecture"]) for row in found)
    for row in found:
        print(f"{row['architecture']:<{width}}  {row['summary']}")
        print(
            f"{'':{width}}  {row['epochs']} epochs, batches of {row['batch_size']}, "
            f"{row['optimizer']}, learning rate {row['learning_rate']:g}, {row['schedule']}"
            + (f", weight decay {row['weight_decay']:g}" if row["weight_decay"] else "")
        )
        side = f"{row['image_size']}×{row['image_size']}"
        print(
            f"{'':{width}}  {row['parameters']:,} parameters, {row['multiply_adds']:,} "
            f"multiply-adds, for {side} pixels"
        )
        print(f"{'':{width}}  {row['origin']}")
        if row["weights"]:
            known = f"{row['weights']} ({row['weights_licence']})"
            print(f"{'':{width}}  weights: {known}, from {row['weights_origin']}")
    return 0


def train(options: Namespace) -> int:
    """Run `pycifar train`."""
    arguments, data_arguments = training_arguments(options), dataset_arguments(options)
    output, plot = output_path(options, "output", (".keras",)), _picture_path(options)
    if "model" in options and "architecture" in options:
        raise UsageError("train", "`--architecture` and `--model` exclude each other.")
    if "without_optimizer" in options and output is None:
        raise UsageError("train", "`--without-optimizer` is for `--output`, which must be given.")

    if "model" in options:
        from pycifar.models.file import load_model

        arguments["architecture"] = earlier = load_model(options.model)
        data_arguments = data_for(earlier, data_arguments)
    dataset = load_dataset("train", data_arguments)
    if isinstance(weights := arguments.get("class_weights"), dict):
        arguments["class_weights"] = _with_numbers(weights, dataset.class_names)
    model = _train_and_save(dataset, arguments, output, options)
    if not model.epochs_done:
        plot = None
    if plot is not None:
        from pycifar.plots import plot_history

        plot_history(model, plot, overwrite="overwrite" in options)
    if "json" in options:
        print_json(training_record(model, dataset, output, plot))
    else:
        _print_training(model, dataset)
        _print_path("model", output)
        _print_path("curves", plot)
    if output is None and not model.interrupted and "quiet" not in options:
        say("pycifar train: the model was not saved; give --output to keep it.")
    return 1 if model.interrupted else 0


def _with_numbers(weights: dict[str, Any], class_names: tuple[str, ...]) -> dict[str | int, Any]:
    """Return class weights with whole numbers in place of texts that are no class names."""
    return {
        int(key) if key.isdecimal() and key not in class_names else key: weight
        for key, weight in weights.items()
    }


def _train_and_save(
    dataset: Dataset, arguments: dict[str, Any], output: Path | None, options: Namespace
) -> TrainedModel:
    """Train a model, and save it even if an error or a signal ended the training."""
    from pycifar.training.train import train

    with warnings_said("train"):
        try:
            model = train(dataset, **arguments)
        except TrainingError as error:
            if error.model is not None and output is not None:
                _save(error.model, output, options)
                error.fix = f"{error.fix or ''} {output} has the last good weights.".strip()
            raise
        except Terminated as end:
            _save(end.model, output, options)
            _report_interrupt(end.model, output, f"ended by {end.signal.name}")
            raise
        _save(model, output, options)
    if model.interrupted:
        _report_interrupt(model, output, "interrupted")
    return model


def find_learning_rate(options: Namespace) -> int:
    """Run `pycifar find-learning-rate`."""
    arguments, data_arguments = search_arguments(options), dataset_arguments(options)
    plot = _picture_path(options)

    from pycifar.training.lr_finder import find_learning_rate

    dataset = load_dataset("find-learning-rate", data_arguments)
    found = find_learning_rate(dataset, **arguments)
    if plot is not None:
        from pycifar.plots import plot_learning_rates

        plot_learning_rates(found, plot, overwrite="overwrite" in options)
    if "json" in options:
        print_json(learning_rates_record(found, plot))
    else:
        print(found)
        _print_path("picture", plot)
    return 0


def evaluate(options: Namespace) -> int:
    """Run `pycifar evaluate`."""
    data_arguments, plot = dataset_arguments(options), _picture_path(options)

    from pycifar.evaluation import evaluate
    from pycifar.models.file import load_model

    model = load_model(options.model)
    dataset = load_dataset("evaluate", data_for(model, data_arguments))
    found = evaluate(model, dataset, **read_values(options, {"split": as_text, "tta": as_flag}))
    if plot is not None:
        from pycifar.plots import plot_confusion

        plot_confusion(found, plot, overwrite="overwrite" in options)
    if "json" in options:
        print_json(evaluation_record(found, model, dataset, options.model, plot))
    else:
        print(f"{printable(dataset.name)}, split {printable(found.split)}: {found.n:,} images")
        print(f"accuracy           {found.accuracy:.4f}")
        print(f"loss               {found.loss:.4f}")
        print(f"calibration error  {found.calibration_error:.4f}")
        for name, value in found.further().items():
            print(f"{printable(name):<17}  {value:.4f}")
        print()
        print_table(found.per_class)
        _print_path("picture", plot)
    return 0


def predict(options: Namespace) -> int:
    """Run `pycifar predict`."""
    given = read_values(options, {"top": as_count, "on_error": as_text})
    top, on_error = given.get("top", 1), _check_on_error(given)

    name, images = _model_and_images("predict", options)

    from pycifar.evaluation import predict
    from pycifar.models.file import load_model

    model, tta = load_model(name), "tta" in options
    records, failed = [], False
    for path, result in _results(
        "predict",
        model,
        images,
        on_error,
        lambda pixels: predict(model, pixels, "prob", tta),
    ):
        record = prediction_record(path, result, model)
        if isinstance(result, PycifarError):
            failed = True
            if on_error == "skip" and "json" not in options:
                print(
                    printable(path), "", "", *([] if model.calibration is None else [""]), sep="\t"
                )
        elif "json" not in options:
            within = record["set"]
            more = () if within is None else (printable(",".join(within)),)
            for label in (-result).argsort(kind="stable")[:top].tolist():
                cells = printable(path), printable(model.class_names[label])
                print(*cells, f"{result[label]:.4f}", *more, sep="\t")
        records.append(record)
    if "json" in options:
        print_json(records)
    return 1 if failed and on_error is None else 0


def _model_and_images(command: str, options: Namespace) -> tuple[str, list[str]]:
    """Return the model of a command and the paths of the images.

    The first argument is the model, unless it ends as an image file does.
    """
    from pycifar.datasets.folders import ENDINGS

    given = [*([options.model] if "model" in options else []), *options.images]
    if not given[0].lower().endswith(tuple(ENDINGS)):
        if len(given) == 1:
            raise UsageError(
                command,
                "The following arguments are required: IMAGE.",
                f"{describe(given[0])} is the model, since it has no ending of an image: "
                f"{', '.join(ENDINGS)}.",
            )
        return given[0], given[1:]
    say(f"pycifar {command}: the model is {DEFAULT_MODEL}, which is part of pycifar.")
    return str(SHIPPED[DEFAULT_MODEL]), given


def features(options: Namespace) -> int:
    """Run `pycifar features`."""
    given = read_values(options, {"layer": as_text, "on_error": as_text})
    on_error, output = _check_on_error(given), output_path(options, "output", (".csv",))
    if "overwrite" in options and output is None:
        raise UsageError("features", "`--overwrite` is for `--output`, which must be given.")

    name, images = _model_and_images("features", options)

    from pycifar.features import Extractor
    from pycifar.models.file import load_model

    model = load_model(name)
    extractor = Extractor(model, given.get("layer"))
    found = []
    with counting(len(images), "images", "quiet" not in options) as show:
        for one in _results("features", model, images, on_error, extractor):
            found.append(one)
            show(len(found))
    read = [one for one in found if not isinstance(one[1], PycifarError)]
    table = features_table(found if on_error == "skip" else read, extractor.n)
    if output is not None:
        write_atomically(output, lambda path: path.write_text(table, "utf-8"))
    if "json" in options:
        print_json([features_record(path, result) for path, result in found])
    elif output is None:
        print(table, end="")
    else:
        _print_path("features", output)
    return 1 if len(read) < len(found) and on_error is None else 0


def explain(options: Namespace) -> int:
    """Run `pycifar explain`."""
    plot = _picture_path(options)
    chosen = read_values(options, {"class_name": as_text, "layer": as_text})

    from pycifar.explanation import explain
    from pycifar.models.file import load_model

    found = explain(load_model(options.model), options.image, **chosen)
    if plot is not None:
        from pycifar.explanation_plots import plot_explanation

        plot_explanation(found, plot, overwrite="overwrite" in options)
    if "json" in options:
        print_json(explanation_record(found, options.image, plot))
    else:
        cells = printable(options.image), printable(found.class_name)
        print(*cells, f"{found.probability:.4f}", printable(found.layer), sep="\t")
        _print_path("picture", plot)
    return 0


def reproduce(options: Namespace) -> int:
    """Run `pycifar reproduce`."""
    arguments, data_arguments = reproduction_arguments(options), dataset_arguments(options)
    plot = _picture_path(options)

    from pycifar.reproduction import reproduce

    dataset = load_dataset("reproduce", data_arguments)
    with warnings_said("reproduce"):
        found = reproduce(dataset=dataset, **arguments)
    if found.interrupted:
        say(
            "pycifar reproduce: interrupted; what was finished until then is "
            + (f"in {arguments['path']}." if "path" in arguments else "below.")
        )
    if not found.records:
        plot = None
    if plot is not None:
        from pycifar.plots import plot_reproduction

        plot_reproduction(found, plot, overwrite="overwrite" in options)
    if "json" in options:
        print_json(reproduction_record(found, arguments.get("path"), plot))
    else:
        print(found)
        _print_path("results", arguments.get("path"))
        _print_path("curves", plot)
    return 1 if found.interrupted else 0


def adopt(options: Namespace) -> int:
    """Run `pycifar adopt`."""
    readers = {"class_names": as_list, "rescale": as_numbers, "image_size": as_size}
    arguments, output = read_values(options, readers), output_path(options, "output", (".keras",))

    from pycifar.models.adoption import adopt_model

    with warnings_said("adopt"):
        model = adopt_model(options.model, **arguments)
        _save(model, output, options)
    if "json" in options:
        print_json(adoption_record(model, output))
    else:
        print(f"{printable(options.model)}: {model.network.count_params():,} parameters")
        print(f"weights: {model.fingerprint()}")
        _print_path("model", output)
    return 0


def inspect(options: Namespace) -> int:
    """Run `pycifar inspect`."""
    from pycifar.models.inspection import inspect_model

    found = inspect_model(options.model)
    if "json" in options:
        print_json(found.to_dict())
    else:
        print(found)
    return 0 if found.loadable else 1


def clear_cache(options: Namespace) -> int:
    """Run `pycifar clear-cache`."""
    from pycifar.datasets import clear_cache

    freed = clear_cache(options.cache_dir)
    if "json" in options:
        print_json({"cache_dir": options.cache_dir, "freed_bytes": freed})
    else:
        print(f"freed: {freed / 1e6:,.1f} MB")
    return 0


def doctor(options: Namespace) -> int:
    """Run `pycifar doctor`."""
    from pycifar.diagnosis import doctor

    diagnosis = doctor()
    if "json" in options:
        print_json(diagnosis.to_dict())
    else:
        print(diagnosis)
    return 0 if diagnosis.ok else 1


def _picture_path(options: Namespace) -> Path | None:
    """Return the path for a picture, or None; check that it can be drawn and written there."""
    if "plot" not in options:
        return None
    from pycifar.plots import SUFFIXES, require_matplotlib

    require_matplotlib()
    return output_path(options, "plot", SUFFIXES)


def _save(model: TrainedModel, output: Path | None, options: Namespace) -> None:
    if output is not None:
        from pycifar.models.file import save_model

        included = "without_optimizer" not in options
        save_model(model, output, "overwrite" in options, included)


def _print_path(what: str, path: Path | None) -> None:
    if path is not None:
        print(f"{what}: {path}")


def _report_interrupt(model: TrainedModel, output: Path | None, what: str) -> None:
    kept = f"what was learned is in {output}" if output else "nothing was saved without --output"
    say(f"pycifar train: {what} after {model.epochs_done} of {model.config.epochs} epochs; {kept}.")


def _print_training(model: TrainedModel, dataset: Dataset) -> None:
    speed = images_per_second(model, dataset)
    print(
        f"{model.config.architecture} on {printable(dataset.name)}: {model.epochs_done} of "
        f"{model.config.epochs} epochs in {sum(model.seconds):.1f} s"
        + (f", {speed:,.0f} images a second" if speed else "")
        + "\n"
    )
    if model.epochs_done:
        print_table(_epochs(model.history))
        print()
    if model.best_epoch is not None:
        print(f"weights kept: those of epoch {model.best_epoch}")
    print(f"seed: {model.config.seed}")
    print(f"weights: {model.fingerprint()}")


def _epochs(history: pandas.DataFrame) -> pandas.DataFrame:
    """Return a history with one row per epoch."""
    names = [
        metric if split == "train" else f"{split} {metric}"
        for split, metric in zip(history["split"], history["metric"], strict=True)
    ]
    wide = history.assign(name=names).pivot(index="epoch", columns="name", values="value")
    return wide[list(dict.fromkeys(names))].reset_index()


def _check_on_error(given: dict[str, Any]) -> str | None:
    """Return the value of `--on-error`, or None if it is not given."""
    return check_on_error(given["on_error"]) if "on_error" in given else None


def _results(
    command: str,
    model: TrainedModel,
    paths: Sequence[str],
    on_error: str | None,
    compute: Callable[[np.ndarray], np.ndarray],
) -> Iterator[tuple[str, np.ndarray | PycifarError]]:
    """Yield each path with what is computed of the image, or with the error of reading it.

    An error is told, or raised if `on_error` says "stop". The images are taken in batches, so not
    all of them are in memory at once.
    """
    import numpy as np

    from pycifar.datasets.image_files import SQUASH, read_images
    from pycifar.evaluation import PREDICTION_BATCH

    for start in range(0, len(paths), PREDICTION_BATCH):
        block = paths[start : start + PREDICTION_BATCH]
        images = list(read_images(block, model.image_shape[:2], model.resize or SQUASH, "skip"))
        readable = [image for image in images if not isinstance(image, PycifarError)]
        results = iter(compute(np.stack(readable)) if readable else ())
        for path, image in zip(block, images, strict=True):
            if not isinstance(image, PycifarError):
                yield path, next(results)
                continue
            if on_error == "stop":
                raise image
            say(f"pycifar {command}: {image.message}")
            yield path, image
