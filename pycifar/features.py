"""What a network computes of images: a row of numbers for each, for other methods to go on with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np

from pycifar.arguments import check_choice, check_on_error, check_verbosity
from pycifar.backend import keras
from pycifar.console import counting
from pycifar.datasets.stored_images import Images, read_in_blocks
from pycifar.errors import ArgumentError
from pycifar.evaluation import batch_size_of, check_model, computed_on
from pycifar.feature_tensor import feature_tensor, head_layer
from pycifar.foreign_names import known_arguments_only
from pycifar.given_images import read_images
from pycifar.layer_calls import calls_of
from pycifar.learners.undo import set_until_closed
from pycifar.models.trained_model import TrainedModel


@known_arguments_only
def extract_features(
    model: TrainedModel,
    images: Any,
    layer: str | None = None,
    split: str | None = None,
    on_error: str = "stop",
    verbose: int = 1,
) -> np.ndarray:
    """Return what a layer of a network computes of images, as one row of numbers for each image.

    Images that look alike to the network have rows that are close to each other. The rows serve for
    what works on numbers: neighbours, clusters, maps, classifiers of other packages.

    Args:
        model: a trained model, as returned by `train`, `load_model` or `adopt_model`.
        images: the images, in each form that `predict` takes.
        layer: the name of the layer whose output is taken. Where the output has height and width,
            it is averaged over them, so that each channel is one number. A layer inside of a nested
            network has the name of that and a slash before its own, as in "resnet50/conv1_conv". Of
            a layer that is used several times, the last use counts. None means what enters the last
            layer with weights: the features from which the head of the network tells the classes.
        split: the split of a data set, see `evaluate`; None means "test". It must be None for
            other images.
        on_error: "stop" raises an error for an image that cannot be read; "skip" goes on with the
            others, and warns of it.
        verbose: 0 or False shows nothing; 1, 2 or True the progress on stderr, if it takes long.

    Returns:
        float32 of shape (n, features), in the order of the images, also from a network that
        computes in bfloat16. The row of an image that was skipped is NaN. Of no images, there is no
        row.

    Raises:
        ArgumentError: an argument is not as above; there is no such layer, or no layer with
            weights; or a feature is NaN or infinite.
        DataError: there is no such split.
        ImageError: the images are not as above, or many of them do not have the model's image size.
        DataNotFoundError: a file does not exist, or no image matches the wildcards.
        DataFormatError: a file is not an image.

    Examples:
        >>> import pycifar
        >>> dataset = pycifar.load_dataset("synthetic", n_train=200, n_test=100)
        >>> model = pycifar.train(dataset, epochs=1, seed=1, verbose=0)
        >>> pycifar.extract_features(model, dataset).shape
        (100, 512)
        >>> pycifar.extract_features(model, dataset, layer="pool1").shape
        (100, 32)
    """
    return features_and_names(model, images, layer, split, on_error, verbose)[0]


def features_and_names(
    model: TrainedModel, images: Any, layer: Any, split: Any, on_error: Any, verbose: Any
) -> tuple[np.ndarray, Sequence[str | None]]:
    """Return features as `extract_features` does, and the path of each image that is a file."""
    extractor = Extractor(model, layer)
    check_on_error(on_error)
    verbose = check_verbosity(verbose) > 0
    given = read_images(model, images, split, on_error, verbose)
    features = np.full((len(given.is_read), extractor.n), np.nan, np.float32)
    features[given.is_read] = extractor(given.pixels, verbose)
    return features, given.names


class Extractor:
    """Computes the features of images by a trained model.

    Args:
        model: the trained model.
        layer: the name of a layer, or None; see `extract_features`.

    Attributes:
        n: the number of features.

    Raises:
        ArgumentError: it is no trained model, or there is no such layer.
    """

    def __init__(self, model: TrainedModel, layer: str | None) -> None:
        check_model(model)
        self._size = batch_size_of(model)
        network = model.keras_model
        if layer is None:
            self.n = int(feature_tensor(network).shape[-1])
            self._network = FeatureNetwork(network, head_layer(network), lambda taken, given: taken)
            return
        layers = {
            call.path: call
            for call in calls_of(network)
            if isinstance(call.operation, keras.Layer) and len(call.outputs) == 1
        }
        chosen = layers[check_choice("layer", layer, list(layers))]
        self.n = int(chosen.outputs[0].shape[-1])
        self._network = FeatureNetwork(network, chosen.operation, lambda taken, given: given)

    def __call__(self, images: Images, verbose: bool = False) -> np.ndarray:
        """Return the features of uint8 images of the model's size, float32 of shape (n, features).

        Args:
            images: shape (n, height, width, 3).
            verbose: whether to show the progress on stderr, if it takes long.

        Raises:
            ArgumentError: the network cannot compute on them, or a feature is no finite number.
        """
        features = np.empty((len(images), self.n), np.float32)
        done = 0
        with (
            read_in_blocks(images, self._size) as batches,
            counting(len(images), "images", verbose) as show,
        ):
            for batch in batches:
                rows = computed_on(self._network, np.ascontiguousarray(batch))
                features[done : done + len(rows)] = rows
                done += len(rows)
                show(done)
        if wrong := sum(not np.isfinite(row).all() for row in features):
            raise ArgumentError(
                "`model` must compute finite numbers, but the features of "
                f"{wrong:,} of {len(images):,} images are NaN or infinite.",
                fix="Its weights are NaN or too large: train it again, with a lower learning rate.",
            )
        return features


class FeatureNetwork(keras.Model):
    """A network that returns what one of its layers takes or gives, as rows of float32.

    A model can be compiled whatever the backend, and what is behind the layer is then not computed.

    Args:
        network: the network, which stays as it is.
        layer: a layer at any depth of it, or a network in it.
        choose: returns one of the tensors that the layer takes and gives.
    """

    def __init__(
        self, network: keras.Model, layer: keras.Layer, choose: Callable[[Any, Any], Any]
    ) -> None:
        super().__init__(name="features", dtype=network.dtype_policy)
        self.network = network
        self._of = (layer, choose)

    def call(self, images: Any) -> Any:
        """Return the tensor of the layer's last use, averaged over height and width."""
        layer, choose = self._of
        inner, noted = layer.call, []

        def noting(*values: Any, **named: Any) -> Any:
            given = inner(*values, **named)
            taken = next(filter(keras.ops.is_tensor, keras.tree.flatten((values, named))))
            noted.append(choose(taken, given))
            return given

        with ExitStack() as changes:
            set_until_closed(changes, layer, "call", noting)
            self.network(images, training=False)
        values = keras.ops.cast(noted[-1], "float32")
        between = tuple(range(1, len(values.shape) - 1))
        return keras.ops.mean(values, axis=between) if between else values
