"""The names that other packages have for arguments of pycifar, and the error that tells pycifar's.

The table serves all three ways in: R asks for a hint by `pycifar.entry_points.argument_hint`, and
the command for the name of an option by `name_meant`.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Collection
from typing import ParamSpec, TypeVar

from pycifar.arguments import nearest_name
from pycifar.errors import UnknownArgumentError
from pycifar.language import function

P = ParamSpec("P")
Result = TypeVar("Result")

# Arguments of pycifar, each with its names in Keras, scikit-learn, fastai, luz or parsnip. One of
# these names may stand for several arguments. A function then means the first one that it has.
_NAMES_ELSEWHERE = {
    "images": "x X data newdata new_data image img imgs input inputs items",
    "dataset": "x y X data train train_data training_data train_ds test test_data ds dls formula",
    "architecture": "arch model network net base_model estimator",
    "epochs": "epoch nb_epoch n_epoch n_epochs num_epochs max_epochs max_iter",
    "batch_size": "bs batch batchsize minibatch_size",
    "optimizer": "opt opt_func optim optimiser solver",
    "lowest": "start_lr min_lr lr_min start",
    "highest": "end_lr max_lr lr_max end",
    "steps": "num_it num_iter n_steps num_steps iterations",
    "learning_rate": "lr lr_max max_lr learn_rate learning_rate_init eta eta0",
    "schedule": "lr_schedule lr_scheduler scheduler learning_rate_schedule decay",
    "weight_decay": "wd l2 alpha penalty decay",
    "label_smoothing": "smoothing eps",
    "class_weights": "class_weight class_wt class.weights",
    "precision": "dtype mixed_precision dtype_policy",
    "augmentation": "augment aug data_augmentation batch_tfms transform transforms",
    "validation": "validation_split validation_data validation_fraction valid_data valid_pct "
    "val_split validation_set val_data",
    "early_stopping": "patience n_iter_no_change stop_iter",
    "loss": "loss_fn loss_func criterion objective",
    "metrics": "metric scoring eval_metric",
    "sample_weight": "sample_weights weight case_weights",
    "weights": "pretrained include_top init_weights checkpoint_path",
    "frozen_epochs": "freeze_epochs freeze head_epochs",
    "fine_tune_rate": "fine_tune_lr finetune_lr base_lr",
    "monitor": "stop_metric early_stopping_metric",
    "best_weights": "restore_best_weights save_best load_best_model_at_end",
    "callbacks": "callback cbs",
    "time_budget": "max_time time_limit timeout",
    "checkpoint_dir": "backup_dir model_dir checkpoint",
    "seed": "random_state random_seed rng_seed",
    "random_state": "seed random_seed rng_seed",
    "data_dir": "path directory dir folder root",
    "n_train": "train_size n_samples",
    "n_test": "test_size",
    "image_size": "target_size size img_size input_size",
    "resize": "crop_to_aspect_ratio pad_to_aspect_ratio keep_aspect_ratio interpolation",
    "class_names": "classes labels vocab levels",
    "type": "output output_type probability",
    "path": "filepath file filename fname file_path",
    "layer": "layer_name",
    "image": "x img images",
}

# All names of the table: ours, and those elsewhere.
_NAMES_HERE = frozenset(" ".join([*_NAMES_ELSEWHERE, *_NAMES_ELSEWHERE.values()]).split())

# Arguments of other packages that pycifar has no need of, each with what it does by itself.
_DONE_OTHERWISE = {
    "batch_size": "Images are taken in batches that fit into memory.",
    "compile": "Models that train() returns can be trained further and used as they are.",
    "device": "The backend of Keras chooses the device.",
    "initial_epoch": "train() numbers the epochs of a trained model on by itself.",
    "loss": "A model keeps the `loss` that train() was given.",
    "metrics": "A model keeps the `metrics` that train() was given.",
    "n_jobs": "Keras uses all processors by itself.",
    "subset": "load_dataset() holds images out with `validation_fraction`.",
    "shuffle": "The training images are shuffled in each epoch, as `seed` gives it.",
    "steps_per_epoch": "An epoch takes each training image once; load_dataset() takes fewer of "
    "them with `n_train`, and train() has a `time_budget`.",
    "verbose": "This function shows no progress.",
    "weights": "build_model() takes `weights`, and what it returns is an `architecture`.",
    "warm_start": "train() goes on with a trained model that it is given.",
} | dict.fromkeys(
    ("workers", "num_workers", "max_queue_size", "use_multiprocessing"),
    "pycifar reads images ahead by itself where they are not in memory.",
)

# How similar a name must be to one that there is, to be taken for a slip of the pen.
LIKENESS = 0.75


def known_arguments_only(f: Callable[P, Result]) -> Callable[P, Result]:
    """Make a public function, or a class by its ``__init__``, refuse an argument it does not have.

    The error has a hint. The function keeps its name, its signature and its documentation. A
    warning from inside of it passes one frame more on its way to the caller.
    """
    known = tuple(name for name in inspect.signature(f).parameters if name != "self")
    names = frozenset(known)
    called = f.__qualname__.removesuffix(".__init__")

    @functools.wraps(f)
    def call(*arguments: P.args, **named: P.kwargs) -> Result:
        if not named.keys() <= names:
            raise _refusal(called, next(name for name in named if name not in names), known)
        return f(*arguments, **named)

    return call


def _refusal(of: str, given: str, known: Collection[str]) -> UnknownArgumentError:
    """Return the error for an argument that the function named `of` does not have."""
    listing = f"it takes {', '.join(f'`{name}`' for name in known)}" if known else "it takes none"
    return UnknownArgumentError(
        f"{function(of)} does not take `{given}`; {listing}.", fix=argument_hint(given, known)
    )


def argument_hint(given: str, known: Collection[str]) -> str | None:
    """Return a sentence that helps whoever gave an unknown argument, or None.

    Args:
        given: the name of the argument.
        known: the names of the arguments that there are.

    Examples:
        >>> argument_hint("lr", ["epochs", "learning_rate"])
        'It is called `learning_rate` here.'
    """
    if ours := name_here(given, known):
        return _pointer(ours)
    if given in _DONE_OTHERWISE:
        return _in_the_language(_DONE_OTHERWISE[given])
    nearest = name_meant(given, known)
    return f"Did you mean `{nearest}`?" if nearest else None


def name_here(given: str, known: Collection[str]) -> str | None:
    """Return the one of the known arguments that other packages call `given`, or None."""
    for ours, elsewhere in _NAMES_ELSEWHERE.items():
        if ours in known and given in elsewhere.split():
            return ours
    return None


def name_meant(given: str, known: Collection[str]) -> str | None:
    """Return the one of the known arguments that is meant by another name or a slip, or None.

    A name that means something to pycifar, or elsewhere, is no slip.
    """
    if (ours := name_here(given, known)) or given in _NAMES_HERE:
        return ours
    return nearest_name(given, known, LIKENESS)


def _pointer(ours: str) -> str:
    """Return the sentence that names the argument of pycifar."""
    if ours == "dataset":
        return _in_the_language("Give a `dataset`: load_dataset() makes one of images and labels.")
    return f"It is called `{ours}` here."


def _in_the_language(sentence: str) -> str:
    """Return a sentence with pycifar's functions as they are called in the caller's language."""
    return re.sub(r"(\w+)\(\)", lambda found: function(found[1]), sentence)
