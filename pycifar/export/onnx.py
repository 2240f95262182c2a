"""ONNX, which runtimes on servers, in browsers and on phones read; in int8 if asked."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from pycifar.export.description import KEY, as_json
from pycifar.export.network import INPUT, OUTPUT, Computation
from pycifar.processor import usable_cores

NAME = "ONNX"
SUFFIX = ".onnx"
MODULES = ("onnx", "onnxruntime", "tf2onnx")
RUNTIME = "onnxruntime"  # the package that runs it
FOLDER_HAS = None
BESIDE = ()
QUANTIZES = True
OPSET = 17  # the oldest one with all operations of the networks here; onnxruntime 1.12 reads it

# Images as the convolutions of ONNX take them.
CHANNELS_FIRST = "images_channels_first"
FIRST, LAST = [0, 3, 1, 2], [0, 2, 3, 1]  # the order of axes that brings channels there


def write(
    computation: Computation,
    saved: Path,
    path: Path,
    description: dict[str, Any],
    calibrating: np.ndarray | None,
) -> None:
    """Convert a network, and write it with the description in its metadata.

    `calibrating` images, if any, fit the ranges of numbers in int8.
    """
    import onnx
    import tf2onnx

    graph, taken, given = computation.graph()
    convolves = any(node.op == "Conv2D" for node in graph.node)
    model, _ = tf2onnx.convert.from_graph_def(
        graph,
        input_names=[taken],
        output_names=[given],
        opset=OPSET,
        custom_op_handlers={"Erfc": (_erfc, [])},
        inputs_as_nchw=[taken] if convolves else None,
        tensors_to_rename={taken: CHANNELS_FIRST if convolves else INPUT, given: OUTPUT},
    )
    if convolves:
        _turn_images(model.graph)
        _flatten_unturned(model)
    for tensor in (*model.graph.input, *model.graph.output):
        tensor.type.tensor_type.shape.dim[0].dim_param = "n"
    if calibrating is not None:
        model = _in_int8(model, saved.parent, calibrating)
    onnx.helper.set_model_props(model, {KEY: as_json(description)})
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())


def _turn_images(graph: Any) -> None:
    """Let a graph that takes images with channels first take them with channels last.

    To turn them costs least while they are bytes. A runtime can then join the scaling with the
    convolution that follows it.
    """
    import onnx

    (images,) = graph.input
    images.name = INPUT
    sizes = images.type.tensor_type.shape.dim
    channels = sizes.pop(1)
    sizes.append(channels)
    graph.node.insert(0, onnx.helper.make_node("Transpose", [INPUT], [CHANNELS_FIRST], perm=FIRST))


def _flatten_unturned(model: Any) -> None:
    """Flatten what convolutions give as it is, and bring the weights that follow into that order.

    tf2onnx has channels last before it flattens, and takes a copy in memory for it.
    """
    import onnx

    graph = model.graph
    if any(part.HasField("g") for node in graph.node for part in node.attribute):
        return  # a loop or a condition takes values without naming them as inputs
    shapes = {
        value.name: [size.dim_value for size in value.type.tensor_type.shape.dim]
        for value in onnx.shape_inference.infer_shapes(model).graph.value_info
    }
    makers = {name: node for node in graph.node for name in node.output}
    uses = Counter(name for node in graph.node for name in node.input)
    constants = {tensor.name: tensor for tensor in graph.initializer}
    for product in [node for node in graph.node if node.op_type == "MatMul"]:
        flat, weights = product.input
        flatten = makers.get(flat)
        turn = makers.get(flatten.input[0]) if flatten and flatten.op_type == "Reshape" else None
        if turn is None or turn.op_type != "Transpose" or list(turn.attribute[0].ints) != LAST:
            continue
        if weights not in constants or uses[weights] > 1 or uses[flat] > 1:
            continue
        rows = onnx.numpy_helper.to_array(constants[weights])
        _, *sizes = shapes.get(turn.input[0], [0, 0])
        if len(shapes.get(flat, [])) != 2 or len(rows) != math.prod(sizes):
            continue
        channels, height, width = sizes
        in_order = rows.reshape(height, width, channels, -1).transpose(2, 0, 1, 3)
        constants[weights].CopyFrom(
            onnx.numpy_helper.from_array(in_order.reshape(rows.shape), weights)
        )
        at = list(graph.node).index(flatten)
        graph.node.insert(at, onnx.helper.make_node("Flatten", turn.input[:1], [flat], axis=1))
        graph.node.remove(flatten)
    _drop_unused(graph)


def _drop_unused(graph: Any) -> None:
    """Remove what nobody takes: operations, and constants."""
    used = {tensor.name for tensor in graph.output}
    for node in reversed(list(graph.node)):
        if used.isdisjoint(node.output):
            graph.node.remove(node)
        else:
            used.update(node.input)
    for constant in list(graph.initializer):
        if constant.name not in used:
            graph.initializer.remove(constant)


def _erfc(context: Any, node: Any, name: str, arguments: Any) -> None:
    """Convert an operation that tf2onnx does not know: 1 - erf(x)."""
    (given,) = node.output
    kind = {"shapes": [context.get_shape(given)], "dtypes": [context.get_dtype(given)]}
    one = context.make_const(f"{name}_one", np.ones((), np.float32)).output[0]
    error = context.make_node("Erf", list(node.input), **kind).output[0]
    context.remove_node(node.name)
    context.make_node("Sub", [one, error], outputs=[given], name=node.name, **kind)


def _in_int8(model: Any, folder: Path, images: np.ndarray) -> Any:
    """Return a model that computes in whole numbers, with ranges that are fitted on images.

    Weights have 7 of the 8 bits. With all of them, sums overflow on x86 processors without VNNI: a
    file that was right here would be wrong there.
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    plain, prepared, quantized = (folder / f"{step}.onnx" for step in ("plain", "prepared", "int8"))
    onnx.save(model, plain)
    quant_pre_process(plain, prepared, skip_symbolic_shape=True)
    quantize_static(
        prepared,
        quantized,
        _OneByOne(images),
        per_channel=True,
        reduce_range=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )
    found = onnx.load(quantized)
    # It names sets of operations that it does not use, some of them of onnxruntime alone.
    used = {node.domain for node in found.graph.node}
    kept = [operations for operations in found.opset_import if operations.domain in used]
    del found.opset_import[:]
    found.opset_import.extend(kept)
    return found


class _OneByOne:
    """Images as onnxruntime takes them to fit the ranges of numbers: one at each call."""

    def __init__(self, images: np.ndarray) -> None:
        self._images = iter(images)

    def get_next(self) -> dict[str, np.ndarray] | None:
        image = next(self._images, None)
        return None if image is None else {INPUT: image[None]}


def load(path: Path, threads: int | None = None) -> Callable[[np.ndarray], np.ndarray]:
    """Return the function from images to probabilities, which any number of threads may call.

    Args:
        path: the file.
        threads: how many compute one call; None takes as many as there are cores.
    """
    import onnxruntime

    session = _session(path, onnxruntime, threads)

    def probabilities(images: np.ndarray) -> np.ndarray:
        values: np.ndarray = session.run([OUTPUT], {INPUT: images})[0]
        return values

    return probabilities


def _session(path: Path, onnxruntime: Any, threads: int | None = None) -> Any:
    options = onnxruntime.SessionOptions()
    # By itself it counts cores, and takes none for those that a container may not use.
    options.intra_op_num_threads = threads or usable_cores()
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def describe(path: Path) -> Any:
    """Return the description in a file."""
    import onnxruntime

    return json.loads(_session(path, onnxruntime).get_modelmeta().custom_metadata_map[KEY])
