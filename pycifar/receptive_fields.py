"""Receptive fields: how much of the image one unit of a layer sees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pycifar.architectures import ARCHITECTURES, build_model
from pycifar.arguments import check_choice, describe
from pycifar.errors import ArgumentError
from pycifar.foreign_names import known_arguments_only
from pycifar.layer_calls import Call, calls_of, graph_of
from pycifar.learners import is_network, learner_for
from pycifar.models.trained_model import TrainedModel

if TYPE_CHECKING:
    import keras
    import pandas


@dataclass(frozen=True)
class View:
    """The receptive field of one unit.

    Args:
        field: the side of the receptive field, in pixels; None if it is the whole image.
        jump: the distance between the receptive fields of two neighbouring units, in pixels.
    """

    field: int | None
    jump: int


START = View(1, 1)  # the image, of which a unit is one pixel


@known_arguments_only
def receptive_field(model: TrainedModel | keras.Model | str) -> pandas.DataFrame:
    """Compute the receptive field of each layer, from the sizes of the layers' windows.

    Where branches meet, the largest field counts. The field is what a unit could see: parts that
    lie outside of the image are included. A layer that is used twice has the field of its last use.

    Args:
        model: a trained model, a Keras model, or the name of an architecture.

    Returns:
        One row per layer: `layer`, `type`, `output_shape` (without the batch), `window` and
        `stride` (in units of the layer before; 1 for layers without a window), `receptive_field`
        (its side in pixels; the longer side of the image if a unit sees the whole image) and `jump`
        (in pixels; 0 if a unit sees the whole image). The layers inside of a nested network come
        before it, with its name and a slash before their own: "resnet50/conv1_conv".

    Raises:
        ArgumentError: `model` is not as above, or takes images of any size.

    Source:
        Araujo, Norris and Sim 2019, "Computing Receptive Fields of Convolutional Neural Networks",
        Distill.

    Examples:
        >>> import pycifar
        >>> table = pycifar.receptive_field("cnn2").set_index("layer")
        >>> table.loc[["conv1_1", "conv1_2", "pool1"], "receptive_field"].tolist()
        [3, 5, 6]
    """
    import pandas

    network = as_keras(model)
    if None in network.input_shape[1:3]:
        raise ArgumentError(
            "`model` must take images of one size; this one takes images of any size, "
            "so that what the whole image is depends on the image."
        )
    rows = {
        layer.name: _row(layer, layer.name, layer.output.shape, START, 0)
        for layer in network.layers
        if type(layer).__name__ == "InputLayer"
    }
    views = {id(tensor): START for tensor in network.inputs}
    calls = calls_of(network)  # keeps the tensors, whose identity counts
    for call in calls:
        view = _view(call, views)
        views |= {id(tensor): view for tensor in call.outputs}
        if hasattr(call.operation, "weights"):  # a layer or a network, no operation between layers
            shape = call.outputs[0].shape
            whole = max(network.input_shape[1:3])
            rows[call.path] = _row(call.operation, call.path, shape, view, whole)
    places = {layer.name: place for place, layer in enumerate(network.layers)}
    in_order = sorted(rows, key=lambda path: places[path.partition("/")[0]])
    return pandas.DataFrame([rows[path] for path in in_order])


def as_keras(model: Any) -> keras.Model:
    """Return the Keras model of a trained model, a network, or an architecture by name."""
    if isinstance(model, TrainedModel):
        return model.keras_model
    if isinstance(model, str):
        model = build_model(check_choice("model", model, ARCHITECTURES), seed=1)
    if is_network(model):
        return learner_for(model).as_keras()
    raise ArgumentError(
        "`model` must be a trained model, a Keras model or the name of an architecture, "
        f"not {describe(model)}."
    )


def _row(layer: Any, path: str, shape: tuple[int, ...], view: View, whole: int) -> dict[str, Any]:
    """Return a row of the table; `whole` is the longer side of the image."""
    window, stride = _window(layer)
    return {
        "layer": path,
        "type": type(layer).__name__,
        "output_shape": "×".join(str(side) for side in shape[1:]),
        "window": window,
        "stride": stride,
        "receptive_field": whole if view.field is None else view.field,
        "jump": view.jump,
    }


def _view(call: Call, views: Mapping[int, View]) -> View:
    """Return the receptive field of the units of a call, from those of the tensors it takes.

    Args:
        call: the call.
        views: the receptive fields by the identity of a tensor. Those of the outputs of a nested
            network are among them, as its layers come before it.
    """
    from pycifar.backend import keras

    if graph_of(call.operation) is not None:
        return views[id(call.outputs[0])]
    layers = keras.layers
    flat = (layers.Dense, layers.GlobalAveragePooling2D, layers.GlobalMaxPooling2D)
    before = [views[id(tensor)] for tensor in call.inputs if id(tensor) in views] or [START]
    has_no_places = len(call.outputs[0].shape) != 4 or isinstance(call.operation, flat)
    if has_no_places or any(view.field is None for view in before):
        return View(None, 0)
    window, stride = _window(call.operation)
    jump = max(view.jump for view in before)
    field = max(view.field or 0 for view in before)
    return View(field + (window - 1) * jump, jump * stride)


def _window(layer: Any) -> tuple[int, int]:
    """Return the longer side of a layer's window, with its dilation, and the larger stride."""
    size = getattr(layer, "kernel_size", None) or getattr(layer, "pool_size", None)
    if size is None:
        return 1, 1
    dilation = getattr(layer, "dilation_rate", (1, 1))
    return (max(size) - 1) * max(dilation) + 1, max(layer.strides)
