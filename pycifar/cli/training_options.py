"""The options that say how a network is trained, one entry per option."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pycifar.cli.readers import (
    Reader,
    as_augmentation,
    as_class_weights,
    as_flag,
    as_names,
    as_number,
    as_numbers_of_file,
    as_text,
    as_validation,
)
from pycifar.config import DEFAULT_ARCHITECTURE, DEFAULTS
from pycifar.learners.descriptions import LOSSES, METRICS
from pycifar.learners.optimizers import OPTIMIZERS
from pycifar.learners.schedules import SCHEDULES
from pycifar.precision import PRECISIONS


@dataclass(frozen=True)
class Option:
    """An option of a command.

    Args:
        metavar: the placeholder of its value in the help; None for an option without a value.
        help: what it does, in one line.
        read: converts its text to its value.
    """

    metavar: str | None
    help: str
    read: Reader


# By the name of the argument of `train`. The help lists them in this order.
TRAINING_OPTIONS: Mapping[str, Option] = {
    "architecture": Option("NAME", f"{DEFAULT_ARCHITECTURE} unless given", as_text),
    "epochs": Option("N", "passes over the training images", as_number),
    "batch_size": Option("N", "images a step", as_number),
    "optimizer": Option("NAME", ", ".join(OPTIMIZERS), as_text),
    "learning_rate": Option("RATE", "at the start, or at the peak of one_cycle", as_number),
    "schedule": Option("NAME", ", ".join(SCHEDULES), as_text),
    "weight_decay": Option(
        "DECAY",
        "each step subtracts learning rate × DECAY × weight from each weight",
        as_number,
    ),
    "momentum": Option("M", "of sgd and muon, from 0 to below 1", as_number),
    "label_smoothing": Option(
        "SHARE", "of the target probability that is spread evenly over all classes", as_number
    ),
    "class_weights": Option(
        "WEIGHTS",
        "what the classes count: balanced, or cat=2,dog=1.5 by name, or 0=2,1=1.5 by number from "
        "0 (1 for those left out)",
        as_class_weights,
    ),
    "precision": Option("NAME", ", ".join(PRECISIONS) + ": what is computed with", as_text),
    "augmentation": Option(
        "NAMES",
        "none, or any of flip,shift,crop,colour,cutout with commas between; shift=2 for so many "
        "pixels, flip=alternating to mirror each image in every other epoch, crop=0.5 for at least "
        "half of the area, brightness=0.2, contrast=0.2, saturation=0.2 and hue=0.02 for colour",
        as_augmentation,
    ),
    "validation": Option(
        "WHAT",
        "the share of the training images to hold out, the name of a split such as test, "
        f"or none; the split validation unless given, or {DEFAULTS.validation} if there is none",
        as_validation,
    ),
    "time_budget": Option("SECONDS", "train for so long, in place of --epochs", as_number),
    "early_stopping": Option("N", "stop after N epochs without a lower validation loss", as_number),
    "best_weights": Option(None, "keep the weights of the best epoch", as_flag),
    "checkpoint_dir": Option("DIR", "make a checkpoint in this folder after each epoch", as_text),
    "checkpoint_every": Option("N", "make one each N steps, too", as_number),
    "resume": Option(
        None, "go on from the checkpoint in --checkpoint-dir, if there is one", as_flag
    ),
    "loss": Option("NAME", ", ".join(LOSSES), as_text),
    "metrics": Option("NAMES", f"any of {','.join(METRICS)} with commas between", as_names),
    "sample_weight": Option(
        "FILE", "the weights of the training images, one number a line", as_numbers_of_file
    ),
    "monitor": Option(
        "NAME",
        "the metric that --early-stopping and --best-weights go by, loss unless given",
        as_text,
    ),
    "weights": Option(
        "NAME",
        "the weights to begin with: imagenet or cifar10, as `pycifar architectures` lists them, or "
        "a model file",
        as_text,
    ),
    "frozen_epochs": Option("N", "train the last layer alone in the first N epochs", as_number),
    "fine_tune_rate": Option(
        "RATE", "the learning rate of the epochs after the frozen ones", as_number
    ),
    "seed": Option("N", "the same seed gives the same weights; drawn unless given", as_number),
}

# The options that `find-learning-rate` has as well.
SEARCH_OPTIONS = (
    "architecture",
    "batch_size",
    "optimizer",
    "weight_decay",
    "momentum",
    "label_smoothing",
    "precision",
    "augmentation",
    "seed",
    "loss",
)
