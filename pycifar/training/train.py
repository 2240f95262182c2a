"""The function `train`: from the caller's arguments to a trained model."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from pycifar.arguments import check_verbosity, describe
from pycifar.backend import call_began, keras, torch_generator_kept
from pycifar.config import DEFAULT_ARCHITECTURE, UNSAID, Settings
from pycifar.console import shown_by
from pycifar.datasets import Dataset
from pycifar.datasets.augmentation import Augmentation
from pycifar.datasets.dataset import loaded_dataset
from pycifar.errors import (
    ArgumentError,
    DataError,
    FrozenWarning,
    ImagesChangedError,
    InterruptedWarning,
    PycifarWarning,
    TimeBudgetWarning,
    TrainingError,
    warn,
)
from pycifar.foreign_names import known_arguments_only
from pycifar.interrupts import Terminated, raise_second_interrupt
from pycifar.language import function
from pycifar.models.custom_objects import warn_if_unloadable
from pycifar.models.trained_model import HISTORY_COLUMNS, TrainedModel, current_versions
from pycifar.rules import check_settings
from pycifar.scratch import NumpyModel
from pycifar.training.callbacks import (
    ProgressReport,
    as_callbacks,
    check_callbacks,
    early_stopping_callbacks,
    progress_callbacks,
    restored_epoch,
)
from pycifar.training.checkpoint import checkpoints_in
from pycifar.training.prepare import prepare_run
from pycifar.training.run import TrainingRun


@known_arguments_only
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
    loss: str | keras.losses.Loss | Callable[[Any, Any], Any] | None = None,
    metrics: Any = None,
    sample_weight: Sequence[float] | np.ndarray | None = None,
    monitor: str | None = None,
    weights: str | Path | None = None,
    frozen_epochs: int | None = None,
    fine_tune_rate: float | None = None,
    verbose: int = 1,
) -> TrainedModel:
    """Train an image classifier.

    Arguments that are None take the value of the architecture's recipe; `list_architectures` shows
    the recipes. An optimizer other than the recipe's takes its own default learning rate, weight
    decay and momentum.

    The same data, settings and seed give weights that are equal bit for bit, on one machine with
    one version of the backend and one number of threads.

    Ctrl-C ends the training early. The model so far is returned with its history; its `interrupted`
    is True, and an `InterruptedWarning` is issued. Code after the call goes on, such as a loop over
    seeds. If another training is interrupted less than 10 seconds after that, it raises a
    KeyboardInterrupt, which ends the loop.

    SIGTERM and SIGHUP, which schedulers, containers and closed terminals send, end the training
    early as well. A checkpoint is saved if there is a `checkpoint_dir`. Then `Terminated` is
    raised, a SystemExit whose code is 128 plus the number of the signal. Its `model` is the model
    so far.

    A trained model can be trained further. ``train(model, epochs=5)`` continues on the images that
    the model was trained on. ``train(dataset, model, epochs=5)`` continues on these or on other
    images with the same classes. Both return a new model and leave the given one unchanged. The
    state of the optimizer, such as momenta, is taken over, and the order of the images and the
    numbers of the epochs continue. Settings stay the same unless others are given; the validation,
    the precision and the seed cannot be changed. A `learning_rate` must be given where a callback
    left it at 0. A schedule other than "constant" starts again and spans the additional epochs.

    Args:
        dataset: the data set, as returned by `load_dataset`; or a trained model, to continue on
            the data set that it was trained on, which must still be loaded.
        architecture: a name from `list_architectures`; or a function(input_shape, n_classes) that
            returns a Keras model; or a model, of which a copy is trained; or a trained model from
            `train` or `load_model`, to continue its training. A model for images of any size gets
            the size of the data set, which it then keeps. None means "cnn2". It must be None
            if `dataset` is a trained model. What is given is never changed, nor are a model and
            layers that a function returns without building them: copies are trained. A Keras model
            of your own must end with a softmax, with logits, or, for two classes, with one unit, a
            sigmoid or a logit; the trained model always gives probabilities. With a loss other than
            the cross-entropy it may end with logits only if the loss has `from_logits`. The
            optimizer, loss and metrics that it was compiled with are used, unless you give others;
            it must be compiled without weights of the loss.
        epochs: the number of passes over the training images, at least 1. For a trained model, the
            number of additional passes.
        batch_size: images per step, from 1 to the number of training images.
        optimizer: "sgd", "adam", "adamw", "rmsprop" or "muon"; or a Keras optimizer that was not
            used before, which brings its own learning rate, schedule, weight decay and momentum.
            A MultiOptimizer, a ScheduleFreeAdamW and a rate that is a function are refused. Where
            the rate is a schedule, callbacks of Keras that set it are refused.
        learning_rate: the initial learning rate, or the peak for "one_cycle"; above 0.
        schedule: how the learning rate changes from step to step: "constant", "cosine", "step",
            "exponential", "one_cycle", "inverse_sqrt" or "averaging"; see
            `pycifar.learners.schedules.rate_by_step`. With "averaging", the weights are averaged
            over the last three fifths of the run (Izmailov et al. 2018). From then on, validations
            measure the mean so far, and the model ends with it. A run of fewer than 12 passes over
            the training images uses "inverse_sqrt" instead, and the model's `config` records that.
        weight_decay: decoupled weight decay (Loshchilov and Hutter 2019), at least 0. Each step
            subtracts learning rate × weight decay × weight from each weight. Biases and the
            parameters of batch normalisation are exempt.
        momentum: the momentum of "sgd" (0.9 unless given) and "muon" (0.6), from 0 to below 1. It
            must be None for other optimizers.
        label_smoothing: the share of the target probability that is spread evenly over all
            classes, from 0 to below 1. The losses in the history include its effect. It must be 0
            for a NumPy network.
        class_weights: the weight of each class in the training loss. A mapping from class names, or
            their numbers from 0, to numbers of at least 0, where classes that are left out have
            weight 1; or "balanced", for weights inversely proportional to the number of images of
            each class (as in scikit-learn, King and Zeng 2001). None gives all classes the same
            weight, and is the only value for a NumPy network.
        precision: the number format of the computation: "float32"; "bfloat16", if the machine
            supports it; or "auto", which is bfloat16 for "cnn2", "cnn4", "fastnet" and
            "resnet50_v2" on a machine that supports it, and float32 otherwise. Weights, losses and
            updates are always float32. A NumPy network always uses float32, and a model that is
            given keeps its own precision.
        augmentation: random changes to the training images: "none", or any of "flip", "shift" (up
            to 4 pixels), "crop" (a part with at least 0.35 of the area, resized to the whole),
            "brightness", "contrast", "saturation", "hue", "colour" (these four) and "cutout" (a
            black square with sides of 8 pixels). As one name, a list of names, or a mapping from
            names to values, such as ``{"flip": True, "crop": 0.5}``; `Augmentation` has what the
            values mean, and the order. With "flip", which is part of its recipe, "fastnet" gives an
            image and its mirror image nearly the same prediction. Leave "flip" out if one class is
            the mirror image of another, and "hue" if classes differ in colour alone.
        validation: the images to validate on after each epoch: the share of the training split to
            hold out, above 0 and below 1, drawn with the seed and stratified by class; or the name
            of a split, such as "test"; or None for no validation. "auto" means the split
            "validation", if the data set has one, or else 0.1; or the validation of a trained model
            that is continued. A share keeps the groups of the data set together, and a
            `DataWarning` tells of classes that it holds out as a whole.
        early_stopping: stop after this many epochs without a lower validation loss, or training
            loss if there is no validation; `monitor` names another metric. None never stops early.
        best_weights: whether to restore, at the end, the weights of the epoch with the lowest
            validation loss, or training loss if there is no validation; or the best value of
            `monitor`.
        callbacks: Keras callbacks, or mappings such as ``{"on_epoch_end": f}``, one or a list of
            them. The functions of a mapping are `on_train_begin` and `on_train_end`, which take
            (logs), `on_epoch_begin` and `on_epoch_end`, which take (epoch, logs), and
            `on_train_batch_end`, which takes (batch, logs). Epochs and batches count from 1. A
            function that returns False stops the training. A number that a function or a Keras
            callback adds to the logs of `on_epoch_end` is a metric in the history.
        time_budget: seconds for the whole call, above 0, instead of `epochs`. The training does as
            many steps as fit, and the schedule spans them. How many fit depends on the machine; the
            model's `config` records it. The time to import Keras counts, unless it was imported
            before. A warning says if it was too short for one pass, or for what follows the frozen
            epochs: all layers begin to learn only where there is time to compile that, for one step
            and for the validation, estimated by what computing features took.
        checkpoint_dir: a folder in which to save a checkpoint after each epoch; it is created if it
            does not exist. The checkpoint holds all that is needed to resume a training that was
            cut off, even by a power failure. Each checkpoint replaces the one before.
        checkpoint_every: save a checkpoint every so many steps as well as after each epoch; None
            saves after each epoch only.
        resume: whether to resume from the checkpoint in `checkpoint_dir`. If there is none yet,
            the training starts from the beginning. The settings, the network, the images and the
            environment must be the same: versions of pycifar, Keras, its backend and NumPy,
            devices, number of threads, and instruction set of the processor. The weights will be
            bit for bit those of a training that was never cut off, except with a time budget. The
            state of your own callbacks is not saved.
        seed: fixes the initial weights, the order of the images, dropout and augmentation; from 0
            to 2³¹ - 1. None draws a seed, which the model's `config` records.
        loss: what the training lowers. "crossentropy"; another name among
            "categorical_focal_crossentropy", "binary_crossentropy", "binary_focal_crossentropy",
            "kl_divergence", "mean_squared_error", "mean_absolute_error", "huber", "log_cosh",
            "poisson", "hinge", "squared_hinge", "categorical_hinge" and "cosine_similarity"; a loss
            of Keras that takes one-hot labels and probabilities; or a function(y_true, y_pred) of
            these, both of shape (n, classes), that returns the loss of each image, shape (n,). For
            a network with one unit for two classes, the shape is (n, 1), of the second class. It
            must be None for a NumPy network.
        metrics: what to measure besides the loss and the accuracy, one or a list of: "top_5" (the
            share of images whose true class is among the five most probable ones), "f1" (the mean
            over the classes), "auc" (the mean over the classes, each against the rest),
            "precision" and "recall" (of probabilities above 1/2), "crossentropy" and
            "mean_squared_error"; metrics of Keras; functions as for `loss`. They are in the
            history, in what callbacks get, and in what `evaluate` returns. Labels are one-hot. For
            a network with one unit for two classes, metrics take the second class alone, shape
            (n, 1).
        sample_weight: the weight of each training image in the loss, at least 0, one number per
            image of the training split, in its order. It multiplies the weight of the class. None
            takes the weights of the data set, such as the column ``weight`` of a table; without
            them, all images have the same weight, which is the only way for a NumPy network.
        monitor: the metric that `early_stopping` and `best_weights` go by, such as "accuracy" or a
            name of `metrics`. None means the loss. It is that of the validation, if there is one.
        weights: the weights to begin with, as for `build_model`: "imagenet", "cifar10" or the path
            of a file. The last layer is always new here, as the classes are others. A `DataWarning`
            says where images are far smaller than those that it knows. The recipe is that for
            networks that have learned already. None draws all weights, and is the only
            value for a NumPy network and for a network of your own, which brings its weights.
        frozen_epochs: the number of epochs, from the first on, that train the last layer with
            weights alone; at most `epochs`. Where images are not augmented, what the other layers
            compute of them is computed only once. None means 0, or that of the recipe where there
            are `weights`, and at least one epoch less than `epochs` where that is possible. It is
            for a network of your own as well, where all goes through one last layer with weights.
            What stands beside that layer, on the same values, learns with it. What stands before
            it does not, even if it is new: where several layers are new, set `trainable` of the
            others to False, train without frozen epochs, set it to True in the model's
            `keras_model`, and go on at a low `learning_rate`. `optimizer` must be a name where
            epochs are frozen, and `schedule` not "averaging".
        fine_tune_rate: the learning rate, as for `learning_rate`, of the epochs after the frozen
            ones, in which all layers learn. The schedule begins anew with them, and so does the
            optimizer. None means that of the recipe where there are `weights`, or a tenth of
            `learning_rate`. A model goes on with this rate.
        verbose: 0 or False shows nothing; 1 or True shows one line per epoch, and a progress bar as
            well on a terminal; 2 shows one line per epoch. All of it goes to the standard error
            stream.

    Returns:
        The trained model, with its history and settings.

    Raises:
        ArgumentError: an argument is not as above, or memory is too small for the batch size.
        ObjectiveError: `loss` or one of `metrics` cannot be computed.
        DataError: the data set has no images to train on; or it does not have the classes or the
            image size of the trained model to continue; or the data set that the model was trained
            on is not loaded any more.
        DivergenceError: the loss is no longer a finite number. The error's `model` has the last
            weights that gave a finite loss, at most 100 steps old.
        CallbackError: a callback failed. The error's `model` is the model so far.
        CheckpointError: a checkpoint cannot be saved, and the error's `model` is the model so far;
            or the checkpoint in `checkpoint_dir` is damaged, in use, or belongs to another
            training; or there is one and `resume` is False.
        ImagesChangedError: images that are not in memory have changed or are gone since they were
            loaded. The error's `model` is the model so far.
        OutputError: `checkpoint_dir` cannot be created or written to.
        WeightsError: the weights are not on this machine, or are others than they should be.

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
    callbacks, verbose = as_callbacks(callbacks), check_verbosity(verbose)
    if not any(isinstance(callback, ProgressReport) for callback in callbacks):  # R has its own
        callbacks += progress_callbacks(verbose)
    if isinstance(dataset, TrainedModel):
        dataset, architecture = _dataset_of(dataset, architecture), dataset
    elif architecture is None:
        architecture = DEFAULT_ARCHITECTURE
    folder, every = given.checkpoint_dir, given.checkpoint_every
    with checkpoints_in(folder, every, given.resume) as checkpoints:
        with nullcontext() if verbose else shown_by(lambda line: None, None):
            run = prepare_run(dataset, architecture, given, checkpoints, started)
        check_callbacks(callbacks, run.config)
        warn_if_unloadable(run.learner.network)
        directions = run.learner.directions()
        stopping = early_stopping_callbacks(
            run.config, run.phases.validating is not None, directions
        )
        with _model_kept(run, dataset), torch_generator_kept():
            run.train([*stopping, *callbacks], verbose=bool(verbose))
    trained = _result(run, dataset)
    if trained.interrupted:
        raise_second_interrupt()
    if warning := _warning(trained, stopped=run.learner.network.stop_training):
        warn(warning)
    return trained


@contextmanager
def _model_kept(run: TrainingRun, dataset: Dataset) -> Iterator[None]:
    """Give what ends the training inside the context the model so far."""
    try:
        yield
    except (TrainingError, Terminated) as error:
        error.model = _result(run, dataset)
        raise
    except DataError as error:
        if not run.phases.batches.subset.is_stored:
            raise
        changed = ImagesChangedError(error.message, error.fix)
        changed.model = _result(run, dataset)
        raise changed from error


def _dataset_of(model: TrainedModel, architecture: Any) -> Dataset:
    """Return the data set that a model was trained on.

    Raises:
        ArgumentError: an architecture was given beside the model.
        DataError: the data set is not loaded any more.
    """
    if architecture is not None:
        raise ArgumentError(
            "`architecture` must be left out where a trained model comes first, not "
            f"{describe(architecture)}."
        )
    if model.adopted:
        raise DataError(
            "An adopted model does not say which images it was trained on.",
            fix="Give a data set as `dataset`, and the model as `architecture`.",
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
    """Return the trained model, with a config of what the run used in the end."""
    import pandas

    progress = run.progress
    run.rate.follow()
    config = dataclasses.replace(
        run.config, schedule=run.phases.schedule.name, rate_factor=run.rate.factor
    )
    if run.budget is not None:
        epochs = math.ceil(progress.passes)
        frozen = min(config.frozen_epochs, epochs)
        config = dataclasses.replace(
            config, passes=progress.passes, epochs=epochs, frozen_epochs=frozen
        )
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
        stopped_by=run.learner.network.stopped_by,
        versions=current_versions(),
        resize=dataset.resize,
        held_out=_held_out(run, dataset),
    )


def _held_out(run: TrainingRun, dataset: Dataset) -> np.ndarray | None:
    """Return whether each image of the training split was held out; None if no share of it was."""
    _, validating = run.phases.of_images
    if validating is None or isinstance(run.config.validation, str):
        return None
    held_out = np.zeros(len(dataset.split("train")), bool)
    held_out[validating.indices] = True
    return held_out


def _warning(model: TrainedModel, stopped: bool) -> PycifarWarning | None:
    """Return the warning for a training that did less than was asked for, or None.

    Args:
        model: the trained model.
        stopped: whether a callback stopped the training.
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
    if config.time_budget is not None and 0 < config.frozen_epochs == config.epochs and not stopped:
        return TimeBudgetWarning(
            f"The time budget of {config.time_budget:g} s was too short for all layers to learn: "
            "the last layer alone did."
        )
    if 0 < model.epochs_done <= config.frozen_epochs < config.epochs:
        return FrozenWarning(
            f"Training was stopped after {model.epochs_done} of {config.epochs} epochs: all layers "
            f"would have learned after {config.frozen_epochs}, and the last layer alone did."
        )
    return None
