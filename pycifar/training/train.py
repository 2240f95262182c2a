"""The call: from what the caller gives to a trained model."""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pycifar.arguments import check_verbosity, describe
from pycifar.backend import call_began, keras, torch_generator_kept
from pycifar.config import DEFAULT_ARCHITECTURE, UNSAID, Settings
from pycifar.datasets import Dataset
from pycifar.datasets.augmentation import Augmentation
from pycifar.datasets.dataset import loaded_dataset
from pycifar.errors import (
    ArgumentError,
    DataError,
    InterruptedWarning,
    TimeBudgetWarning,
    TrainingError,
)
from pycifar.interrupts import Terminated
from pycifar.language import function
from pycifar.models.trained_model import HISTORY_COLUMNS, TrainedModel, current_versions
from pycifar.rules import check_settings
from pycifar.scratch import NumpyModel
from pycifar.training.callbacks import (
    as_callbacks,
    early_stopping_callbacks,
    progress_callbacks,
    restored_epoch,
)
from pycifar.training.checkpoint import checkpoints_in
from pycifar.training.prepare import prepare_run
from pycifar.training.run import TrainingRun


def train(  # noqa: PLR0913 - the settings of a training
    dataset: Dataset | TrainedModel,
    architecture: str
    | Callable[..., keras.Model]
    | keras.Model
    | NumpyModel
    | TrainedModel
    | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    optimizer: str | keras.optimizers.Optimizer | None = None,
    learning_rate: float | None = None,
    schedule: str | None = None,
    weight_decay: float | None = None,
    momentum: float | None = None,
    label_smoothing: float | None = None,
    class_weights: str | Mapping[str, float] | None = None,
    precision: str = "auto",
    augmentation: Augmentation | str | Sequence[str] | Mapping[str, Any] | None = None,
    validation: float | str | None = "auto",
    early_stopping: int | None = None,
    best_weights: bool = False,
    callbacks: Any = None,
    time_budget: float | None = None,
    checkpoint_dir: str | Path | None = None,
    checkpoint_every: int | None = None,
    resume: bool = False,
    seed: int | None = None,
    verbose: int = 1,
) -> TrainedModel:
    """Train an image classifier.

    What is None takes the value of the architecture's recipe (see `list_architectures`); another
    optimizer than the recipe's takes its usual learning rate and weight decay. The same data,
    settings and seed give the same weights bit for bit on one machine with one version of the
    backend and one number of threads.

    Interrupting (Ctrl-C) ends the training early: the model so far comes back, with its history,
    `interrupted` set and an `InterruptedWarning`. SIGTERM and SIGHUP, as schedulers, containers and
    closed terminals send them, end it early as well: a checkpoint is made where there is a
    `checkpoint_dir`, and a SystemExit of 128 and the number of the signal, `Terminated`, has the
    model so far as `model`.

    A trained model goes on where it stopped: ``train(model, epochs=5)`` on the images that it has
    seen, ``train(dataset, model, epochs=5)`` on these or others of the same classes. What comes
    back is a new model; the one given stays as it is. Momenta and the like, the order of the images
    and the numbers of the epochs go on, and so do the settings unless others are given; a schedule
    other than "constant" begins anew and spans the further epochs. The validation, the precision
    and the seed are the model's own.

    Args:
        dataset: what `load_dataset` returned; or a trained model, to go on with the data set that
            it was trained on, which must still be loaded.
        architecture: a name from `list_architectures`; or a function(input_shape, n_classes) that
            returns a Keras model; or a model, which is trained in place; or what `train` or
            `load_model` returned, to go on with. None is "cnn2", and must be where a trained model
            comes first.
        epochs: passes over the training images, at least 1; further ones where a model goes on.
        batch_size: images a step, from 1 to the number of images trained on.
        optimizer: "sgd", "adam", "adamw", "rmsprop" or "muon"; or a Keras
            optimizer, not used before, which brings its own learning rate, schedule and weight
            decay.
        learning_rate: above 0; at the start, or at the peak for "one_cycle".
        schedule: "constant", "cosine", "step", "exponential", "one_cycle", "inverse_sqrt" or
            "averaging"; see `pycifar.learners.schedules.rate_by_step`. With "averaging" the
            model ends with the mean of the weights of the last three fifths of the run (Izmailov et
            al. 2018), or of those so far where it ends early, and a validation measures that; a run
            with steps for fewer than 12 passes over all images has "inverse_sqrt" instead, and its
            `config` says so.
        weight_decay: each step takes the learning rate times this off each weight, times the
            weight, but for biases and batch normalisation (Loshchilov and Hutter 2019); at least 0.
        momentum: the share of the last step that goes into the next one, from 0 to below 1, for
            "sgd" (0.9 unless given) and "muon" (0.6); must be left out for other optimizers.
        label_smoothing: the share of the truth that is spread evenly over all classes, from 0 to
            below 1; 0 for a network of NumPy. The losses of the history have it in them.
        class_weights: what the images of each class count in the training loss: a mapping from
            class names to numbers of at least 0, where a class that is left out counts 1; or
            "balanced", inversely to how many images the class has (as in scikit-learn, King and
            Zeng 2001). None counts all alike, and must be so for a network of NumPy.
        precision: what is computed with: "float32"; "bfloat16", which the machine must have; or
            "auto", which is bfloat16 for "cnn2", "cnn4" and "fastnet" on a machine that has it, and
            else float32. Weights, losses and updates are float32 always. A network of NumPy has
            nothing else, and a model that is given keeps its own.
        augmentation: "none", or any of "flip", "shift" and "cutout", alone, listed, or each with
            its value; see `Augmentation`. With "flip", as it has by itself, mirrored images are the
            same to "fastnet": leave it out where a class is the mirror image of another.
        validation: the share of the training split that is held out, drawn with the seed and
            balanced over the classes; or the name of a split, such as "test"; or None for none.
            "auto" is 0.1, or what a model that goes on had.
        early_stopping: stop after this many epochs without a lower validation loss (training loss
            where there is no validation); None never stops.
        best_weights: keep the weights of the epoch with the lowest such loss, not the last ones.
        callbacks: Keras callbacks, or mappings such as ``{"on_epoch_end": f}`` whose functions
            take (epoch, logs) with epochs from 1 and stop the training by returning False.
        time_budget: seconds that all of it may take, above 0, in place of `epochs`: as many
            steps as fit, and the schedule spans them. How many that is depends on the machine; the
            model's `config` tells. Importing Keras, if that was not done before, is part of it.
        checkpoint_dir: a folder, made where there is none, that is given a checkpoint after each
            epoch: all that a training which is cut off, even by a loss of power, goes on from.
            It replaces the one before.
        checkpoint_every: make a checkpoint each so many steps, too.
        resume: whether to go on from the checkpoint in `checkpoint_dir`; where there is none yet,
            the training begins. The settings, the network, the images, and what computes (versions
            of pycifar, Keras, its backend and NumPy, threads, the processor's instructions) must be
            the same, and the weights will be, bit for bit, those of a training that was never cut
            off, but for one with a time budget; what callbacks have gathered is theirs to keep.
        seed: fixes weights, order, dropout and augmentation, 0 to 2³¹ - 1; None draws one, which
            the model's `config` tells.
        verbose: 0 or False is silent; 1 or True shows a bar on a terminal and a line an epoch
            elsewhere; 2 shows lines. Both go to the standard error stream.

    Returns:
        The trained model.

    Raises:
        ArgumentError: an argument is not as above, or memory is too small for the batch size.
        DataError: the data set has no images to train on, or not the classes of the model that is
            to go on; or the data set that a model was trained on is not loaded any more.
        DivergenceError: the loss is no finite number any more; the error's `model` has the last
            weights, at most 100 steps old, with which it was.
        CallbackError: a callback failed; the error's `model` is the model so far.
        CheckpointError: a checkpoint cannot be made, and the error's `model` is the model so far;
            or the one in `checkpoint_dir` is damaged, of another training, or in use, or `resume`
            was not asked for.
        OutputError: `checkpoint_dir` cannot be made or written to.

    Examples:
        >>> import pycifar
        >>> dataset = pycifar.load_dataset("synthetic", n_train=500, n_test=100)
        >>> model = pycifar.train(dataset, "cnn2", epochs=1, seed=1, verbose=0)
        >>> model.epochs_done
        1
    """
    arguments = dict(locals())
    started = call_began()
    checked = check_settings({name: arguments[name] for name in ("architecture", *UNSAID)})
    architecture = checked.pop("architecture")
    given = Settings(**checked)
    callbacks = [*as_callbacks(callbacks), *progress_callbacks(check_verbosity(verbose))]
    if isinstance(dataset, TrainedModel):
        dataset, architecture = _dataset_of(dataset, architecture), dataset
    elif architecture is None:
        architecture = DEFAULT_ARCHITECTURE
    folder, every = given.checkpoint_dir, given.checkpoint_every
    with checkpoints_in(folder, every, given.resume) as checkpoints:
        run = prepare_run(dataset, architecture, given, checkpoints, started)
        stopping = early_stopping_callbacks(run.config, run.validating is not None)
        try:
            with torch_generator_kept():
                run.train([*stopping, *callbacks])
        except (TrainingError, Terminated) as error:
            error.model = _result(run, dataset)
            raise
    trained = _result(run, dataset)
    if warning := _warning(trained, stopped=run.learner.network.stop_training):
        warnings.warn(warning, stacklevel=2)
    return trained


def _dataset_of(model: TrainedModel, architecture: Any) -> Dataset:
    """Return the data set that a model was trained on, if it is still loaded."""
    if architecture is not None:
        raise ArgumentError(
            "`architecture` must be left out where a trained model comes first, not "
            f"{describe(architecture)}."
        )
    dataset = loaded_dataset(model.data["name"], model.data["fingerprint"])
    if dataset is None:
        raise DataError(
            f"The data set that the model was trained on, {model.data['name']} "
            f"({model.data['source']}), is not loaded.",
            fix=f"Load it with {function('load_dataset')} and give it as `dataset`, and the model "
            "as `architecture`.",
        )
    return dataset


def _result(run: TrainingRun, dataset: Dataset) -> TrainedModel:
    """Return the trained model with its record, which says what was used."""
    import pandas

    progress = run.progress
    config = dataclasses.replace(run.config, schedule=run.schedule.name)
    if run.budget is not None:
        epochs = math.ceil(progress.passes)
        config = dataclasses.replace(config, passes=progress.passes, epochs=epochs)
    return TrainedModel(
        network=run.learner.network,
        class_names=dataset.class_names,
        config=config,
        history=pandas.DataFrame(progress.rows, columns=list(HISTORY_COLUMNS)),
        data={
            "name": dataset.name,
            "source": dataset.source,
            "fingerprint": dataset.fingerprint("train"),
        },
        seconds=tuple(progress.seconds),
        interrupted=progress.interrupted,
        best_epoch=restored_epoch(run.stopping),
        versions=current_versions(),
    )


def _warning(model: TrainedModel, stopped: bool) -> Warning | None:
    """Return what is to be said of a training that did not do all that was asked for.

    Args:
        model: what came of it.
        stopped: whether a callback stopped it.
    """
    config = model.config
    if model.interrupted:
        return InterruptedWarning(
            f"Training was interrupted after {model.epochs_done} of {config.epochs} epochs; "
            "the model holds what was learned until then."
        )
    if config.passes is not None and config.passes < 1 and not stopped:
        return TimeBudgetWarning(
            f"The time budget of {config.time_budget:g} s was too short for one pass over the "
            f"training images: {config.passes:.0%} of them were used."
        )
    return None
