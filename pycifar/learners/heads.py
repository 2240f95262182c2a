"""The end of a network: how logits, or one sigmoid unit, become class probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pycifar.arguments import describe
from pycifar.errors import ArgumentError
from pycifar.learners.descriptions import CROSSENTROPY, describe_loss, gives_logits
from pycifar.memory import lack_of_memory_named

if TYPE_CHECKING:
    import keras
    import numpy as np

    from pycifar.scratch import NumpyModel

ROUNDING = 0.05  # how far a sum of probabilities may be from 1; bfloat16 rounds coarsely

# The name of the layer that makes the probabilities of two classes from one logit.
TWO_CLASSES = "two_classes"


def with_probabilities(
    model: Any, shape: tuple[int, int, int], n_classes: int, loss: Any = None
) -> keras.Model | NumpyModel:
    """Return a network that gives class probabilities.

    A network that gives logits gets a softmax behind them. One sigmoid unit gives the probability
    of the second of two classes. Such a network is copied, and others are returned as they are.

    Args:
        model: the network.
        shape: that of the images that it must take.
        n_classes: the number of classes.
        loss: what it is trained with, see `train`; None is the cross-entropy. It may say that the
            network gives logits; the last activation says so, too.

    Raises:
        ArgumentError: it takes other images, or gives something else; or the loss would be computed
            from other values than those that the network gives.
    """
    from pycifar.backend import keras

    one_unit = n_classes == 2 and tuple(model.output_shape[1:]) == (1,)
    classes = one_unit or tuple(model.output_shape[1:]) == (n_classes,)
    if tuple(model.input_shape[1:]) != shape or not classes:
        raise ArgumentError(
            f"The model must take images of shape {shape} and give {n_classes} probabilities; "
            f"it takes {model.input_shape[1:]} and gives {model.output_shape[1:]}."
        )
    if not isinstance(model, keras.Model):
        return model
    logits = gives_logits(loss) or head_of(model) == "linear"
    if one_unit:
        if logits or head_of(model) == "sigmoid":
            _check_loss(model, loss)
            return with_two_classes(model)
        raise ArgumentError(
            "The model must end with a sigmoid or with a logit if it has one unit for two classes; "
            f"its last activation is {describe(head_of(model))}."
        )
    with lack_of_memory_named("a network of this size"):
        outputs = _outputs(model, shape)
    if outputs.min() >= 0 and abs(outputs.sum(axis=1) - 1).max() <= ROUNDING:
        return model
    if logits:
        _check_loss(model, loss)
        return with_softmax(model)
    raise ArgumentError(
        "The model must give probabilities, which add up to 1; for a white image it gives "
        f"{', '.join(f'{value:.3g}' for value in outputs[1][:4])}, ….",
        fix="Let its last layer have the activation softmax, or no activation.",
    )


def _check_loss(model: keras.Model, loss: Any) -> None:
    """Raise an ArgumentError unless probabilities in place of what a network gives suit its loss.

    The cross-entropy is that of the probabilities. Keras computes any other loss from what the
    network gives: from logits, only if it says so, by a softmax of several or a sigmoid of one.
    """
    described = CROSSENTROPY if loss is None else describe_loss(loss)
    one_unit = model.output_shape[-1] == 1
    if described == CROSSENTROPY or (one_unit and head_of(model) == "sigmoid"):
        return
    name = described if isinstance(described, str) else next(iter(described.values()))
    if gives_logits(loss) and name.startswith("Binary") == one_unit:
        return
    head, usual = ("sigmoid", "Binary") if one_unit else ("softmax", "Categorical")
    raise ArgumentError(
        f"The model must end with a {head} where its loss is {name}, which Keras computes from "
        f"what the model gives; its last activation is {describe(head_of(model))}.",
        fix=f"Let its last layer have the activation {head}, or use a loss that takes logits: "
        f"keras.losses.{usual}Crossentropy(from_logits=True).",
    )


def head_of(network: keras.Model) -> str | None:
    """Return the name of the activation that a network ends with; None if none can be seen."""
    layer = network.outputs[0]._keras_history.operation
    return getattr(getattr(layer, "activation", None), "__name__", None)


def with_softmax(network: keras.Model) -> keras.Model:
    """Return a copy of a network that gives logits; its copy gives probabilities."""
    from pycifar.backend import keras

    copy = _copy(network)
    softmax = keras.layers.Activation("softmax", dtype="float32", name="probabilities")
    return _ended(copy, softmax(copy.outputs[0]))


def with_two_classes(network: keras.Model) -> keras.Model:
    """Return a copy of a network with one unit; its copy gives the probabilities of two classes.

    The unit is a logit z, or the sigmoid of one, which is that of the second class. The copy gives
    the softmax of (0, z). That is the same, and Keras computes its loss from z.
    """
    from pycifar.backend import keras

    copy = _copy(network)
    if head_of(copy) == "sigmoid":
        copy.outputs[0]._keras_history.operation.activation = keras.activations.linear
    logit = keras.layers.Reshape((1, 1), dtype="float32")(copy.outputs[0])
    both = keras.layers.Flatten(dtype="float32")(keras.layers.ZeroPadding1D((1, 0))(logit))
    softmax = keras.layers.Activation("softmax", dtype="float32", name=TWO_CLASSES)
    return _ended(copy, softmax(both))


def has_two_class_head(network: Any) -> bool:
    """Return whether `with_two_classes` made a network."""
    return bool(network.layers) and network.layers[-1].name == TWO_CLASSES


def second_class(values: Any) -> Any:
    """Return the column of the second class, shape (n, 1), of labels or of probabilities.

    Its logits, if the probabilities have some, are those of the one unit.
    """
    column = values[:, 1:]
    logits = getattr(values, "_keras_logits", None)
    if logits is not None:
        column._keras_logits = logits[:, 1:] - logits[:, :1]
    return column


def _ended(network: keras.Model, outputs: Any) -> keras.Model:
    """Return a network with other outputs, of the same name and precision."""
    from pycifar.backend import keras

    ended = keras.Model(network.inputs, outputs, name=network.name)
    ended.dtype_policy = network.dtype_policy
    return ended


def _copy(network: keras.Model) -> keras.Model:
    from pycifar.learners import learner_for

    copy: keras.Model = learner_for(network).copy()
    return copy


def _outputs(model: keras.Model, shape: tuple[int, int, int]) -> np.ndarray:
    """Return the outputs of a model for a black and for a white image."""
    import numpy as np

    from pycifar.backend import keras

    two = np.stack([np.zeros(shape, np.uint8), np.full(shape, 255, np.uint8)])
    found = model(keras.ops.convert_to_tensor(two), training=False)
    outputs: np.ndarray = keras.ops.convert_to_numpy(found).astype(np.float64)
    return outputs
