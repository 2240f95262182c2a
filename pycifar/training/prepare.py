"""Preparing a training: from checked settings to a compiled network with its batches."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from pycifar.architectures import (
    ARCHITECTURES,
    CUSTOM,
    begin_with,
    build_model,
    build_raw,
    keep_statistics,
    recipe_by_name,
    recipe_for,
)
from pycifar.arguments import listing
from pycifar.config import Settings, TrainingConfig
from pycifar.datasets import Dataset
from pycifar.datasets.augmentation import check_augmentation
from pycifar.datasets.dataset import check_dataset
from pycifar.datasets.subset import Subset, split_subsets
from pycifar.errors import DataError, DataWarning, OptimizerWarning, warn
from pycifar.feature_tensor import head_layer
from pycifar.learners import Learner, is_network, learner_for
from pycifar.learners.copies import holds_some_of, living_layers
from pycifar.learners.heads import with_probabilities
from pycifar.learners.inputs import cuts_fractions, to_train_with_pixels
from pycifar.learners.optimizers import OPTIMIZERS
from pycifar.memory import check_batch_fits
from pycifar.models.trained_model import TrainedModel
from pycifar.precision import precision_of
from pycifar.training.batches import Batches
from pycifar.training.budget import StepBudget
from pycifar.training.checkpoint import Checkpoints
from pycifar.training.identity import environment_of, identity_of
from pycifar.training.resolve import (
    compiled_settings,
    fingerprint_of_weights,
    is_gone,
    own_objects_of,
    own_optimizer,
    recorded_weights,
    resolve,
    resolve_batch_size,
    resolve_class_weights,
    resolve_seed,
    resolve_validation,
)
from pycifar.training.run import TrainingRun

# Share of a time budget in which the last step, the last validation and the averaging must end. The
# rest is for building the result.
PLANNED = 0.99

# How many pixels of training images an architecture may use to set its initial weights: those of
# 5,000 images of CIFAR-10.
PREPARED = 5000 * 32 * 32


@dataclass(frozen=True)
class Prepared:
    """A compiled network, with the images to train and to validate it on.

    Args:
        learner: the learner of the compiled network.
        config: the settings, all of them resolved.
        batches: the batches to learn from.
        validating: the images to validate on, or None.
    """

    learner: Learner
    config: TrainingConfig
    batches: Batches
    validating: Subset | None


def prepare_run(
    dataset: Dataset,
    architecture: Any,
    given: Settings,
    checkpoints: Checkpoints | None = None,
    started: float = 0.0,
) -> TrainingRun:
    """Return a training run that is ready to start.

    Args:
        dataset: see `train`.
        architecture: see `train`.
        given: the caller's settings, each checked by its rule.
        checkpoints: the checkpoints of the run, or None.
        started: when a time budget starts, a reading of `time.monotonic`.
    """
    earlier = architecture if isinstance(architecture, TrainedModel) else None
    found = None if checkpoints is None else checkpoints.found
    ready = prepare(dataset, architecture, given, {} if found is None else found.about["config"])
    learner, config = ready.learner, ready.config
    if checkpoints is not None:
        identity = identity_of(learner, dataset, config.validation, ready.validating)
        checkpoints.begin(config, identity, environment_of(learner), learner.harmless)
    if earlier is not None and given.optimizer is None:
        _take_optimizer_state(learner, earlier, config)
    budget = None
    if config.time_budget is not None:
        budget = StepBudget(
            started + PLANNED * config.time_budget,
            ready.batches.steps_per_epoch,
            0.0 if ready.validating is None else len(ready.validating) / config.batch_size,
        )
    return TrainingRun(
        learner, config, ready.batches, ready.validating, budget, earlier, checkpoints
    )


def prepare(
    dataset: Dataset,
    architecture: Any,
    given: Settings,
    resumed: Mapping[str, Any] = MappingProxyType({}),
) -> Prepared:
    """Return a compiled network, with the images to train and to validate it on.

    Args:
        dataset: see `train`.
        architecture: see `train`.
        given: the caller's settings, each checked by its rule.
        resumed: the settings of the checkpoint to resume from; empty if there is none.

    Raises:
        ArgumentError: the settings do not suit the data set, the network or each other.
        DataError: there is one class; or a trained model is given, and the images have another size
            or other classes.
    """
    check_dataset(dataset)
    if dataset.n_classes == 1:
        raise DataError(
            f'The data set must have at least 2 classes; it has one, "{dataset.class_names[0]}".'
        )
    earlier = architecture if isinstance(architecture, TrainedModel) else None
    if earlier is None:
        name, recipe = recipe_for(architecture)
        seed = resolve_seed(given.seed, resumed.get("seed"))
        network, given = _network_for(architecture, name, dataset, seed, given, resumed)
        if given.weights is not None:
            recipe = ARCHITECTURES[name].transfer.over(recipe)
    else:
        _check_goes_on(earlier, dataset)
        name, recipe = earlier.config.architecture, recipe_by_name(earlier.config.architecture)
        own_seed = given.seed if earlier.adopted else earlier.config.seed
        seed = resolve_seed(own_seed, resumed.get("seed"))
        network = learner_for(earlier.network).copy()  # the given one stays as it is
    if earlier is not None and given.optimizer is None:
        given = dataclasses.replace(given, optimizer=own_optimizer(earlier))
    given = _with_what_the_data_has(given, dataset, earlier)
    settings = resolve(given, recipe, earlier)
    own = own_objects_of(given, settings, earlier)
    validation = resolve_validation(settings.validation, dataset)
    goes_on = earlier is not None and earlier.learned_from(dataset)
    held_out = earlier.held_out if earlier is not None and goes_on else None
    training, validating = split_subsets(dataset, validation, seed, held_out)
    check_augmentation(settings.augmentation, dataset.image_shape)
    weights = given.sample_weight
    values = {
        field.name: getattr(settings, field.name)
        for field in dataclasses.fields(TrainingConfig)
        if hasattr(settings, field.name)
    }
    values |= {
        "architecture": name,
        "epochs": values["epochs"] + (0 if earlier is None else earlier.epochs_done),
        "batch_size": resolve_batch_size(given.batch_size, values["batch_size"], len(training)),
        "augmentation": settings.augmentation.to_dict(),
        "validation": validation,
        "seed": seed,
        "class_weights": resolve_class_weights(
            settings.class_weights, dataset.class_names, training.labels
        ),
        "sample_weight": fingerprint_of_weights(weights, len(training.split), earlier),
        "weights": settings.weights
        if earlier is not None
        else recorded_weights(settings.weights, resumed.get("weights")),
    }
    config = TrainingConfig(**values | {"precision": precision_of(network)})
    learner = learner_for(network)
    known = ARCHITECTURES.get(name)
    is_new = isinstance(architecture, str) and given.weights is None
    if is_new and known is not None and known.prepare is not None:
        height, width, _ = dataset.image_shape
        known.prepare(network, training.take(slice(0, max(1, PREPARED // (height * width))))[0])
    learner.check_config(config)
    check_batch_fits(network, config.batch_size)
    if earlier is None and config.frozen_epochs:
        learner.freeze()
    optimizer = None if isinstance(given.optimizer, str) else given.optimizer
    flips = known is not None and bool(config.augmentation.get("flip"))
    learner.compile(config, optimizer, known.flip_weights if known and flips else None, own)
    weights = None if weights is None else weights[training.indices]
    return Prepared(learner, config, Batches(training, config, weights), validating)


def _with_what_the_data_has(
    given: Settings, dataset: Dataset, earlier: TrainedModel | None
) -> Settings:
    """Return settings with the validation split and the weights of a data set, if not given."""
    has: dict[str, Any] = {}
    if earlier is None and given.validation == "auto" and "validation" in dataset.splits:
        has["validation"] = "validation"
    if given.sample_weight is None:
        has["sample_weight"] = dataset.split("train").weights
    return dataclasses.replace(given, **has)


def _network_for(
    architecture: Any,
    name: str,
    dataset: Dataset,
    seed: int,
    given: Settings,
    resumed: Mapping[str, Any],
) -> tuple[Any, Settings]:
    """Return a new network, and the settings over those that the caller compiled it with.

    A network of a training that is resumed gets all weights from the checkpoint, so that the file
    that the training began with may be gone.

    Raises:
        ArgumentError: the network does not suit the data set, or its loss.
    """
    shape, n_classes = dataset.image_shape, dataset.n_classes
    if isinstance(architecture, str):
        network = build_model(architecture, shape, n_classes, seed, precision=given.precision)
        if given.weights is not None:
            # The classes are others, so that the last layer stays new.
            head = head_layer(network)
            new = head.get_weights()
            if is_gone(given.weights, resumed.get("weights")):
                keep_statistics(network)
            else:
                begin_with(network, architecture, given.weights)
                _warn_of_small_images(architecture, given.weights, shape)
            head.set_weights(new)
        return network, given
    if given.weights is not None:
        begin_with(None, architecture, given.weights)  # which says that it takes none
    earlier = [architecture] if is_network(architecture) else living_layers()
    raw = build_raw(architecture, shape, n_classes, seed, {}, given.precision)
    if name == CUSTOM:
        # A network that takes dicts was connected anew, and so is not compiled.
        compiled = architecture if is_network(architecture) else raw
        given = given.over(compiled_settings(compiled, given.optimizer is None))
    network = with_probabilities(raw, shape, n_classes, given.loss)
    with_front = to_train_with_pixels(network, shape) if cuts_fractions(network) else None
    if with_front is not None:
        network = with_front
    elif network is raw and holds_some_of(raw, earlier):
        network = learner_for(network).copy()  # what was there before stays as it is
    return network, given


def _check_goes_on(model: TrainedModel, dataset: Dataset) -> None:
    """Raise a DataError unless a trained model can be trained further on these images."""
    try:
        model.check_classes(dataset.class_names)
    except DataError as error:
        architecture = ARCHITECTURES.get(model.config.architecture)
        if architecture is None or architecture.in_numpy:  # these take no weights
            raise
        names = [f'"{name}"' for name in architecture.pretrained]
        raise DataError(
            error.message,
            fix=f"To learn other classes, train {model.config.architecture} anew, with the file of "
            f"the model as `weights`{f', or with {listing(names)}' if names else ''}.",
        ) from None
    if dataset.image_shape != model.image_shape:
        raise DataError(
            f"The data set must have images of {model.image_shape[0]}×{model.image_shape[1]} "
            f"pixels, as the model takes them, not {dataset.image_shape[0]}×"
            f"{dataset.image_shape[1]}."
        )


def _warn_of_small_images(name: str, weights: Any, shape: tuple[int, int, int]) -> None:
    """Warn if images have less than half of the height and width that published weights know."""
    known = ARCHITECTURES[name]
    if weights in known.pretrained and 2 * max(shape[:2]) < known.image_size:
        warn(
            DataWarning(
                f'The weights "{weights}" of "{name}" were learned from images of '
                f"{known.image_size}×{known.image_size} pixels, and are of less use for those of "
                f"{shape[0]}×{shape[1]}: load larger ones, by `image_size` where they are files."
            )
        )


def _take_optimizer_state(learner: Learner, earlier: TrainedModel, config: TrainingConfig) -> None:
    """Take over the optimizer state of an earlier training, such as momenta, if it was saved."""
    earlier_learner = learner_for(earlier.network)
    new = learner.take_optimizer_state(earlier_learner)
    if new and not (earlier.adopted and not earlier_learner.optimizer_state()):
        warn(
            OptimizerWarning(
                f"The optimizer starts anew for {new} weights: they were not trained before, "
                "because their layers were frozen, or the model was saved without its optimizer's "
                "state."
            )
        )
    if config.optimizer in OPTIMIZERS:  # the state includes the earlier learning rate
        learner.learning_rate = config.learning_rate
