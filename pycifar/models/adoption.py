"""Adopting a Keras model that pycifar did not train."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pycifar.architectures import CUSTOM
from pycifar.arguments import check_number, describe
from pycifar.backend import check_process, keras
from pycifar.config import DEFAULTS, TrainingConfig
from pycifar.datasets.augmentation import resolve_augmentation
from pycifar.datasets.load_arguments import check_class_names, check_image_size
from pycifar.errors import ArgumentError, ModelFileError, UnsavedWarning, warn
from pycifar.foreign_names import known_arguments_only
from pycifar.keras_files import CONFIG, ENTRY
from pycifar.language import function
from pycifar.learners.copies import new_optimizer_of
from pycifar.learners.descriptions import (
    CROSSENTROPY,
    describe_loss,
    describe_metrics,
    own_objects,
)
from pycifar.learners.fused_ops import compute_channels_apart
from pycifar.learners.heads import with_probabilities
from pycifar.learners.inputs import with_pixels
from pycifar.learners.keras_learner import KerasLearner, built_for
from pycifar.learners.objectives import compiled_with
from pycifar.learners.optimizers import settings_of, usual_settings, why_refused
from pycifar.memory import check_image_fits
from pycifar.models.custom_objects import knowing
from pycifar.models.file import (
    archive_entries,
    give_frozen,
    give_policy,
    give_weights,
    read_model_file,
    reason,
    warn_of_lost_optimizer,
)
from pycifar.models.file_check import checked_network, objective_of, optimizer_config
from pycifar.models.trained_model import (
    HISTORY_COLUMNS,
    UNKNOWN_DATA,
    TrainedModel,
    current_versions,
)
from pycifar.pixels import OWN_SCALING, SCALING
from pycifar.precision import precision_of
from pycifar.shipped import check_model_path


@known_arguments_only
def adopt_model(
    model: str | Path | keras.Model,
    class_names: Sequence[str],
    rescale: float | Sequence[float] | None = None,
    custom_objects: Mapping[str, Any] | None = None,
    image_size: int | Sequence[int] | None = None,
) -> TrainedModel:
    """Make a trained model of a Keras model that pycifar did not train.

    The model can then be used like one from `train`: for predictions, evaluations and explanations,
    to be saved, and to go on with `train`. It has no record of its training: its history is empty,
    and its `adopted` is True. Its `config` has the settings with which it would go on. These are
    its own optimizer, with its state, if the model was compiled, and else those of an architecture
    of yours in `train`. The seed and the validation are then yours to choose.

    A file is checked like one that `load_model` opens: it may come from an untrusted source. In
    addition, the network is run on two images, to see whether it gives probabilities.

    Args:
        model: the path of a ``.keras`` file, such as `keras.callbacks.ModelCheckpoint` writes; or a
            Sequential or functional Keras model, of which a copy is taken. It must take images with
            3 channels, shape (n, height, width, 3), and give a probability for each class. As for
            `train`, it may give logits, which its loss then takes, or one unit for two classes.
        class_names: one name per class, in the order of the model's outputs. No file holds them,
            and names in another order give predictions of the wrong classes. Functions of Keras
            that read folders, such as `keras.utils.image_dataset_from_directory`, sort the names
            of the folders. `evaluate` on images with known classes shows whether they are right.
        rescale: what the model expects in place of pixels from 0 to 255. A number to multiply them
            by, such as 1/255 for a model that takes values from 0 to 1; or two numbers, a factor
            and what is then added, such as (1/127.5, -1) for values from -1 to 1. The network gets
            layers in front that do so, which its files keep. Like the networks of pycifar, it then
            takes images divided by 255 as well, see `TrainedModel.keras_model`. 1 stands for pixels
            as they are. None stands for 1, and is allowed only if the network shows that it takes
            such pixels: it has a layer Rescaling itself, or an input of uint8. For another
            preparation of the pixels, build it into the network, and give 1.
        custom_objects: your own classes and functions that the file may ask for, see `load_model`.
        image_size: for a model that takes images of any size, the size in pixels that the adopted
            one takes: one number for height and width, or (height, width). None for a model that
            takes images of one size.

    Returns:
        The trained model. Where layers were frozen or unfrozen since the optimizer trained it, the
        optimizer starts anew for what it cannot be matched to, with an `OptimizerWarning`.

    Raises:
        ArgumentError: an argument is not as above, or the model does not suit it.
        ModelFileError: there is no such file, it is damaged, or it holds what is not safe; or
            pycifar wrote it, so that `load_model` opens it with its record.

    Examples:
        >>> import keras, pycifar
        >>> layers = [keras.layers.Flatten(), keras.layers.Dense(2, activation="softmax")]
        >>> network = keras.Sequential([keras.Input((32, 32, 3)), *layers])
        >>> pycifar.adopt_model(network, ["cat", "dog"], rescale=1 / 255)
        <TrainedModel custom, 6,146 parameters, adopted>
    """
    names, scaling = check_class_names("class_names", class_names), _scaling(rescale)
    size = None if image_size is None else check_image_size("image_size", image_size)
    check_process()
    with knowing(custom_objects):
        if isinstance(model, keras.Model):
            given, (loss, metrics) = model, compiled_with(model)
        else:
            given, loss, metrics = _network_in(model)
        shape = _check_shapes(given, len(names), size)
        if scaling is None and not _takes_pixels(given):
            raise ArgumentError(
                "`rescale` must be given: nothing in the network shows which pixels it takes.",
                fix="Give 1 if it takes values from 0 to 255, and 1/255 if it takes values from 0 "
                "to 1.",
            )
        network = with_pixels(given, shape, scaling)
        check_image_fits(network)
        network = with_probabilities(network, shape, len(names), loss)
        if given.compiled and (why := why_refused(given.optimizer)):
            warn_of_lost_optimizer("The model", why, anew=False)
        elif given.compiled:
            _compile(network, given)
    return _adopted(network, names, loss, metrics)


def _scaling(rescale: Any) -> tuple[float, float] | None:
    """Return the factor and the offset of a Rescaling layer, or None if none was given."""
    if rescale is None:
        return None
    several = list(rescale) if isinstance(rescale, (list, tuple)) else [rescale]
    if len(several) not in (1, 2):
        raise ArgumentError(f"`rescale` must be one number or two, not {describe(rescale)}.")
    factor = check_number("rescale", several[0], minimum=0, open_minimum=True)
    return factor, check_number("rescale", several[1]) if len(several) == 2 else 0.0


def _network_in(path: Any) -> tuple[keras.Model, Any, list[Any]]:
    """Return the network in a file, its loss or None, and its metrics.

    The network has its weights, and its optimizer if that is known.
    """
    if isinstance(path, TrainedModel):
        raise ArgumentError("`model` must be a path or a Keras model, not a trained model.")
    source = check_model_path("model", path)
    entries = archive_entries(read_model_file(source), str(source))
    if ENTRY in entries:
        raise ModelFileError(
            f"{source} was saved by pycifar, and has a record of its training.",
            fix=f"It is a trained model already: {function('load_model')} loads it.",
        )
    try:
        network = checked_network(entries)
        give_policy(network, None)
        give_frozen(network, None)
        optimizer, lost = _known(lambda: optimizer_config(entries[CONFIG]), None)
        objective, missed = _known(lambda: objective_of(entries[CONFIG]), (None, []))
        anew = give_weights(network, entries, optimizer)
    except Exception as error:
        raise ModelFileError(f"{source} cannot be adopted: {reason(error)}") from error
    warn_of_lost_optimizer(str(source), lost, anew)
    if missed is not None:
        warn(UnsavedWarning(f"{source} was adopted without its loss and metrics: {missed}."))
    return network, *objective


def _known(read: Callable[[], Any], otherwise: Any) -> tuple[Any, str | None]:
    """Return what is read, and None; or something else, and why that cannot be read."""
    try:
        return read(), None
    except Exception as error:  # Keras raises many kinds
        return otherwise, reason(error)


def _check_shapes(
    network: Any, n_classes: int, size: tuple[int, int] | None
) -> tuple[int, int, int]:
    """Return the shape of the images that a network takes, or is to take.

    Args:
        network: the network.
        n_classes: the number of classes.
        size: the height and width of the images, for a network that takes images of any size.

    Raises:
        ArgumentError: it is no network of images of this size, or has another number of outputs.
    """
    layered = isinstance(network, keras.Sequential) or hasattr(network, "inputs")
    if not layered or not network.built or network.inputs is None:
        raise ArgumentError(
            "`model` must be a functional Keras model, or a Sequential one that begins with an "
            f"Input; this {type(network).__name__} shows no layers or no size of its images.",
            fix="Make a functional one of it: keras.Model(inputs, outputs).",
        )
    takes, gives = ([tuple(t.shape[1:]) for t in ts] for ts in (network.inputs, network.outputs))
    if len(takes) != 1 or len(takes[0]) != 3 or takes[0][2] != 3:
        raise ArgumentError(
            "The model must take images with 3 channels, (height, width, 3); it takes "
            f"{' and '.join(map(str, takes))}."
        )
    if gives != [(n_classes,)] and (gives, n_classes) != ([(1,)], 2):
        raise ArgumentError(
            f"The model must give a probability for each of the {n_classes} classes in "
            f"`class_names`, shape ({n_classes},); it gives {' and '.join(map(str, gives))}."
        )
    sides = takes[0][:2]
    if size is None and None in sides:
        raise ArgumentError(
            f"`image_size` must be given for a model that takes images of any size, {takes[0]}.",
            fix="Give the size in pixels of the images that it learned from.",
        )
    if size is not None and any(
        own not in (None, one) for own, one in zip(sides, size, strict=True)
    ):
        raise ArgumentError(
            f"`image_size` must be left out for this model, which takes images of {sides[0]}×"
            f"{sides[1]} pixels, not {size[0]}×{size[1]}."
        )
    height, width = size or sides
    return height, width, 3


def _takes_pixels(network: keras.Model) -> bool:
    """Return whether a network shows that it takes pixels from 0 to 255."""
    layers = network._flatten_layers()
    known = (SCALING, OWN_SCALING)
    scaled = any(isinstance(x, keras.layers.Rescaling) or x.name in known for x in layers)
    return scaled or network.inputs[0].dtype == "uint8"


def _compile(network: keras.Model, given: keras.Model) -> None:
    """Compile a network with a copy of the optimizer of another with the same weights."""
    optimizer = built_for(network, new_optimizer_of(given))
    network.compile(optimizer, "sparse_categorical_crossentropy")
    if KerasLearner(network).take_optimizer_state(KerasLearner(given)) and given.optimizer.built:
        warn_of_lost_optimizer("The model", None, True)


def _adopted(
    network: keras.Model, class_names: tuple[str, ...], loss: Any, metrics: list[Any]
) -> TrainedModel:
    """Return a trained model without a record of a training."""
    import pandas

    named = str(DEFAULTS.optimizer)
    learned = {"optimizer": named, "schedule": DEFAULTS.schedule} | usual_settings(named)
    optimizer = getattr(network, "optimizer", None)
    if optimizer is not None:
        learned = settings_of(optimizer)
    config = TrainingConfig(
        architecture=CUSTOM,
        epochs=0,
        batch_size=int(DEFAULTS.batch_size or 0),
        augmentation=resolve_augmentation(DEFAULTS.augmentation).to_dict(),
        validation=None,
        early_stopping=None,
        best_weights=False,
        seed=0,
        precision=precision_of(network),
        loss=describe_loss(CROSSENTROPY if loss is None else loss),
        metrics=describe_metrics(metrics),
        **learned,
    )
    network.own_objects = own_objects(loss, metrics)
    compute_channels_apart(network)
    return TrainedModel(
        network=network,
        class_names=class_names,
        config=config,
        history=pandas.DataFrame([], columns=list(HISTORY_COLUMNS)).astype(
            {"epoch": int, "split": str, "metric": str, "value": float}
        ),
        data=dict(UNKNOWN_DATA),
        versions=current_versions(),
    )
