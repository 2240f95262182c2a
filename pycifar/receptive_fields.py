"""Receptive fields: how much of the image one unit of a layer sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pycifar.architectures import ARCHITECTURES, build_model
from pycifar.arguments import check_choice, describe
from pycifar.errors import ArgumentError
from pycifar.foreign_names import known_arguments_only
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


@known_arguments_only
def receptive_field(model: TrainedModel | keras.Model | str) -> pandas.DataFrame:
    """Compute the receptive field of each layer, from the sizes of the layers' windows.

    Where branches meet, the largest field counts. The field is what a unit could see: parts that
    lie outside of the image are included.

    Args:
        model: a trained model, a Keras model, or the name of an architecture.

    Returns:
        One row per layer: `layer`, `type`, `output_shape` (without the batch), `window` and
        `stride` (in units of the layer before; 1 for layers without a window), `receptive_field`
        (its side in pixels; the longer side of the image if a unit sees the whole image) and `jump`
        (in pixels; 0 if a unit sees the whole image).

    Raises:
        ArgumentError: `model` is not as above.

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
    whole = max(network.input_shape[1:3])
    views: dict[str, View] = {}
    rows = []
    for layer in network.layers:
        window, stride = _window(layer)
        view = _view(layer, views, window, stride)
        views[layer.name] = view
        sees_all = view.field is None
        rows.append(
            {
                "layer": layer.name,
                "type": type(layer).__name__,
                "output_shape": "×".join(str(side) for side in layer.output.shape[1:]),
                "window": window,
                "stride": stride,
                "receptive_field": whole if view.field is None else view.field,
                "jump": 0 if sees_all else view.jump,
            }
        )
    return pandas.DataFrame(rows)


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


def _view(layer: Any, views: dict[str, View], window: int, stride: int) -> View:
    """Return the receptive field of a layer's units, from those of the layers before it."""
    from pycifar.backend import keras

    layers = keras.layers
    pools = (layers.GlobalAveragePooling2D, layers.GlobalMaxPooling2D)
    flat = (layers.Dense, layers.Flatten, *pools)
    # Where no layer is before it, its input is the image, of which a unit is one pixel.
    before = [views[name] for name in _names_before(layer, views)] or [View(1, 1)]
    if isinstance(layer, flat) or any(view.field is None for view in before):
        return View(None, 0)
    jump = max(view.jump for view in before)
    field = max(view.field or 0 for view in before)
    return View(field + (window - 1) * jump, jump * stride)


def _names_before(layer: Any, known: dict[str, View]) -> list[str]:
    """Return the names of the layers whose output is the input of this one.

    Operations between layers are passed over, because they change no size.
    """
    names, todo = [], list(layer._inbound_nodes[:1])
    while todo:
        for tensor in todo.pop().input_tensors:
            operation = tensor._keras_history.operation
            if operation.name in known:
                names.append(operation.name)
            else:
                todo += operation._inbound_nodes[:1]
    return names


def _window(layer: Any) -> tuple[int, int]:
    """Return the longer side of a layer's window, with its dilation, and the larger stride."""
    size = getattr(layer, "kernel_size", None) or getattr(layer, "pool_size", None)
    if size is None:
        return 1, 1
    dilation = getattr(layer, "dilation_rate", (1, 1))
    return (max(size) - 1) * max(dilation) + 1, max(layer.strides)
