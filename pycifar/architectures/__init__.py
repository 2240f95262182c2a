"""The architectures that pycifar knows by name."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pycifar.architectures import (
    alexnet,
    applications,
    cnn2,
    cnn4,
    efficientnet_lite0,
    fastnet,
    googlenet,
    lenet5,
    mlp_relu,
    mlp_sigmoid,
    resnet20,
    softmax,
    vgg16,
    zfnet,
)
from pycifar.architectures.architecture import Architecture
from pycifar.arguments import (
    check_choice,
    check_count,
    check_path,
    check_seed,
    describe,
    listing,
    nearest_name,
)
from pycifar.config import DEFAULT_ARCHITECTURE, DEFAULTS, Settings
from pycifar.errors import ArgumentError, UnknownNameError
from pycifar.foreign_names import known_arguments_only
from pycifar.layer_calls import graph_of, layers_of
from pycifar.learners.heads import with_probabilities
from pycifar.limits import LONGEST_SIDE, MOST_CLASSES
from pycifar.memory import lack_of_memory_named
from pycifar.precision import computing_in, precision_of, resolve_precision
from pycifar.pretrained.weights_file import ENDINGS, set_weights_from

if TYPE_CHECKING:
    import keras
    import pandas

    from pycifar.scratch import NumpyModel

__all__ = ["ARCHITECTURES", "Architecture", "build_model", "list_architectures"]

ARCHITECTURES: dict[str, Architecture] = {
    "softmax": softmax.ARCHITECTURE,
    "mlp_sigmoid": mlp_sigmoid.ARCHITECTURE,
    "mlp_relu": mlp_relu.ARCHITECTURE,
    "cnn2": cnn2.ARCHITECTURE,
    "cnn4": cnn4.ARCHITECTURE,
    "fastnet": fastnet.ARCHITECTURE,
    "lenet5": lenet5.ARCHITECTURE,
    "alexnet": alexnet.ARCHITECTURE,
    "zfnet": zfnet.ARCHITECTURE,
    "vgg16": vgg16.ARCHITECTURE,
    "googlenet": googlenet.ARCHITECTURE,
    "resnet20": resnet20.ARCHITECTURE,
    "efficientnet_lite0": efficientnet_lite0.ARCHITECTURE,
    **applications.ARCHITECTURES,
}

# The name that is recorded for a network of the caller.
CUSTOM = "custom"

# The settings of each recipe that `list_architectures` shows.
LISTED = ("epochs", "batch_size", "optimizer", "learning_rate", "schedule", "weight_decay")


@known_arguments_only
def list_architectures() -> pandas.DataFrame:
    """List the architectures that `train` and `build_model` know by name.

    Returns:
        One row per architecture: `architecture`, `summary`, `origin`; its recipe's `epochs`,
        `batch_size`, `optimizer`, `learning_rate`, `schedule` and `weight_decay`; `image_size`, the
        height and width in pixels of the images that it was made for; `parameters` and
        `multiply_adds` of a prediction, both for 10 classes and images of this size; and `weights`,
        with which `train` can begin, `weights_origin` and `weights_licence`, which are None where
        there are none.

    Examples:
        >>> import pycifar
        >>> pycifar.list_architectures().architecture.tolist()[:4]
        ['softmax', 'mlp_sigmoid', 'mlp_relu', 'cnn2']
    """
    import pandas

    rows = [
        {
            "architecture": name,
            "summary": architecture.summary,
            "origin": architecture.origin,
            **{setting: getattr(architecture.settings, setting) for setting in LISTED},
            "image_size": architecture.image_size,
            "parameters": architecture.parameters,
            "multiply_adds": architecture.multiply_adds,
            **_listed_weights(architecture),
        }
        for name, architecture in ARCHITECTURES.items()
    ]
    columns = {column: [row[column] for row in rows] for column in rows[0]}
    return pandas.DataFrame(
        {  # a column of text would have NaN in place of None
            column: pandas.Series(values, dtype=object if None in values else None)
            for column, values in columns.items()
        }
    )


def _listed_weights(architecture: Architecture) -> dict[str, str | None]:
    """Return the names, the origins and the licences of pretrained weights, as a table has them."""
    columns = dict.fromkeys(("weights", "weights_origin", "weights_licence"))
    if architecture.pretrained:
        known = architecture.pretrained.values()
        columns["weights"] = ", ".join(architecture.pretrained)
        columns["weights_origin"] = "; ".join(one.origin for one in known)
        columns["weights_licence"] = ", ".join(dict.fromkeys(one.licence for one in known))
    return columns


@known_arguments_only
def build_model(  # noqa: PLR0913 - the settings of a network
    architecture: str
    | Callable[..., keras.Model]
    | keras.Model
    | NumpyModel = DEFAULT_ARCHITECTURE,
    input_shape: tuple[int, int, int] = (32, 32, 3),
    n_classes: int = 10,
    seed: int | None = None,
    hidden: Sequence[int] | None = None,
    activation: str | None = None,
    l2: float | None = None,
    precision: str = "auto",
    weights: str | Path | None = None,
) -> keras.Model | NumpyModel:
    """Build a model, untrained or with weights from an earlier training.

    Args:
        architecture: a name from `list_architectures`; or a function that takes `input_shape` and
            `n_classes` and returns a Keras model; or a model, which is checked and returned as it
            is. A model for images of any size, such as of `keras.Input((None, None, 3))`, is copied
            for `input_shape`; one with a dict of one input or output is returned without the dict.
        input_shape: (height, width, 3) of the images, in pixels.
        n_classes: the number of classes, at least 2.
        seed: fixes the initial weights, 0 to 2³¹ - 1; None draws one. The states of the global
            generators of Python and NumPy do not change.
        hidden: the number of units in each hidden layer, each at least 1. `hidden`, `activation`
            and `l2` are only for the NumPy networks, "mlp_sigmoid" and "mlp_relu". None keeps the
            default of the network.
        activation: the activation of the hidden layers, "sigmoid" or "relu".
        l2: at least 0. The loss also has `l2` times the sum of the squares of all weights, biases
            excluded.
        precision: the type of number to compute with: "float32", "bfloat16" or "auto". "bfloat16"
            needs a machine with native bfloat16. "auto" is bfloat16 for "cnn2", "cnn4", "fastnet"
            and "resnet50_v2" on such a machine, and else float32. A function builds in the policy
            that is set in Keras. A NumPy network computes in float32. A model that is passed in
            keeps its precision.
        weights: "imagenet" or "cifar10", for the architectures that `list_architectures` has such
            weights of: those of CIFAR-10 are part of pycifar, those of ImageNet for
            "efficientnet_lite0" are in a Python package, and the others are downloaded once to
            where Keras keeps them. Or the path of a file with weights of this architecture: a
            ``.keras`` file of pycifar or of Keras, a ``.weights.h5`` file, or an ``.h5`` file of
            older versions of Keras. It is read as safely as by `load_model`. A value with a
            separator of folders or such an ending is a path. The last layer is new, unless the
            weights have one for as many classes. Batch normalisation keeps its statistics, its
            scale and its offset in a training. None draws all weights.

    Returns:
        A Keras model, or a `pycifar.scratch.NumpyModel`. It takes raw uint8 pixels, shape
        (n, height, width, 3), and returns class probabilities, shape (n, `n_classes`).

    Raises:
        ArgumentError: an argument is not as above, or the model does not fit the shapes.
        WeightsError: the weights are not on this machine, or are others than they should be.
        DownloadError: the weights cannot be downloaded.
        OutputError: what was downloaded cannot be written.

    Examples:
        >>> import pycifar
        >>> pycifar.build_model("cnn2").count_params()
        4210090
        >>> pycifar.build_model("mlp_relu", hidden=[128], activation="sigmoid").count_params()
        394634
    """
    n_classes = check_count("n_classes", n_classes, minimum=2, maximum=MOST_CLASSES)
    shape = _check_input_shape(input_shape)
    seed = check_seed(seed)
    options = {"hidden": hidden, "activation": activation, "l2": l2}
    given = {name: value for name, value in options.items() if value is not None}
    raw = build_raw(architecture, shape, n_classes, seed, given, precision)
    if weights is not None:
        begin_with(raw, architecture, weights)
    return raw if isinstance(architecture, str) else with_probabilities(raw, shape, n_classes)


def build_raw(
    architecture: Any,
    shape: tuple[int, int, int],
    n_classes: int,
    seed: int,
    options: Mapping[str, Any],
    precision: str,
) -> Any:
    """Return the network of a name, what a function returns, or the network that is given.

    Args:
        architecture: see `build_model`, as the others but for `options`.
        shape: that of the images.
        n_classes: the number of classes.
        seed: fixes the initial weights.
        options: `hidden`, `activation` and `l2`, as far as they are given.
        precision: a name.
    """
    from pycifar.backend import seeded
    from pycifar.learners import is_network

    _, recipe = recipe_for(architecture)
    settled = resolve_precision(precision, recipe.precision)
    # A function of the caller builds in the policy of the session, unless it is told otherwise.
    of_session = precision == "auto" and callable(architecture)
    computing = nullcontext() if of_session else computing_in(settled)
    with seeded(seed), computing, lack_of_memory_named("a network of this size"):
        if is_network(architecture):
            _check_options("a model", options, ())
            model = architecture
        elif callable(architecture):
            _check_options("a function", options, ())
            model = _check_is_network(architecture(shape, n_classes))
        else:
            architecture = str(architecture)
            _check_options(f'"{architecture}"', options, ARCHITECTURES[architecture].options)
            model = ARCHITECTURES[architecture].build(shape, n_classes, **options)
        model = _check_layers(model, shape)
    if precision not in ("auto", precision_of(model)):
        raise ArgumentError(
            f'`precision` must be "auto" or "{precision_of(model)}" for this network, which '
            f"computes in nothing else, not {describe(precision)}."
        )
    return model


def begin_with(network: Any, architecture: Any, weights: Any) -> None:
    """Set the weights of a new network to those of an earlier training.

    Batch normalisation then keeps its statistics, its scale and its offset, in a training as well:
    batches of a few photographs would only make them worse.

    Args:
        network: the network, as `build_raw` returns it.
        architecture: see `build_model`.
        weights: see `build_model`.

    Raises:
        ArgumentError: there are no such weights for the network.
        WeightsError: they are not on this machine, or are others than they should be.
        DownloadError: they cannot be downloaded.
        OutputError: what was downloaded cannot be written.
    """
    if not isinstance(architecture, str):
        raise ArgumentError(
            "`weights` must be left out for a network of your own, which brings its weights; "
            f"{describe(weights)} was given."
        )
    known = ARCHITECTURES[architecture].pretrained
    if isinstance(weights, str) and weights in known:
        known[weights].set_weights(network)
    elif is_path_of_weights(weights):
        set_weights_from(network, check_path("weights", weights))
    else:
        names = listing([f'"{name}"' for name in known]) if known else "left out"
        nearest = nearest_name(weights, known) if isinstance(weights, str) else None
        having = [name for name, own in ARCHITECTURES.items() if weights in own.pretrained]
        fix = f'Did you mean "{nearest}"?' if nearest else None
        raise UnknownNameError(
            f'`weights` must be {names} or the path of a file for "{architecture}", which ends in '
            f"{' or '.join(ENDINGS)}, not {describe(weights)}.",
            fix=f"There are such weights for {listing(having)}." if having else fix,
        )
    keep_statistics(network)


def keep_statistics(network: Any) -> None:
    """Let batch normalisation keep its statistics, its scale and its offset in a training."""
    from pycifar.backend import keras

    for layer in layers_of(network):
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False


def is_path_of_weights(weights: Any) -> bool:
    """Return whether `weights` is a path, with a separator or the ending of a file, and no name."""
    if isinstance(weights, os.PathLike):
        return True
    return isinstance(weights, str) and (
        "/" in weights or os.sep in weights or weights.lower().endswith(ENDINGS)
    )


def recipe_for(architecture: Any) -> tuple[str, Settings]:
    """Return the name to record for the argument `architecture`, and the recipe for it."""
    from pycifar.learners import is_network

    if callable(architecture):  # a function, or a Keras model, which is callable too
        return CUSTOM, DEFAULTS
    if not isinstance(architecture, str) and is_network(architecture):
        name = architecture.name if architecture.name in ARCHITECTURES else CUSTOM
    else:
        name = check_choice("architecture", architecture, ARCHITECTURES)
    return name, recipe_by_name(name)


def recipe_by_name(name: str) -> Settings:
    """Return the recipe of an architecture by its recorded name; the defaults for other names."""
    return ARCHITECTURES[name].settings if name in ARCHITECTURES else DEFAULTS


def _check_input_shape(shape: Any) -> tuple[int, int, int]:
    several = isinstance(shape, (tuple, list))
    if not several or len(shape) != 3 or shape[2] != 3:
        received = f"({listing(list(map(str, shape)))})" if several else describe(shape)
        raise ArgumentError(f"`input_shape` must be (height, width, 3), not {received}.")
    height, width = (check_count("input_shape", side, 1, LONGEST_SIDE) for side in shape[:2])
    return height, width, 3


def _check_options(what: str, given: Mapping[str, Any], allowed: tuple[str, ...]) -> None:
    for name in given:
        if name not in allowed:
            takers = [f'"{key}"' for key, value in ARCHITECTURES.items() if name in value.options]
            raise ArgumentError(
                f"`{name}` must be left out for {what}; it is for {' and '.join(takers)}."
            )


def _check_is_network(model: Any) -> Any:
    from pycifar.learners import is_network

    if not is_network(model):
        raise ArgumentError(
            "`architecture` must be a name, a Keras model, or a function(input_shape, n_classes) "
            f"that returns one; what came is {describe(model)}."
        )
    return model


def _check_layers(model: Any, shape: tuple[int, int, int]) -> Any:
    """Return the network, with its weights; raise an ArgumentError if its layers are hidden."""
    from pycifar.backend import keras

    if isinstance(model, keras.Model) and not isinstance(model, keras.Sequential):
        if graph_of(model) is None:
            raise ArgumentError(
                "`architecture` must be a Sequential or a functional Keras model; "
                f"{type(model).__name__} is a class of its own, whose layers nobody sees.",
                fix="Make a functional one of it: keras.Model(inputs, outputs).",
            )
    elif isinstance(model, keras.Sequential) and not model.built:
        model.build((None, *shape))
    return _as_plain(model, shape) if isinstance(model, keras.Model) else model


def _as_plain(model: keras.Model, shape: tuple[int, int, int]) -> keras.Model:
    """Return a model that takes one tensor and gives one, for images of one size.

    A model with dicts or lists of one is connected anew. One for images of any size is copied.

    Raises:
        ArgumentError: it takes or gives several things.
    """
    from pycifar.backend import keras
    from pycifar.learners.keras_learner import KerasLearner

    for what, tensors in (("take one image", model.inputs), ("give one output", model.outputs)):
        if len(tensors) != 1:
            shapes = ", ".join(str(tuple(tensor.shape[1:])) for tensor in tensors)
            raise ArgumentError(
                f"The model must {what}; it has {len(tensors)}, of the shapes {shapes}.",
                fix="Make a model of the one that counts: keras.Model(inputs, output).",
            )
    graph = graph_of(model)
    if not all(keras.utils.is_keras_tensor(given) for given in (graph.input, graph.output)):
        policy = model.dtype_policy
        model = keras.Model(model.inputs[0], model.outputs[0], name=model.name)
        model.dtype_policy = policy
    sides = model.inputs[0].shape[1:]
    if None in sides and all(side in (None, own) for side, own in zip(sides, shape, strict=True)):
        return KerasLearner(model).copy(shape)
    return model
