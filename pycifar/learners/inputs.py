"""The beginning of a network: how images as they come become what it takes."""

from __future__ import annotations

from typing import Any

from pycifar.backend import keras, seeded
from pycifar.errors import ArgumentError
from pycifar.learners.copies import freeze_layers, frozen_layers, own_parts_known
from pycifar.pixels import OWN_SCALING, pixels_and_scaling

# The pixels as they are, 0 to 255: a scale and an offset.
RAW = (1.0, 0.0)


def cuts_fractions(network: Any) -> bool:
    """Return whether a network takes whole numbers, to which Keras cuts images divided by 255."""
    return isinstance(network, keras.Model) and "int" in str(network.inputs[0].dtype)


def to_train_with_pixels(network: keras.Model, shape: tuple[int, int, int]) -> keras.Model | None:
    """Return a copy of a network by `with_pixels` that learns the same; None if there is none.

    Keras cannot copy each network, and builds layers anew from their settings, which those of a
    layer that was changed after it was built may differ from.
    """
    try:
        copy = with_pixels(network, shape)
    except ArgumentError:
        return None
    ours, theirs = (
        [(v.shape, v.trainable, type(v.regularizer)) for v in one.variables]
        for one in (copy, network)
    )
    return copy if ours == theirs else None


def with_pixels(
    network: keras.Model,
    shape: tuple[int, int, int],
    scaling: tuple[float, float] | None = None,
) -> keras.Model:
    """Return a copy of a network, with its weights, that takes pixels from 0 to 255.

    Where pixels are scaled, or the network takes whole numbers, the copy begins as the networks of
    pycifar do, which multiply an image that was divided by 255 by it again.

    Args:
        network: a Sequential or functional model, with one input and one output.
        shape: that of the images.
        scaling: the factor and the offset that make of pixels what the network takes; None for
            pixels as they are.

    Raises:
        ArgumentError: Keras cannot copy it.
    """
    kind, front = str(network.inputs[0].dtype), []
    try:
        with own_parts_known(network), seeded(0):  # the copy gets the states of generators as well
            if scaling not in (None, RAW):
                start, first = pixels_and_scaling(shape, *scaling, name=OWN_SCALING)
                front = [first]
            elif cuts_fractions(network):
                start, first = pixels_and_scaling(shape, dtype=kind, name=OWN_SCALING)
                front = [first]
            else:
                start = keras.Input(shape, dtype=kind)
            copy = _copied(network, start, front)
            copy.trainable = network.trainable
            for layer in [layer for layer in network.layers if layer.variables]:
                new = copy.get_layer(layer.name)
                for variable, value in zip(new.variables, layer.variables, strict=True):
                    variable.assign(value.numpy())
                freeze_layers(new, frozen_layers(layer))
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        raise ArgumentError(f"This model cannot be copied: {reason}") from error
    copy.dtype_policy = network.dtype_policy
    return copy


def _copied(network: keras.Model, start: Any, front: list[Any]) -> keras.Model:
    """Return a network of new layers on an input, with other layers in front of them."""
    if isinstance(network, keras.Sequential):
        layers = [type(layer).from_config(layer.get_config()) for layer in network.layers]
        return keras.Sequential([start, *front, *layers], name=network.name)
    values = start
    for layer in front:
        values = layer(values)

    def call(layer: Any, *arguments: Any, **named: Any) -> Any:
        def swap(value: Any) -> Any:
            return values if value is start else value

        arguments, named = keras.tree.map_structure(swap, (arguments, named))
        return layer(*arguments, **named)

    starts = keras.tree.map_structure(lambda _: start, network.input)
    copy = keras.models.clone_model(network, input_tensors=starts, call_function=call)
    return keras.Model(start, copy.outputs[0], name=network.name)
