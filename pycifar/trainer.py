"""Training: settle the settings, then run the epochs."""

from __future__ import annotations

import dataclasses
import inspect
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pycifar.architectures import ARCHITECTURES, build_model, recipe_for
from pycifar.arguments import check_seed, check_verbosity, describe
from pycifar.augmentation import Augmentation, resolve_augmentation
from pycifar.backend import began, free_memory, generator_kept, keras, seeded
from pycifar.callbacks import as_callbacks, progress
from pycifar.callbacks import early_stopping as stopping_callbacks
from pycifar.checkpoint import Checkpoints, checkpoints_in
from pycifar.config import TrainingConfig
from pycifar.datasets import Dataset
from pycifar.datasets.dataset import loaded_dataset
from pycifar.errors import ArgumentError, DataError, TimeBudgetWarning, TrainingError
from pycifar.fused import fuse
from pycifar.identity import environment_of, harmless, identity_of
from pycifar.interrupts import Terminated
from pycifar.memory import check_batch_fits
from pycifar.mirroring import tie
from pycifar.model_state import copy_of, optimizer_state, set_optimizer_state
from pycifar.optimization import MOMENTUM, loss_and_metrics, make_optimizer
from pycifar.portions import split_portions
from pycifar.precision import precision_of
from pycifar.rules import check_numpy_settings, check_settings
from pycifar.scratch import NumpyModel
from pycifar.settings import (
    check_augmentation,
    check_validation,
    given_or,
    kept,
    own_optimizer,
    recipe_of,
    settle_batch_size,
    settle_class_weights,
    settle_optimizer,
)
from pycifar.trained_model import TrainedModel
from pycifar.training_run import TrainingRun

PLANNED = 0.99  # share of a time budget; what comes after the last step takes a moment as well
PREPARED = 5000  # images that an architecture may set weights by


def train(
    dataset: Dataset | TrainedModel,
    architecture: str
    | Callable[..., keras.Model]
    | keras.Model
    | NumpyModel
    | TrainedModel = "cnn2",
    epochs: int | None = None,
    batch_size: int | None = None,
    optimizer: str | keras.optimizers.Optimizer | None = None,
    learning_rate: float | None = None,
    schedule: str | None = None,
    weight_decay: float | None = None,
    label_smoothing: float | None = None,
    class_weights: str | Mapping[str, float] | None = None,
    precision: str = "auto",
    augmentation: Augmentation | str | Sequence[str] | Mapping[str, Any] | None = None,
    skip_easy: float | None = None,
    validation: float | str | None = 0.1,
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
            `load_model` returned, to go on with.
        epochs: passes over the training images, at least 1; further ones where a model goes on.
        batch_size: images a step, from 1 to the number of images trained on.
        optimizer: "sgd" (momentum 0.9), "adam", "adamw", "rmsprop" or "muon"; or a Keras
            optimizer, not used before, which brings its own learning rate, schedule and weight
            decay.
        learning_rate: above 0; at the start, or at the peak for "one_cycle".
        schedule: "constant", "cosine", "step", "exponential", "one_cycle", "inverse_sqrt" or
            "averaging"; see `pycifar.optimization.rate_by_step`. With "averaging" the model ends
            with the mean of the weights of the last three fifths of the run (Izmailov et al. 2018),
            or of those so far where it ends early, and a validation measures that; a run with steps
            for fewer than 12 passes over all images has "inverse_sqrt" instead.
        weight_decay: each step takes the learning rate times this off each weight, times the
            weight, but for biases and batch normalisation (Loshchilov and Hutter 2019); at least 0.
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
        skip_easy: the share of the training images that an epoch leaves out to save time, from 0 to
            0.6: drawn from the easiest ones, by the loss that they had when they were last seen.
            The first epoch and the last 15% (at least one) have all images; 0 for a network of
            NumPy.
        validation: the share of the training split that is held out, drawn with the seed and
            balanced over the classes; or the name of a split, such as "test"; or None for none.
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
    started = began()
    settings = check_settings(
        {
            "architecture": architecture,
            "epochs": epochs,
            "batch_size": batch_size,
            "optimizer": optimizer,
            "learning_rate": learning_rate,
            "schedule": schedule,
            "weight_decay": weight_decay,
            "label_smoothing": label_smoothing,
            "class_weights": class_weights,
            "precision": precision,
            "augmentation": augmentation,
            "skip_easy": skip_easy,
            "validation": validation,
            "early_stopping": early_stopping,
            "best_weights": best_weights,
            "time_budget": time_budget,
            "checkpoint_dir": checkpoint_dir,
            "checkpoint_every": checkpoint_every,
            "resume": resume,
            "seed": seed,
        }
    )
    given_callbacks = as_callbacks(callbacks)
    shown = progress(check_verbosity(verbose))
    if isinstance(dataset, TrainedModel):
        dataset, settings["architecture"] = _dataset_of(dataset, architecture), dataset
    folder, every = settings["checkpoint_dir"], settings["checkpoint_every"]
    with checkpoints_in(folder, every, settings["resume"]) as checkpoints:
        run = prepare_run(dataset, settings, checkpoints, started)
        config = run.config
        stopping = stopping_callbacks(
            config.early_stopping, config.best_weights, run.validating is not None
        )
        try:
            with generator_kept():
                run.train([*stopping, *given_callbacks, *shown])
        except (TrainingError, Terminated) as error:
            error.model = run.result(dataset)
            raise
    trained = run.result(dataset)
    passes = trained.config.passes
    stopped = trained.interrupted or run.model.stop_training
    if passes is not None and passes < 1 and not stopped:
        warnings.warn(
            f"The time budget of {time_budget:g} s was too short for one pass over the training "
            f"images: {passes:.0%} of them were used.",
            TimeBudgetWarning,
            stacklevel=2,
        )
    return trained


def prepare_run(
    dataset: Dataset,
    settings: Mapping[str, Any],
    checkpoints: Checkpoints | None = None,
    started: float = 0.0,
) -> TrainingRun:
    """A run that is ready to train.

    Args:
        dataset: see `train`.
        settings: what `check_settings` returned for all arguments of `train` that it takes.
        checkpoints: where the state of the run is kept, and maybe found.
        started: the time of `time.monotonic` from which a time budget counts.
    """
    if not isinstance(dataset, Dataset):
        raise ArgumentError(f"`dataset` must be a data set, not {describe(dataset)}.")
    architecture, optimizer = settings["architecture"], settings["optimizer"]
    validation, precision = settings["validation"], settings["precision"]
    epochs, time_budget, seed = settings["epochs"], settings["time_budget"], settings["seed"]
    earlier = architecture if isinstance(architecture, TrainedModel) else None
    own_state = earlier is not None and optimizer is None
    if earlier is None:
        name, recipe = recipe_for(architecture)
    else:
        _check_goes_on(earlier, dataset)
        name, recipe = earlier.config.architecture, recipe_of(earlier.config)
        optimizer = own_optimizer(earlier) if own_state else optimizer
        usual = inspect.signature(train).parameters["validation"].default
        validation = kept("validation", validation, (None, usual), earlier.config.validation)
        precision = kept("precision", precision, ("auto",), earlier.config.precision)
        seed = kept("seed", seed, (None,), earlier.config.seed)
    validation = check_validation(validation, dataset)
    if seed is None and checkpoints is not None and checkpoints.found is not None:
        seed = checkpoints.found.about["config"].get("seed")
    seed = check_seed(seed)
    training, validating = split_portions(dataset, validation, seed)
    optimizer_name, rate, decay, schedule = settle_optimizer(
        optimizer,
        settings["learning_rate"],
        settings["weight_decay"],
        settings["schedule"],
        recipe,
    )
    augmentation = given_or(settings["augmentation"], resolve_augmentation(recipe.augmentation))
    check_augmentation(augmentation, dataset.image_shape)
    config = TrainingConfig(
        architecture=name,
        epochs=given_or(epochs, recipe.epochs) + (0 if earlier is None else earlier.epochs_done),
        batch_size=settle_batch_size(settings["batch_size"], recipe, len(training)),
        optimizer=optimizer_name,
        learning_rate=rate,
        schedule=schedule,
        weight_decay=decay,
        augmentation=augmentation.to_dict(),
        validation=validation,
        early_stopping=settings["early_stopping"],
        best_weights=settings["best_weights"],
        seed=seed,
        label_smoothing=given_or(settings["label_smoothing"], recipe.label_smoothing),
        time_budget=time_budget,
        skip_easy=given_or(settings["skip_easy"], recipe.skip_easy),
        class_weights=settle_class_weights(
            settings["class_weights"], earlier, dataset.class_names, training.labels
        ),
    )
    if earlier is None:
        model = build_model(
            architecture, dataset.image_shape, dataset.n_classes, config.seed, precision=precision
        )
    else:
        model = copy_of(earlier.network)
    config = dataclasses.replace(config, precision=precision_of(model))
    prepare = ARCHITECTURES[name].prepare if isinstance(architecture, str) else None
    if prepare is not None:
        prepare(model, training.take(slice(0, PREPARED))[0])
    if isinstance(model, NumpyModel):
        check_numpy_settings(config.to_dict())
    check_batch_fits(model, config.batch_size)
    _compile(model, optimizer, config)
    if checkpoints is not None:
        identity = identity_of(model, dataset, validation)
        checkpoints.begin(config, identity, environment_of(model), harmless(model))
    scheduled = not isinstance(optimizer, keras.optimizers.Optimizer)
    if earlier is not None and own_state:
        _take_optimizer_state(model, earlier, config.learning_rate if scheduled else None)
    deadline = None if time_budget is None else started + PLANNED * time_budget
    return TrainingRun(
        model, training, validating, config, scheduled, deadline, earlier, checkpoints
    )


def _dataset_of(model: TrainedModel, architecture: Any) -> Dataset:
    """The data set that a model was trained on, if it is still loaded."""
    if architecture != "cnn2":
        raise ArgumentError(
            "`architecture` must be left out where a trained model comes first, not "
            f"{describe(architecture)}."
        )
    dataset = loaded_dataset(model.data["name"], model.data["fingerprint"])
    if dataset is None:
        raise DataError(
            f"The data set that the model was trained on, {model.data['name']} "
            f"({model.data['source']}), is not loaded.",
            fix="Load it with load_dataset() and give it as `dataset`, and the model as "
            "`architecture`.",
        )
    return dataset


def _check_goes_on(model: TrainedModel, dataset: Dataset) -> None:
    """Raise a DataError unless a model can go on with these images."""
    model.check_classes(dataset.class_names)
    if dataset.image_shape != model.image_shape:
        raise DataError(
            f"The data set must have images of {model.image_shape[0]}×{model.image_shape[1]} "
            f"pixels, as the model takes them, not {dataset.image_shape[0]}×"
            f"{dataset.image_shape[1]}."
        )


def _take_optimizer_state(model: Any, earlier: TrainedModel, learning_rate: float | None) -> None:
    """Have an optimizer go on with what an earlier one had gathered, where that was kept."""
    state = optimizer_state(earlier.network)
    if state:
        set_optimizer_state(model, state)
    if learning_rate is not None and not isinstance(model, NumpyModel):
        model.optimizer.learning_rate = learning_rate  # which the state brought, too


def _compile(model: keras.Model | NumpyModel, optimizer: Any, config: TrainingConfig) -> None:
    if isinstance(model, NumpyModel):
        model.compile(config.learning_rate, MOMENTUM, config.weight_decay)
        return
    free_memory()  # of models of before
    if not isinstance(optimizer, keras.optimizers.Optimizer):
        optimizer = make_optimizer(config.optimizer, config.learning_rate, config.weight_decay)
    with seeded(config.seed):
        loss, metrics = loss_and_metrics(config.label_smoothing)
        model.compile(optimizer, loss=loss, metrics=metrics)
        if optimizer.built and not _is_of(optimizer, model):
            raise ArgumentError(
                "`optimizer` has been used for another model already.",
                fix="Make a new one for each training.",
            )
        if not optimizer.built:  # variables made in the first step would have it compiled twice
            optimizer.build(model.trainable_variables)
    known = ARCHITECTURES.get(config.architecture)
    if known is not None and known.mirrored is not None and config.augmentation.get("flip"):
        tie(optimizer, model.trainable_variables, known.mirrored)
    fuse(model, optimizer)


def _is_of(optimizer: keras.optimizers.Optimizer, model: keras.Model) -> bool:
    """Whether an optimizer that was used before was used for this model."""
    own = {id(variable) for variable in model.trainable_variables}
    return {id(variable) for variable in optimizer._trainable_variables} == own
