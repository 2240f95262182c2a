"""The commands that make of a trained model something that others use."""

from __future__ import annotations

import dataclasses
import json
import os
from argparse import Namespace
from pathlib import Path

from pycifar.arguments import describe
from pycifar.cli.loading import data_for, data_if_asked, load_dataset
from pycifar.cli.output import print_json
from pycifar.cli.parser import UsageError
from pycifar.cli.readers import as_number, as_text
from pycifar.cli.values import dataset_arguments, output_path, read_values
from pycifar.errors import printable
from pycifar.rules import check_coverage

__all__ = ["calibrate", "card", "export", "serve"]


def calibrate(options: Namespace) -> int:
    """Run `pycifar calibrate`."""
    given = read_values(options, {"split": as_text, "coverage": as_number})
    data_arguments, output = dataset_arguments(options), output_path(options, "output", (".keras",))
    if output is None:
        raise UsageError("calibrate", "`--output` must be given.")
    if "coverage" in given:
        check_coverage(given["coverage"])

    from pycifar.calibration import calibrate
    from pycifar.models.file import load_model, save_model

    model = load_model(options.model)
    dataset = load_dataset("calibrate", data_for(model, data_arguments))
    model = calibrate(model, dataset, **given)
    save_model(model, output, overwrite="overwrite" in options)
    found = model.calibration
    assert found is not None  # `calibrate` has set it
    if "json" in options:
        print_json(found.to_dict() | {"output": str(output)})
        return 0
    print(f"{found.n:,} images of the split {printable(found.split)}")
    print(f"temperature        {found.temperature:.4f}")
    print(f"calibration error  {found.error_before:.4f} before, {found.error_after:.4f} after")
    print(
        f"prediction sets    from probability {found.threshold:.4f}, for {100 * found.coverage:g}%"
    )
    print(f"model: {output}")
    return 0


def export(options: Namespace) -> int:
    """Run `pycifar export`."""
    given = read_values(options, {"quantize": as_text})
    data_arguments = dataset_arguments(options)

    from pycifar.export.export import check_target, export_model
    from pycifar.models.file import load_model

    check_target(options.path, given.get("quantize"), "overwrite" in options)
    model = load_model(options.model)
    images = data_if_asked("export", model, data_arguments, "quantize" in given)
    found = export_model(model, options.path, images, overwrite="overwrite" in options, **given)
    if "json" in options:
        print_json(dataclasses.asdict(found) | {"path": str(found.path)})
        return 0
    print(f"{found.path}: {found.format}, {found.bytes:,} bytes")
    print(
        f"{found.runtime}, on {found.images} images: the same class for {found.agreement:.1%}, "
        f"probabilities differ by at most {found.largest_difference:.2g}"
    )
    return 0


def card(options: Namespace) -> int:
    """Run `pycifar card`."""
    given = read_values(options, {"split": as_text})
    data_arguments = dataset_arguments(options)

    from pycifar.card.card import check_target, write_model_card
    from pycifar.models.file import load_model

    check_target(options.path, "overwrite" in options)
    model = load_model(options.model)
    dataset = data_if_asked("card", model, data_arguments, "split" in given)
    path = write_model_card(model, options.path, dataset, overwrite="overwrite" in options, **given)
    if "json" in options:
        print_json({"path": str(path)})
    else:
        print(f"card: {path}")
    return 0


def serve(options: Namespace) -> int:
    """Run `pycifar serve`.

    With --json, one line is printed as soon as the server answers.
    """
    from pycifar.serving.server import run, serving

    given = read_values(options, {"host": as_text, "port": as_number})
    with serving(_by_name(options.models), **given) as (models, bound, host):

        def report(address: str) -> None:
            print(json.dumps({"address": address, "models": list(models)}), flush=True)

        run(models, bound, host, report if "json" in options else None, "until_closed" in options)
    return 0


def _by_name(given: list[str]) -> dict[str, str] | list[str]:
    """Return models by name, where one is given as NAME=MODEL.

    A name has no separator of folders, and the path of a file is no name with a model.
    """
    named = [("", "", one) if _is_path(one) else one.partition("=") for one in given]
    if not any(mark for _, mark, _ in named):
        return given
    if wrong := [one for one, (_, mark, _) in zip(given, named, strict=True) if not mark]:
        raise UsageError(
            "serve", f"Each model needs a name or none: {describe(wrong[0])} has none."
        )
    names = [name for name, _, _ in named]
    if twice := [name for name in names if names.count(name) > 1]:
        raise UsageError("serve", f"Two models have the name {describe(twice[0])}.")
    return {name: path for name, _, path in named}


def _is_path(given: str) -> bool:
    """Return whether a text with a = is a path as a whole."""
    name = given.partition("=")[0]
    return any(mark in name for mark in ("/", os.sep)) or Path(given).exists()
