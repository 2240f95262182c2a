"""The checks of a model file before Keras sees it: it may come from an untrusted source.

Keras's safe mode refuses what is on a list of known dangers. This module works the other way round:
it accepts only what is on a list of harmless parts. It also allocates no more memory than the file
has bytes for. The reasons are in docs/decisions/model-files.md.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pycifar.arguments import describe
from pycifar.backend import generators_kept, keras
from pycifar.keras_files import CONFIG, WEIGHTS, check_weights
from pycifar.learners.objectives import metrics_but_accuracy
from pycifar.limits import MOST_BUILDING, MOST_CALLS, MOST_PARTS, MOST_WAITING
from pycifar.models.dry_build import Measured, build_without_values, give_zeros, measure
from pycifar.models.record import checked_argument
from pycifar.precision import computing_in


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Layers for image networks. None of them runs code or reads files, and what they compute while a
# network is built can be measured. Of layers with two names in Keras, such as Conv2D and
# Convolution2D, only the first is listed, since that is the one in files.
LAYERS = _names(
    """
    Activation ActivityRegularization AdaptiveAveragePooling1D AdaptiveAveragePooling2D
    AdaptiveAveragePooling3D AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D Add
    AdditiveAttention AlphaDropout Attention Average AveragePooling1D AveragePooling2D
    AveragePooling3D BatchNormalization Bidirectional CenterCrop Concatenate Conv1D Conv1DTranspose
    Conv2D Conv2DTranspose Conv3D Conv3DTranspose ConvLSTM1D ConvLSTM2D ConvLSTM3D Cropping1D
    Cropping2D Cropping3D Dense DepthwiseConv1D DepthwiseConv2D Dot Dropout ELU EinsumDense
    Embedding Flatten GRU GRUCell GaussianDropout GaussianNoise GlobalAveragePooling1D
    GlobalAveragePooling2D GlobalAveragePooling3D GlobalMaxPooling1D GlobalMaxPooling2D
    GlobalMaxPooling3D GroupNormalization GroupQueryAttention Identity InputLayer LSTM LSTMCell
    LayerNormalization LeakyReLU Masking MaxPooling1D MaxPooling2D MaxPooling3D Maximum Minimum
    MultiHeadAttention Multiply Normalization PReLU Permute RMSNormalization RNN RandomBrightness
    RandomColorDegeneration RandomColorJitter RandomContrast RandomCrop RandomErasing RandomFlip
    RandomGaussianBlur RandomGrayscale RandomHue RandomInvert RandomPerspective RandomPosterization
    RandomRotation RandomSaturation RandomSharpness RandomShear RandomTranslation RandomZoom ReLU
    RepeatVector Rescaling Reshape Resizing SeparableConv1D SeparableConv2D SimpleRNN SimpleRNNCell
    Softmax Solarization SpatialDropout1D SpatialDropout2D SpatialDropout3D SpectralNormalization
    StackedRNNCells Subtract TimeDistributed UnitNormalization UpSampling1D UpSampling2D
    UpSampling3D ZeroPadding1D ZeroPadding2D ZeroPadding3D
    """
)
NETWORKS = _names("Functional Model Sequential")
POLICIES = _names("DTypePolicy FloatDTypePolicy")
# The names that are allowed in each module; None allows all of them.
PARTS: Mapping[str, frozenset[str] | None] = {
    "keras": NETWORKS | POLICIES,
    "keras.constraints": None,
    "keras.dtype_policies": POLICIES,
    "keras.initializers": None,
    "keras.layers": LAYERS,
    "keras.models": NETWORKS,
    "keras.regularizers": None,
    # Layers that networks of keras.applications define for themselves.
    "keras.src.applications.convnext": _names("LayerScale"),
    "keras.src.applications.inception_resnet_v2": _names("CustomScaleLayer"),
    "keras.src.models.functional": _names("Functional"),
    "keras.src.models.sequential": _names("Sequential"),
}
# Modules whose parts are no layers, so they add no calls; see `count_calls`.
NOT_CALLED = (
    "keras",
    "keras.constraints",
    "keras.dtype_policies",
    "keras.initializers",
    "keras.regularizers",
)
# The modules of operations in a functional network, such as padding. All of them are arithmetic.
OPERATIONS = "keras.src.ops."

# The same for optimizers.
OPTIMIZER_PARTS: Mapping[str, frozenset[str] | None] = {
    "keras.optimizers": _names(
        "Adadelta Adafactor Adagrad Adam AdamW Adamax Ftrl Lamb Lion LossScaleOptimizer Muon Nadam "
        "RMSprop SGD"
    ),
    "keras.optimizers.schedules": None,
}
# The same for losses and metrics.
OBJECTIVE_PARTS: Mapping[str, frozenset[str] | None] = {
    "keras.losses": None,
    "keras.metrics": None,
}

# The class names under which Keras writes plain values, such as a tensor between two layers.
# Functions are left out on purpose.
TENSOR, ARRAYS = "__keras_tensor__", ("__numpy__", "__tensor__")
PLAIN = (TENSOR, *ARRAYS, "__slice__", "__tuple__", "__ellipsis__")
LAMBDA = "__lambda__"

# The types of numbers in an array. Text is left out: its type gives a length for every element, so
# a few bytes in a file could ask for much memory.
NUMBERS = _names(
    "bool uint8 uint16 uint32 uint64 int8 int16 int32 int64 bfloat16 float16 float32 float64"
)


def checked_config(entries: Mapping[str, bytes]) -> dict[str, Any]:
    """Return the description of the network in a file, after the check of its parts and weights.

    Args:
        entries: what `checked_entries` returned.

    Raises:
        ValueError: a part is not known to be harmless, or the weights are damaged or suspicious.
    """
    if missing := {CONFIG, WEIGHTS}.difference(entries):
        raise ValueError(f"it has no entry {min(missing)}")
    config = network_config(entries[CONFIG])
    check_parts(config, PARTS, OPERATIONS)
    check_calls(config)
    check_weights(io.BytesIO(entries[WEIGHTS]))
    return config


def measured_network(entries: Mapping[str, bytes]) -> tuple[keras.Model, Measured]:
    """Return the network that the entries of a file describe, without values, and its size.

    Raises:
        ValueError: a part is not known to be harmless, or the network has more weights than the
            file has bytes of weights, or building it computes too much.
    """
    network, measured = measure(_builder(checked_config(entries)))
    _check_size(measured, len(entries[WEIGHTS]))
    return network, measured


def checked_network(entries: Mapping[str, bytes]) -> keras.Model:
    """Return the network that the entries of a file describe, with all weights set to 0.

    Raises:
        ValueError: see `measured_network`.
    """
    network, measured = measured_network(entries)
    if measured.building:  # some values of `network` exist only in a graph; see `measure`
        network = build_without_values(_builder(network_config(entries[CONFIG])))
    give_zeros(network)
    return network


def network_config(text: bytes) -> dict[str, Any]:
    """Return the description of a network without how it was compiled."""
    config = json.loads(text)
    if not isinstance(config, dict):
        raise ValueError("it describes no network")
    return config | {"compile_config": None}


def optimizer_config(text: bytes) -> dict[str, Any] | None:
    """Return the description of a network's optimizer, or None if it was not compiled.

    Raises:
        ValueError: it is not an optimizer of Keras, or it excludes layers by patterns.
    """
    compiled = json.loads(text).get("compile_config")
    if not compiled:
        return None
    config = compiled.get("optimizer") if isinstance(compiled, dict) else None
    if not isinstance(config, dict):
        raise ValueError(f"its optimizer is {describe(config)}")
    check_optimizer(config)
    return config


def objective_of(text: bytes) -> tuple[Any, list[Any]]:
    """Return the loss that a network was compiled with, or None, and the metrics.

    Those of a model that pycifar saved are in its record instead.

    Raises:
        ValueError: one of them is neither Keras's nor the caller's, or has an argument that is so
            large that it could take much memory; or there are several losses, a weight of the loss
            or weighted metrics.
    """
    compiled = json.loads(text).get("compile_config") or {}
    loss, metrics = compiled.get("loss"), compiled.get("metrics") or []
    if isinstance(loss, list) or (isinstance(loss, dict) and "class_name" not in loss):
        raise ValueError("it has several losses")
    if given := [name for name in ("loss_weights", "weighted_metrics") if compiled.get(name)]:
        raise ValueError(f"it was compiled with {' and '.join(given)}")
    check_parts([loss, metrics], OBJECTIVE_PARTS)
    for part in _parts([loss, metrics]):
        if not _is_callers(part):
            for argument in part["config"].values():
                checked_argument(part["class_name"], argument)
    return keras.losses.get(loss), metrics_but_accuracy(metrics)


def check_optimizer(config: dict[str, Any]) -> None:
    """Raise a ValueError unless the description of an optimizer is harmless."""
    check_parts(config, OPTIMIZER_PARTS)
    for part in _parts(config):
        if part["config"].get("exclude_layers"):  # a regular expression may never end
            raise ValueError("its optimizer leaves layers out by patterns")


def check_parts(
    config: Any, allowed: Mapping[str, frozenset[str] | None], prefix: str | None = None
) -> None:
    """Raise a ValueError unless a description contains only allowed parts.

    Parts that the caller has registered with Keras, or gives as `custom_objects`, are allowed too.

    Args:
        config: a description as Keras writes it.
        allowed: the allowed names of each module; None allows all names of it.
        prefix: every module whose name begins with this is allowed as a whole.
    """
    for number, part in enumerate(_parts(config)):
        if number == MOST_PARTS:
            raise ValueError(f"it has more than {MOST_PARTS:,} parts")
        name, module, own = (part.get(key) for key in ("class_name", "module", "config"))
        if name in PLAIN:
            _check_plain(part)
            continue
        if _is_callers(part):
            continue
        harmless = (
            isinstance(module, str)
            and isinstance(name, str)
            and isinstance(own, dict)
            and (
                (module in allowed and name in (allowed[module] or (name,)))
                or (prefix is not None and module.startswith(prefix))
            )
        )
        if name == LAMBDA or (isinstance(own, dict) and any(map(_is_code, own.values()))):
            raise ValueError("it has a lambda function, which has no name that it can be found by")
        if not harmless:
            raise ValueError(f"it asks for {_refused(part)}")
        if isinstance(own, dict) and own.get("unroll"):
            raise ValueError(f"its layer {name} unrolls its steps, of which there can be too many")


def _is_callers(part: Mapping[str, Any]) -> bool:
    """Return whether a part is a class or function that the caller has registered or given.

    Keras finds both in one place; see `pycifar.models.custom_objects.knowing`.

    Raises:
        ValueError: the file gives it another name than the object has.
    """
    name, key = part.get("class_name"), own_name(part)
    found = keras.saving.get_registered_object(key) if key else None
    if not key or found is None:
        return False
    # Other checks go by the name of the class.
    own = getattr(found, "__name__", None)
    if name not in ("function", key.rpartition(">")[2], own):
        raise ValueError(
            f"it calls {str(name)[:80]} what is registered as {key[:80]}, which is {own}"
        )
    return True


def own_name(part: Mapping[str, Any]) -> str | None:
    """Return the name under which Keras looks up a class or function that is not its own."""
    # Keras looks up a function by "config", and a class by "registered_name".
    key = part.get("config" if part.get("class_name") == "function" else "registered_name")
    return key if isinstance(key, str) else None


def _is_code(value: Any) -> bool:
    """Return whether a value of a configuration is the code of a lambda, as an activation has it.

    Elsewhere, Keras writes it as a part named `LAMBDA`.
    """
    code = value.get("value") if isinstance(value, dict) and len(value) == 1 else None
    return isinstance(code, list) and len(code) == 3 and isinstance(code[0], str)


def has_own_parts(config: Any) -> bool:
    """Return whether a description has parts that are not Keras's."""
    parts = (part for part in _parts(config) if part["class_name"] not in PLAIN)
    return any(map(_is_foreign, parts))


def unknown_names(config: Any) -> list[str]:
    """Return the names of the parts of a description that are neither Keras's nor known here."""
    own = [
        own_name(part)
        for part in _parts(config)
        if part["class_name"] not in PLAIN and _is_foreign(part) and not _is_callers(part)
    ]
    return sorted({name for name in own if name})


def _is_foreign(part: Mapping[str, Any]) -> bool:
    """Return whether a part is a function, or a class of a module that is not Keras's.

    Keras writes its own functions as text alone, and None for a module that is a script.
    """
    module = str(part.get("module")).partition(".")[0]
    return part.get("class_name") == "function" or module not in ("keras", "builtins")


def _refused(part: Mapping[str, Any]) -> str:
    """Return the name of a part and why it is refused."""
    name = own_name(part)
    if name and _is_foreign(part):
        return f'"{name[:80]}", which is neither registered nor given in `custom_objects`'
    return f"{str(part.get('module'))[:80]}.{str(part.get('class_name'))[:80]}, which is not safe"


def _check_plain(part: Mapping[str, Any]) -> None:
    name, value = part["class_name"], part.get("config")
    if name in ARRAYS and (not isinstance(value, dict) or value.get("dtype") not in NUMBERS):
        raise ValueError("it has an array that is none of numbers")


def _parts(value: Any, nested: bool = True) -> Iterator[dict[str, Any]]:
    """Yield every part of a description that Keras would build an object from, at any depth.

    Args:
        value: the description.
        nested: whether to yield parts inside other parts too.
    """
    waiting = [value]
    while waiting:
        here = waiting.pop()
        if isinstance(here, dict):
            is_part = "class_name" in here
            if is_part:
                yield here
            if nested or not is_part:
                waiting += here.values()
        elif isinstance(here, list):
            waiting += here


def check_calls(config: Any) -> None:
    """Raise a ValueError if building a network calls layers more than `MOST_CALLS` times."""
    _, calls = count_calls(config)
    if calls > MOST_CALLS:
        raise ValueError(
            f"building its network takes {calls:,} calls of layers, more than {MOST_CALLS:,}"
        )


def count_calls(part: Mapping[str, Any]) -> tuple[int, int]:
    """Return how many layers run when a part is called once, and when it is built."""
    config = part.get("config")
    layers = config.get("layers") if isinstance(config, dict) else None
    if not isinstance(layers, list):
        inside = [count_calls(inner) for inner in _parts(config, nested=False)]
        one = int(part.get("module") not in NOT_CALLED and part.get("class_name") not in PLAIN)
        return one + sum(calls for calls, _ in inside), one + sum(built for _, built in inside)
    layers = [layer for layer in layers if isinstance(layer, dict)]
    each = [count_calls(layer) for layer in layers]
    built = sum(built for _, built in each)
    if part.get("class_name") == "Sequential":
        calls = [n for n, _ in each]
        # Keras calls all earlier layers again for each layer that is added.
        again = sum(number * n for number, n in zip(range(len(calls), 0, -1), calls, strict=True))
        return sum(calls), built + again
    if (waiting := _count_late_calls(layers) * len(layers)) > MOST_WAITING:
        raise ValueError(f"its layers are in an order in which {waiting:,} have to wait")
    nodes = [max(1, len(layer.get("inbound_nodes") or ())) for layer in layers]
    called = sum(n * calls for n, (calls, _) in zip(nodes, each, strict=True))
    return called, built + called


def _count_late_calls(layers: list[dict[str, Any]]) -> int:
    """Return how many calls take the output of a layer that comes later in the list."""
    places = {str(layer.get("name")): place for place, layer in enumerate(layers)}
    return sum(
        any(places.get(str(source), 0) > place for source in _sources(node))
        for place, layer in enumerate(layers)
        for node in layer.get("inbound_nodes") or ()
    )


def _sources(node: Any) -> Iterator[Any]:
    """Yield the names of the layers whose outputs a call takes."""
    for part in _parts(node):
        if part["class_name"] == TENSOR:
            yield part["config"]["keras_history"][0]


def _check_size(measured: Measured, n_bytes: int) -> None:
    """Raise a ValueError if a network needs more memory than the file has bytes of weights."""
    if measured.weights > n_bytes:  # each weight takes at least a byte
        raise ValueError(
            f"its network has {measured.weights:,} weights, and it has {n_bytes:,} bytes of them"
        )
    if measured.building > MOST_BUILDING:
        raise ValueError(
            f"its network computes {measured.building:,} bytes while it is built, more than "
            f"{MOST_BUILDING:,}"
        )


def _builder(config: dict[str, Any]) -> Callable[[], keras.Model]:
    """Return a function that builds a new network from a description at each call."""
    text = json.dumps(config)  # a copy for each call, since Keras modifies the description

    def build() -> keras.Model:
        # The layers have their own precision. That of the network itself, which a file does not
        # have, would be what is set now.
        with computing_in("float32"), generators_kept():
            network = keras.saving.deserialize_keras_object(json.loads(text), safe_mode=True)
        if not isinstance(network, keras.Model):
            raise ValueError(f"it holds {describe(network)}, which is no network")
        return network

    return build
