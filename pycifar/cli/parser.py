"""The commands and options of the command line, with their help.

Values stay text here; `pycifar.cli.values` converts them. An option that is not given is left out
of the call as well, so that the function that is called uses its default. Defaults that the help
mentions stand in `pycifar.config`.
"""

from __future__ import annotations

from argparse import SUPPRESS, ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import pycifar
from pycifar.arguments import describe, nearest_name
from pycifar.cli.training_options import SEARCH_OPTIONS, TRAINING_OPTIONS
from pycifar.config import DEFAULT_COVERAGE, DEFAULT_SOURCE, DEFAULT_SPLIT, SEARCH_DEFAULTS
from pycifar.errors import ArgumentError
from pycifar.foreign_names import name_meant
from pycifar.rules import FEWEST_SEARCH_STEPS
from pycifar.shipped import DEFAULT_MODEL, SHIPPED

SHIPPED_NAMES = " or ".join(SHIPPED)
# What the help says of an argument that names a model.
MODEL = f"a file that `pycifar train` saved, or {SHIPPED_NAMES}, which is part of pycifar"


@dataclass(frozen=True)
class Command:
    """A command of the program.

    Args:
        summary: what it does, in one line.
        add_arguments: a function that adds the arguments to its parser.
        examples: command lines without the name of the program, each with what it does.
    """

    summary: str
    add_arguments: Callable[[ArgumentParser], None]
    examples: tuple[tuple[str, str], ...]


class UsageError(ArgumentError):
    """The command line cannot be understood."""

    def __init__(self, command: str | None, message: str, fix: str | None = None) -> None:
        super().__init__(message, fix)
        self.command = command


def read_command_line(argv: Sequence[str]) -> tuple[str, Namespace]:
    """Return the command and its options.

    Raises:
        SystemExit: help or the version was asked for, and has been printed.
        UsageError: the command or an option is unknown, or an argument is missing or superfluous.
    """
    if not argv:
        argv = ["--help"]
    command, rest = argv[0], list(argv[1:])
    if command.startswith("-"):
        _top_parser().parse_known_args([command])  # exits for --help and --version
        raise _unknown(None, "option", command, {"--help": "help", "--version": "version"})
    if command not in COMMANDS:
        raise _unknown(None, "command", command, dict.fromkeys(COMMANDS, ""))
    parser = command_parser(command)
    options, extras = parser.parse_known_args(rest)
    if extras:
        known = {text: action.dest for action in parser._actions for text in action.option_strings}
        positional = rest[rest.index("--") :] if "--" in rest else []
        named = [x for x in extras if x.startswith("-") and x not in positional]
        if not named and "images" in options:  # argparse takes those before an option alone
            options.images += [extra for extra in extras if extra != "--"]
            return command, options
        if not named:
            raise UsageError(command, f"There is one argument too many: {describe(extras[0])}.")
        raise _unknown(command, "option", named[0].partition("=")[0], known)
    return command, options


def command_parser(command: str) -> ArgumentParser:
    """Return the parser of one command."""
    about = COMMANDS[command]
    examples = "\n".join(f"  pycifar {line}\n      {what}" for line, what in about.examples)
    parser = _Parser(
        prog=f"pycifar {command}",
        description=about.summary,
        epilog=f"examples:\n{examples}",
        formatter_class=RawDescriptionHelpFormatter,
        argument_default=SUPPRESS,
        allow_abbrev=False,
    )
    about.add_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    return parser


class _Parser(ArgumentParser):
    """A parser that raises a `UsageError` in place of exiting."""

    def error(self, message: str) -> NoReturn:
        command = self.prog.partition(" ")[2] or None
        raise UsageError(command, message[0].upper() + message[1:] + ".")


def _top_parser() -> ArgumentParser:
    width = max(map(len, COMMANDS))
    listing = "\n".join(f"  {name:<{width}}  {c.summary}" for name, c in COMMANDS.items())
    parser = _Parser(
        prog="pycifar",
        usage="pycifar COMMAND [options]",
        description="Train, evaluate and use CIFAR-10 image classifiers.",
        epilog=f"commands:\n{listing}\n\n`pycifar COMMAND --help` explains a command.",
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"pycifar {pycifar.__version__}")
    return parser


def _unknown(command: str | None, kind: str, given: str, allowed: Mapping[str, str]) -> UsageError:
    """Return the error for a command or an option that there is not.

    Args:
        command: the command, or None.
        kind: "command" or "option".
        given: what was given.
        allowed: what there is, with the name of the argument that it stands for.
    """
    if kind == "command":
        nearest = nearest_name(given, allowed)
    else:
        options = {argument: text for text, argument in allowed.items()}
        meant = name_meant(given.lstrip("-").replace("-", "_"), options)
        nearest = options[meant] if meant else None
    return UsageError(
        command,
        f"There is no {kind} {describe(given)}.",
        f"Did you mean {nearest}?" if nearest else None,
    )


def _add_data(parser: ArgumentParser, default: str | None = None) -> None:
    group = parser.add_argument_group("data")
    group.add_argument(
        "--dataset",
        metavar="NAME",
        help="cifar10, synthetic (drawn by code, needs no file), folder (images in "
        "DIR/train/CLASS/, DIR/validation/CLASS/ and DIR/test/CLASS/, or in DIR/CLASS/), or the "
        "path of a CSV file with the columns path and label, and maybe split, group and weight; "
        f"{default or DEFAULT_SOURCE} unless given",
    )
    group.add_argument(
        "--data-dir",
        metavar="DIR",
        help="where CIFAR-10 or the folder of images is, or what the paths of a CSV file are "
        "relative to; CIFAR-10 is looked for in PYCIFAR_DATA_DIR and in the cache, and downloaded, "
        "unless given",
    )
    group.add_argument(
        "--image-size",
        metavar="SIZE",
        help="the size in pixels that the images of a folder get, as 224 or HEIGHTxWIDTH; default: "
        "the size that a given model takes, otherwise 32",
    )
    group.add_argument(
        "--resize",
        metavar="HOW",
        help="how they get it: squash, crop or pad, with a filter as in crop:lanczos; default: as "
        "a given model was trained, otherwise squash:bilinear",
    )
    for split, images in (("train", "training"), ("test", "test")):
        group.add_argument(
            f"--n-{split}", metavar="N", help=f"{images} images to use, or to draw for synthetic"
        )
    for split in ("test", "validation"):
        group.add_argument(
            f"--{split}-fraction",
            metavar="SHARE",
            help=f"the share of the training images to hold out as the split {split}, if there is "
            "none",
        )
    group.add_argument(
        "--groups",
        metavar="WHAT",
        help="what stays together where images are held out: a column of the CSV file, or what a "
        "regular expression matches in the path of each file of the folder",
    )
    group.add_argument(
        "--on-error",
        metavar="WHAT",
        help="stop: end with an error that names the files that cannot be read; skip: go on "
        "without them; stop unless given",
    )
    group.add_argument(
        "--follow-links", action="store_true", help="read files outside DIR, where links lead"
    )
    group.add_argument(
        "--in-memory",
        metavar="WHETHER",
        help="yes or no: whether all images of a folder are in memory, or each is read whenever it "
        "is needed; yes unless given, if they take at most half of the free memory",
    )
    group.add_argument(
        "--cache-dir",
        metavar="DIR",
        help="where to cache the images of a folder that are not in memory, to read them faster; "
        "`pycifar clear-cache` removes the cache",
    )


def _add_output(parser: ArgumentParser, plot: str) -> None:
    parser.add_argument(
        "--plot", metavar="FILE", help=f"save {plot} to a file that ends in .png, .pdf or .svg"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace files that exist")
    parser.add_argument("--quiet", action="store_true", help="show no progress")


def _add_explore(parser: ArgumentParser) -> None:
    _add_data(parser)
    about = TRAINING_OPTIONS["augmentation"]
    parser.add_argument(
        "--augmentation",
        metavar=about.metavar,
        help=f"change the images of the picture, as in a training: {about.help}",
    )
    _add_output(parser, "a picture of random images of each class")


def _add_clear_cache(parser: ArgumentParser) -> None:
    parser.add_argument("cache_dir", metavar="DIR", help="what was given as --cache-dir")


def _add_train(parser: ArgumentParser) -> None:
    _add_data(parser)
    _add_training(parser, TRAINING_OPTIONS).add_argument(
        "--model",
        metavar="MODEL",
        help=f"go on with {MODEL}, in place of --architecture",
    )
    parser.add_argument("--output", metavar="MODEL.keras", help="save the model to this file")
    parser.add_argument(
        "--without-optimizer",
        action="store_true",
        help="save no state of the optimizer: a smaller file, from which a training goes on with "
        "an optimizer that starts anew",
    )
    _add_output(parser, "the curves of accuracy and loss")


def _add_find_learning_rate(parser: ArgumentParser) -> None:
    _add_data(parser)
    group = parser.add_argument_group("search")
    for name, metavar, text in (
        ("lowest", "RATE", "the learning rate of the first step"),
        ("highest", "RATE", "the learning rate of the last step"),
        (
            "steps",
            "N",
            f"at these rates, at least {FEWEST_SEARCH_STEPS}; each trial has twice as many",
        ),
    ):
        text += f"; {SEARCH_DEFAULTS[name]:g} unless given"
        group.add_argument(f"--{name}", metavar=metavar, help=text)
    _add_training(parser, SEARCH_OPTIONS)
    _add_output(parser, "the losses by learning rate")


def _add_training(parser: ArgumentParser, names: Iterable[str]) -> Any:
    """Add the options of a training, and return their group."""
    group = parser.add_argument_group(
        "training", "What is left out follows the architecture: `pycifar architectures` shows it."
    )
    for name in names:
        about, option = TRAINING_OPTIONS[name], f"--{name.replace('_', '-')}"
        if about.metavar is None:
            group.add_argument(option, action="store_true", help=about.help)
        else:
            group.add_argument(option, metavar=about.metavar, help=about.help)
    return group


def _add_evaluate(parser: ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help=MODEL)
    _add_data(parser, default="the one that the model was trained on")
    parser.add_argument(
        "--split",
        metavar="NAME",
        help="train, test, or validation for what the training held out; "
        f"{DEFAULT_SPLIT} unless given",
    )
    _add_tta(parser)
    _add_output(parser, "the confusion matrix")


def _add_calibrate(parser: ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help=MODEL)
    _add_data(parser, default="the one that the model was trained on")
    parser.add_argument(
        "--split",
        metavar="NAME",
        help="what to fit on, not train; validation unless given, which may be what the training "
        "held out",
    )
    parser.add_argument(
        "--coverage",
        metavar="SHARE",
        help="the share of new images whose set of classes is to have the true one; "
        f"{DEFAULT_COVERAGE:g} unless given",
    )
    parser.add_argument("--output", metavar="MODEL.keras", help="save the model to this file")
    parser.add_argument("--overwrite", action="store_true", help="replace a file that exists")


def _add_export(parser: ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help=MODEL)
    parser.add_argument(
        "path",
        metavar="FILE",
        help="what to write; the ending chooses the format: .onnx for ONNX, .tflite for LiteRT, "
        ".xml for OpenVINO (with a file .bin beside it), .savedmodel for a SavedModel (a folder)",
    )
    parser.add_argument(
        "--quantize",
        metavar="TYPE",
        help="int8: a file of a fourth of the size with coarser probabilities, for .onnx and "
        ".tflite; its numbers are fitted on training images of the data set",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace what exists")
    _add_data(
        parser, default="drawn images, or with --quantize the one that the model was trained on,"
    )


def _add_card(parser: ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help=MODEL)
    parser.add_argument(
        "path",
        metavar="FILE",
        help="what to write: Markdown for .md, one page with plots for .html",
    )
    parser.add_argument(
        "--split", metavar="NAME", help=f"what to measure on; {DEFAULT_SPLIT} unless given"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace a file that exists")
    _add_data(parser, default="nothing is measured; with --split, what the model was trained on,")


def _add_serve(parser: ArgumentParser) -> None:
    parser.add_argument(
        "models",
        metavar="MODEL",
        nargs="+",
        help=f"{MODEL}; as NAME=MODEL, clients ask for it by that name, else by that of its file",
    )
    parser.add_argument(
        "--host",
        metavar="ADDRESS",
        help="the address to listen on; 127.0.0.1 unless given, which answers to this machine "
        "alone; 0.0.0.0 answers to all that can reach it",
    )
    parser.add_argument(
        "--port", metavar="N", help="the port; 0 takes any that is free; 8000 unless given"
    )
    parser.add_argument(
        "--until-closed",
        action="store_true",
        help="end when the standard input is closed, too, as by a program that started this one",
    )


def _add_predict(parser: ArgumentParser) -> None:
    parser.description = (
        f"{parser.description}\n\nPrints a line a prediction: path, class and probability, with "
        "tabs between; of a model\nfrom `pycifar calibrate` also the prediction set, with commas "
        "between. An image that cannot\nbe read is reported, the others are predicted, and the "
        "exit code is 1, unless --on-error\nsays otherwise."
    )
    _add_model_and_images(parser)
    parser.add_argument(
        "--top", metavar="N", help="the N most probable classes of each image, not just the first"
    )
    _add_on_error(parser, "class and probability")
    _add_tta(parser)


def _add_on_error(parser: ArgumentParser, lacking: str) -> None:
    parser.add_argument(
        "--on-error",
        metavar="WHAT",
        help="stop: end at the first image that cannot be read, with exit code 1; skip: report it, "
        f"print its line without {lacking}, and end with exit code 0",
    )


def _add_model_and_images(parser: ArgumentParser) -> None:
    parser.add_argument(
        "model",
        metavar="MODEL",
        nargs="?",
        help=f"{MODEL}; {DEFAULT_MODEL} if the first argument ends as an image file does, as in "
        ".jpg",
    )
    parser.add_argument("images", metavar="IMAGE", nargs="+", help="image files of any size")


def _add_features(parser: ArgumentParser) -> None:
    parser.description = (
        f"{parser.description}\n\nPrints CSV: a header, and for each image its path and its "
        "features, with all digits.\nAn image that cannot be read is reported and left out, and "
        "the exit code is 1, unless\n--on-error says otherwise."
    )
    _add_model_and_images(parser)
    parser.add_argument(
        "--layer",
        metavar="NAME",
        help="the layer whose output is taken, averaged over height and width; what enters the "
        "last layer with weights unless given",
    )
    _add_on_error(parser, "features")
    parser.add_argument("--output", metavar="FILE.csv", help="write the CSV to this file")
    parser.add_argument("--overwrite", action="store_true", help="replace a file that exists")
    parser.add_argument("--quiet", action="store_true", help="show no progress")


def _add_tta(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--tta",
        action="store_true",
        help="the mean over six views of each image, moved and mirrored; takes six times as long",
    )


def _add_explain(parser: ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help=MODEL)
    parser.add_argument("image", metavar="IMAGE", help="an image file of any size")
    parser.add_argument(
        "--class", dest="class_name", metavar="NAME", help="the predicted one unless given"
    )
    parser.add_argument(
        "--layer", metavar="NAME", help="the last one with height and width unless given"
    )
    _add_output(parser, "the image beside where the model looked")


def _add_adopt(parser: ArgumentParser) -> None:
    parser.add_argument("model", metavar="FILE", help="a .keras file that pycifar did not write")
    parser.add_argument(
        "--class-names",
        metavar="NAME,NAME",
        required=True,
        help="one name per class, in the order of the model's outputs",
    )
    parser.add_argument(
        "--rescale",
        metavar="N",
        help="1/255 if the model takes values from 0 to 1, 1/127.5,-1 for -1 to 1, and 1 for "
        "pixels from 0 to 255; needed unless the network has a layer Rescaling",
    )
    parser.add_argument(
        "--image-size",
        metavar="SIZE",
        help="for a model of images of any size: the size in pixels, as 224 or HEIGHTxWIDTH",
    )
    parser.add_argument(
        "--output", metavar="MODEL.keras", required=True, help="save the model to this file"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace a file that exists")


def _add_inspect(parser: ArgumentParser) -> None:
    parser.add_argument(
        "model",
        metavar="FILE",
        help=f"a file that may come from anywhere, or {SHIPPED_NAMES}, which is part of pycifar",
    )


def _add_reproduce(parser: ArgumentParser) -> None:
    parser.add_argument(
        "systems",
        metavar="SYSTEM",
        nargs="*",
        help="A, B, C, D, E, baseline, or the name of an architecture; all unless given",
    )
    _add_data(parser)
    group = parser.add_argument_group("training")
    group.add_argument("--seeds", metavar="N,N", help="one or several seeds; 1 unless given")
    group.add_argument(
        "--epochs", metavar="N", help="for every network; the systems' own unless given"
    )
    group.add_argument(
        "--time-budget", metavar="SECONDS", help="for each training, in place of epochs"
    )
    parser.add_argument(
        "--output",
        metavar="FILE.json",
        help="keep each finished training in this file, and do not repeat those that it holds",
    )
    _add_output(parser, "the curves of accuracy")


def _add_nothing(parser: ArgumentParser) -> None:
    pass


COMMANDS = {
    "explore": Command(
        "Count the images of a data set and measure their colours.",
        _add_explore,
        (
            ("explore", "CIFAR-10, downloaded where it is not found"),
            ("explore --dataset synthetic --plot samples.png", "with a picture of random images"),
            (
                "explore --dataset synthetic --plot changed.png --augmentation crop,colour",
                "what a training with this augmentation sees",
            ),
            ("explore --dataset folder --data-dir pets --json", "your own images, as JSON"),
        ),
    ),
    "architectures": Command(
        "List the networks that can be trained, and how they are trained unless told otherwise.",
        _add_nothing,
        (("architectures", "as a table"), ("architectures --json", "as JSON")),
    ),
    "train": Command(
        "Train a network. Ctrl-C, SIGTERM and SIGHUP end it early, and what was learned is saved.",
        _add_train,
        (
            (
                "train --dataset synthetic --epochs 3 --seed 1 --output model.keras",
                "a first model, without any download",
            ),
            (
                "train --architecture cnn4 --augmentation flip,shift --validation test \\\n"
                "      --output cnn4.keras --plot history.png",
                "cnn4 on CIFAR-10, validated on the test images, with its curves",
            ),
            ("train --dataset synthetic --epochs 1 --quiet --json", "the record as JSON"),
        ),
    ),
    "find-learning-rate": Command(
        "Train for some steps at rising learning rates, then in short trials, and suggest a rate.",
        _add_find_learning_rate,
        (
            ("find-learning-rate --architecture cnn4 --plot rates.png", "with a picture"),
            ("find-learning-rate --dataset synthetic --steps 50 --json", "every step, as JSON"),
        ),
    ),
    "evaluate": Command(
        "Measure a saved model: accuracy, loss, calibration, and each class on its own.",
        _add_evaluate,
        (
            ("evaluate model.keras", "on the test images of what it was trained on"),
            ("evaluate model.keras --plot confusion.png --json", "as JSON, with a picture"),
            ("evaluate model.keras --dataset folder --data-dir pets", "on your own images"),
        ),
    ),
    "calibrate": Command(
        "Fit probabilities to how often a model is right, and find sets of classes for doubt.",
        _add_calibrate,
        (
            ("calibrate model.keras --output calibrated.keras", "on what the training held out"),
            (
                "calibrate fastnet-cifar10 --split test --coverage 0.95 --output sure.keras",
                "on CIFAR-10's test images, for sets that have the true class 95 times in 100",
            ),
        ),
    ),
    "card": Command(
        "Write what a model is, what it learned from and how well it does, for others to read.",
        _add_card,
        (
            ("card model.keras card.html --split test", "one page with plots, measured"),
            ("card model.keras README.md", "Markdown with the metadata that hubs read"),
        ),
    ),
    "export": Command(
        "Write a model as ONNX, LiteRT, OpenVINO or SavedModel, and check it in its own runtime.",
        _add_export,
        (
            ("export model.keras model.onnx", "for onnxruntime, on servers and in browsers"),
            ("export model.keras model.tflite --quantize int8", "for phones, four times smaller"),
            ("export fastnet-cifar10 fastnet.savedmodel --json", "what was found, as JSON"),
        ),
    ),
    "serve": Command(
        "Serve models to a browser and to programs, until Ctrl-C.",
        _add_serve,
        (
            ("serve model.keras", "a page at http://127.0.0.1:8000"),
            ("serve day=a.keras night=b.keras --port 9000", "two models side by side"),
            (
                "serve model.keras --json",
                "prints one line, with the address, when the server answers",
            ),
        ),
    ),
    "predict": Command(
        "Predict the classes of image files.",
        _add_predict,
        (
            ("predict cat.jpg dog.png", f"the most probable class of each, by {DEFAULT_MODEL}"),
            ("predict model.keras cat.jpg dog.png", "by a model of your own"),
            ("predict model.keras --top 3 photos/*.jpg", "the three most probable ones"),
            ("predict model.keras cat.jpg --json", "the probabilities of all classes"),
        ),
    ),
    "features": Command(
        "Compute the features of image files: a row of numbers for each, for other programs.",
        _add_features,
        (
            ("features model.keras photos/*.jpg --output features.csv", "a table of numbers"),
            ("features model.keras cat.jpg --layer pool1", "what another layer computes"),
            ("features model.keras cat.jpg dog.png --json", "as JSON"),
        ),
    ),
    "explain": Command(
        "Show where a model looks to tell the class of an image: Grad-CAM.",
        _add_explain,
        (
            ("explain model.keras cat.jpg --plot where.png", "for the predicted class"),
            ("explain model.keras cat.jpg --class dog --plot where.png", "for another class"),
            ("explain model.keras cat.jpg --json", "the heat map as numbers"),
        ),
    ),
    "adopt": Command(
        "Make a model of a Keras file that pycifar did not write.",
        _add_adopt,
        (
            (
                "adopt theirs.keras --class-names cat,dog --rescale 1/255 --output pets.keras",
                "which takes values from 0 to 1",
            ),
        ),
    ),
    "inspect": Command(
        "Tell what a model file holds, and whether it would be loaded, without loading it.",
        _add_inspect,
        (
            ("inspect model.keras", "exit code 1 where it would be refused"),
            ("inspect model.keras --json", "as JSON"),
        ),
    ),
    "reproduce": Command(
        "Train the five published systems, and set what comes out beside what they state.",
        _add_reproduce,
        (
            (
                "reproduce --output found.json",
                "all of them, which takes hours; goes on where it was",
            ),
            ("reproduce B C --seeds 1,2,3", "two systems, each with three seeds"),
            ("reproduce E --time-budget 600", "each classic network for ten minutes"),
            ("reproduce --epochs 1 --dataset synthetic", "a quick look without CIFAR-10"),
        ),
    ),
    "clear-cache": Command(
        "Remove the caches of images that --cache-dir left in a folder.",
        _add_clear_cache,
        (("clear-cache /scratch/cache", "other files in the folder stay"),),
    ),
    "doctor": Command(
        "Show what pycifar runs with, and how to mend what is wrong.",
        _add_nothing,
        (("doctor", "exit code 1 where there is a problem"), ("doctor --json", "as JSON")),
    ),
}
