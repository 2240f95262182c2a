"""What a network sees: its filters, its feature maps, and where it looks (Grad-CAM)."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pycifar.arguments import check_choice, describe
from pycifar.content import ByContent
from pycifar.errors import ArgumentError, ImageError, printable
from pycifar.evaluation import check_model, predict
from pycifar.foreign_names import known_arguments_only
from pycifar.given_images import as_images, is_one_image
from pycifar.layer_calls import calls_of, graph_of, layers_of
from pycifar.learners.undo import set_until_closed
from pycifar.models.trained_model import TrainedModel
from pycifar.table import as_html

if TYPE_CHECKING:
    import keras

SMALLEST = 1e-30  # lower bound of a probability before its logarithm is taken
MOST_LAYERS = 12  # whose maps are returned unless they are named


@dataclass(frozen=True, eq=False)
class Explanation(ByContent):
    """Where a network looked to recognise a class.

    Args:
        image: the image, uint8, shape (height, width, 3).
        heatmap: how much each pixel speaks for the class, float32, shape (height, width), from 0 to
            1 for the most important pixel.
        class_name: the class that is explained.
        probability: the probability that the network gave to the class, 0-1.
        layer: the layer whose feature maps were used.

    Examples:
        >>> import pycifar
        >>> dataset = pycifar.load_dataset("synthetic", n_train=200, n_test=100)
        >>> model = pycifar.train(dataset, epochs=1, seed=1, verbose=0)
        >>> pycifar.explain(model, dataset.split("test").images[0], "dots").class_name
        'dots'
    """

    image: np.ndarray
    heatmap: np.ndarray
    class_name: str
    probability: float
    layer: str

    def __repr__(self) -> str:
        name, layer = printable(self.class_name), printable(self.layer)
        return f"<Explanation of {name} ({self.probability:.4f}) by {layer}>"

    def _repr_html_(self) -> str:
        import pandas

        shown = {"class": self.class_name, "probability": self.probability, "layer": self.layer}
        return as_html(pandas.DataFrame([shown]))


@known_arguments_only
def explain(
    model: TrainedModel, image: Any, class_name: str | None = None, layer: str | None = None
) -> Explanation:
    """Explain where a network looks to recognise a class, with Grad-CAM.

    The feature maps of a layer are summed up with weights. The weight of a map is the mean gradient
    of the class's score with respect to it. Negative sums, which speak against the class, are set
    to 0.

    Args:
        model: a trained model, as returned by `train` or `load_model`, with a layer whose output
            has height and width.
        image: one image of any size, as an array, a path or a Pillow image; see `predict`.
        class_name: the class to explain; None means the predicted one.
        layer: the layer whose feature maps are used; None means the last one whose output has
            height and width.

    Returns:
        An `Explanation`. Its heat map is 0 everywhere if nothing speaks for the class.

    Raises:
        ArgumentError: `model`, `class_name` or `layer` is not as above, or the model returns NaN.
        ImageError: the image is not as above, or there is more than one.

    Source:
        Selvaraju et al. 2017, "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based
        Localization".

    Examples:
        >>> import pycifar
        >>> dataset = pycifar.load_dataset("synthetic", n_train=200, n_test=100)
        >>> model = pycifar.train(dataset, epochs=1, seed=1, verbose=0)
        >>> pycifar.explain(model, dataset.split("test").images[0]).heatmap.shape
        (32, 32)
    """
    from pycifar.backend import gradient, keras

    network, pixels = _spatial_network(model), one_image(model, image)
    layers = _spatial_layers(network)
    inner = [name for name, layer in layers.items() if graph_of(layer) is None]
    chosen = inner[-1] if layer is None else check_choice("layer", layer, list(layers))
    (probabilities,) = predict(model, pixels, "prob")
    number = int(probabilities.argmax())
    if class_name is not None:
        number = model.class_names.index(check_choice("class_name", class_name, model.class_names))
    found = _outputs(network, pixels, {chosen: layers[chosen]})[chosen]

    def score(maps: Any) -> Any:
        # Grad-CAM takes the gradient of the score before the softmax, but the networks return
        # probabilities. Their logarithms minus the mean logarithm are the scores minus their mean.
        with _replaced(layers[chosen], len(found), maps):
            outputs = network(keras.ops.convert_to_tensor(pixels), training=False)
        logs = keras.ops.log(keras.ops.maximum(outputs[0], SMALLEST))
        return logs[number] - keras.ops.mean(logs)

    slopes = keras.ops.convert_to_numpy(gradient(score, found[-1])[1])[0]
    weighed = keras.ops.convert_to_numpy(found[-1])[0] @ slopes.mean(axis=(0, 1))
    return Explanation(
        image=pixels[0],
        heatmap=_heatmap(weighed, pixels.shape[1:3]),
        class_name=model.class_names[number],
        probability=float(probabilities[number]),
        layer=chosen,
    )


def feature_maps(
    model: TrainedModel, image: Any, layers: str | Sequence[str] | None = None
) -> dict[str, np.ndarray]:
    """Return the feature maps that the layers of a network compute from an image.

    Args:
        model: a trained model, as returned by `train` or `load_model`.
        image: one image of any size, as an array, a path or a Pillow image; see `predict`.
        layers: the names of one or several layers whose output has height and width; None means
            each convolution and pooling layer; of more than 12, the first, the last and others at
            even distances between.

    Returns:
        A dict from the name of each layer to its maps, float32 of shape (height, width, maps).

    Raises:
        ArgumentError: `model` or `layers` is not as above.
        ImageError: the image is not as above, or there is more than one.

    Examples:
        >>> import pycifar
        >>> dataset = pycifar.load_dataset("synthetic", n_train=200, n_test=100)
        >>> model = pycifar.train(dataset, epochs=1, seed=1, verbose=0)
        >>> from pycifar.explanation import feature_maps
        >>> maps = feature_maps(model, dataset.split("test").images[0])
        >>> {name: values.shape for name, values in maps.items()}
        {'conv1_1': (32, 32, 32), 'conv1_2': (32, 32, 32), 'pool1': (16, 16, 32)}
    """
    from pycifar.backend import keras

    network, pixels = _spatial_network(model), one_image(model, image)
    allowed = _spatial_layers(network)
    if layers is None:
        windows = (
            *(keras.layers.Conv2D, keras.layers.DepthwiseConv2D, keras.layers.SeparableConv2D),
            *(keras.layers.MaxPooling2D, keras.layers.AveragePooling2D),
        )
        names = [name for name, layer in allowed.items() if isinstance(layer, windows)]
        if len(names) > MOST_LAYERS:
            chosen = np.linspace(0, len(names) - 1, MOST_LAYERS).round().astype(int)
            names = [names[place] for place in chosen]
    else:
        given = [layers] if isinstance(layers, str) else list(layers)
        names = [check_choice("layers", name, list(allowed)) for name in given]
    if not names:
        raise ArgumentError(f"`layers` must name at least one layer, not {describe(layers)}.")
    found = _outputs(network, pixels, {name: allowed[name] for name in names})
    # Matplotlib draws with NumPy's masked arrays, which may not support bfloat16.
    return {
        name: keras.ops.convert_to_numpy(maps[-1]).astype(np.float32)[0]
        for name, maps in found.items()
    }


def filters(model: TrainedModel) -> np.ndarray:
    """Return the filters of the first convolution or dense layer, as small images.

    If that is a dense layer, the filters are its weights, each as large as the image.

    Args:
        model: a trained model, as returned by `train` or `load_model`.

    Returns:
        float32 of shape (filters, height, width, 3).

    Raises:
        ArgumentError: `model` is not as above, or the layer does not take three colours.

    Examples:
        >>> import pycifar
        >>> dataset = pycifar.load_dataset("synthetic", n_train=200, n_test=100)
        >>> model = pycifar.train(dataset, epochs=1, seed=1, verbose=0)
        >>> from pycifar.explanation import filters
        >>> filters(model).shape
        (32, 3, 3, 3)
    """
    from pycifar.backend import keras

    check_model(model)
    every = list(layers_of(model.keras_model))
    layers = [x for x in every if isinstance(x, (keras.layers.Conv2D, keras.layers.Dense))]
    kernel: np.ndarray = np.empty(0)
    if layers:
        kernel = keras.ops.convert_to_numpy(layers[0].kernel)
    height, width, _ = model.image_shape
    if kernel.ndim == 4 and kernel.shape[2] == 3:
        return kernel.transpose(3, 0, 1, 2)
    if kernel.ndim == 2 and kernel.shape[0] == height * width * 3:
        # A Permute layer moves the colours before height and width.
        if any(isinstance(layer, keras.layers.Permute) for layer in every):
            return kernel.T.reshape(-1, 3, height, width).transpose(0, 2, 3, 1)
        return kernel.T.reshape(-1, height, width, 3)
    raise ArgumentError(
        f"The first layer of {model.config.architecture} does not see the three colours of the "
        "pixels, so its weights are no pictures."
    )


def one_image(model: TrainedModel, image: Any) -> np.ndarray:
    """Return an image as a batch of one, uint8 of shape (1, height, width, 3)."""
    if not (is_one_image(image) or hasattr(image, "shape")):
        raise ImageError(
            "`image` must be one image, an array, a path or a picture of Pillow, not "
            f"{describe(image)}."
        )
    pixels = np.ascontiguousarray(as_images(model, image))
    if len(pixels) != 1:
        raise ImageError(f"`image` must be one image, not {len(pixels)}.")
    return pixels


def _spatial_network(model: Any) -> keras.Model:
    check_model(model)
    network = model.keras_model
    if len(_spatial_layers(network)) == 0:
        raise ArgumentError(
            f"{model.config.architecture} has no layer whose output has height and width, so "
            "there are no maps to look at."
        )
    return network


def _spatial_layers(network: keras.Model) -> dict[str, keras.Layer]:
    """Return the layers whose output has height and width, by name, as `calls_of` names them.

    Layers that only rescale, crop or reorder the input are left out, and networks of these alone.
    """
    from pycifar.backend import keras

    layers = keras.layers
    plain = (layers.Rescaling, layers.Normalization, layers.Permute, layers.Cropping2D)
    found: dict[str, keras.Layer] = {}
    for call in calls_of(network):  # a nested network follows what is inside
        looks = call.is_layer and not isinstance(call.operation, plain)
        looks = looks or any(name.startswith(f"{call.path}/") for name in found)
        if looks and len(call.outputs[0].shape) == 4:
            found[call.path] = call.operation
    return found


def _outputs(
    network: keras.Model, pixels: np.ndarray, layers: Mapping[str, keras.Layer]
) -> dict[str, list[Any]]:
    """Return what layers return on images, by name; one value for each use of a layer."""
    from pycifar.backend import keras

    found: dict[str, list[Any]] = {name: [] for name in layers}

    def noting(call: Callable[..., Any], name: str) -> Callable[..., Any]:
        def noted(*values: Any, **named: Any) -> Any:
            found[name].append(call(*values, **named))
            return found[name][-1]

        return noted

    with ExitStack() as changes:
        for name, layer in layers.items():
            set_until_closed(changes, layer, "call", noting(layer.call, name))
        # Keras warns of an array, but not of a tensor, where the input is a list of one.
        network(keras.ops.convert_to_tensor(pixels), training=False)
    return found


@contextmanager
def _replaced(layer: keras.Layer, use: int, maps: Any) -> Iterator[None]:
    """Let a layer return `maps` at this use of it, counted from 1."""
    call, uses = layer.call, itertools.count(1)

    def replaced(*values: Any, **named: Any) -> Any:
        return maps if next(uses) == use else call(*values, **named)

    with ExitStack() as changes:
        set_until_closed(changes, layer, "call", replaced)
        yield


def _heatmap(weighed: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return the positive part of a map, scaled to at most 1, in the size of the image."""
    from PIL import Image

    positive = np.maximum(weighed, 0).astype(np.float32)
    picture = Image.fromarray(positive).resize(size[::-1], Image.Resampling.BILINEAR)
    heatmap = np.asarray(picture, np.float32)
    highest = heatmap.max()
    return heatmap / highest if highest > 0 else heatmap
