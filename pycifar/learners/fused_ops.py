"""TensorFlow's own operations in place of what Keras composes of many: faster, and else the same.

Keras writes an optimizer's update, batch normalisation and the penalty of weights as chains of
small operations, each of which goes over all values once. TensorFlow has one operation for each
chain. The objects stay Keras's own, with the same variables and settings, so what is saved is what
plain Keras expects. With other backends nothing is done: they compile such chains into one anyway.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from pycifar.backend import keras, tensorflow
from pycifar.learners.undo import set_until_closed

if TYPE_CHECKING:
    import keras as keras_types
    import numpy as np


def fuse(
    model: keras_types.Model, optimizer: keras_types.optimizers.Optimizer, changes: ExitStack
) -> None:
    """Have a model and its optimizer compute with fused operations, where there are any.

    Args:
        model: of Keras.
        optimizer: that it is compiled with.
        changes: closed when both are to compute with Keras's own operations again.
    """
    if tensorflow is None:
        return
    usual = keras.optimizers.Optimizer._backend_update_step
    if type(optimizer)._backend_update_step is usual and not tensorflow.distribute.has_strategy():
        update = types.MethodType(_update_all, optimizer)
        set_until_closed(changes, optimizer, "_backend_update_step", update)
    step = _STEPS.get(type(optimizer))
    if step is not None and not getattr(optimizer, "amsgrad", False):
        set_until_closed(changes, optimizer, "update_step", types.MethodType(step, optimizer))
    for layer in model.layers:
        if type(layer) is keras.layers.BatchNormalization and _is_plain(layer):
            set_until_closed(changes, layer, "call", types.MethodType(_normalise, layer))
    for variable in model.trainable_variables:
        if type(variable.regularizer) is keras.regularizers.L2:
            penalty = functools.partial(_penalty, variable.regularizer.l2)
            set_until_closed(changes, variable, "regularizer", penalty)


def make_step(model: keras_types.Model, *batch: np.ndarray) -> Callable[..., Mapping[str, Any]]:
    """Return a function that trains a compiled model on a batch and returns its metrics on it.

    It is Keras's `train_on_batch`; but TensorFlow resets the metrics within the compiled step, and
    compiles it once for batches of all sizes.

    Args:
        model: of Keras.
        batch: images, labels and maybe weights of the images, such as will come, of any number.
    """
    if tensorflow is None or model.run_eagerly:
        return functools.partial(model.train_on_batch, return_dict=True)

    # Keras makes the metrics' variables at their first use, and resets none before.
    images, truth = batch[:2]
    nothing = keras.ops.zeros((len(images), *model.output_shape[1:]))
    model.compute_metrics(images, truth, nothing)

    def step(images: Any, truth: Any, weights: Any = None) -> Any:
        model.reset_metrics()
        return model.train_step((images, truth, weights))

    signature = [tensorflow.TensorSpec((None, *values.shape[1:]), values.dtype) for values in batch]
    # Keras compiles its own step as it is written, too; what is rewritten leaves files behind.
    compiled: Callable[..., Mapping[str, Any]] = tensorflow.function(
        step, input_signature=signature, autograph=False, jit_compile=model.jit_compile
    )
    return compiled


def _update_all(self: Any, gradients: list[Any], variables: list[Any], learning_rate: Any) -> None:
    """Keras's update of all variables, without the detour for several devices.

    TensorFlow never lets go of what was compiled on that detour, nor of the weights in it: each
    model that was trained would stay in memory.
    """
    for gradient, variable in zip(gradients, variables, strict=True):
        self.update_step(gradient, getattr(variable, "value", variable), learning_rate)


def _momentum_step(self: Any, gradient: Any, variable: Any, learning_rate: Any) -> None:
    """`keras.optimizers.SGD.update_step` in one operation."""
    if self.momentum == 0:
        variable.assign_sub(gradient * tensorflow.cast(learning_rate, variable.dtype))
        return
    tensorflow.raw_ops.ResourceApplyKerasMomentum(
        var=variable.handle,
        accum=self.momentums[self._get_variable_index(variable)].value.handle,
        lr=tensorflow.cast(learning_rate, variable.dtype),
        grad=gradient,
        momentum=tensorflow.constant(self.momentum, variable.dtype),
        use_nesterov=self.nesterov,
    )


def _adam_step(self: Any, gradient: Any, variable: Any, learning_rate: Any) -> None:
    """`keras.optimizers.Adam.update_step` in one operation."""
    number = self._get_variable_index(variable)
    step = tensorflow.cast(self.iterations.value + 1, variable.dtype)
    betas = [tensorflow.constant(beta, variable.dtype) for beta in (self.beta_1, self.beta_2)]
    tensorflow.raw_ops.ResourceApplyAdam(
        var=variable.handle,
        m=self._momentums[number].value.handle,
        v=self._velocities[number].value.handle,
        beta1_power=betas[0] ** step,
        beta2_power=betas[1] ** step,
        lr=tensorflow.cast(learning_rate, variable.dtype),
        beta1=betas[0],
        beta2=betas[1],
        epsilon=tensorflow.constant(self.epsilon, variable.dtype),
        grad=gradient,
    )


_STEPS = {
    keras.optimizers.SGD: _momentum_step,
    keras.optimizers.Adam: _adam_step,
    keras.optimizers.AdamW: _adam_step,
}


def _penalty(l2: float, weights: Any) -> Any:
    """`keras.regularizers.L2.__call__` in one operation, and its slope in another."""
    return 2 * l2 * tensorflow.nn.l2_loss(weights)


def _is_plain(layer: Any) -> bool:
    """Whether a batch normalisation is of maps with the channels last, and no special one."""
    maps = len(layer.input.shape) == 4 and layer.axis in (-1, 3)
    return maps and not layer.renorm and not layer.synchronized


def _normalise(self: Any, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
    """`keras.layers.BatchNormalization.call`, in one operation where it learns."""
    if not training or not self.trainable:  # plain Keras must predict the same
        return type(self).call(self, inputs, training=training, mask=mask)
    empty = tensorflow.constant([], tensorflow.float32)
    found = tensorflow.raw_ops.FusedBatchNormV3(
        x=inputs,
        scale=self.gamma.value if self.scale else tensorflow.ones(inputs.shape[-1]),
        offset=self.beta.value if self.center else tensorflow.zeros(inputs.shape[-1]),
        mean=empty,
        variance=empty,
        epsilon=self.epsilon,
        is_training=True,
    )
    # Keras's variance is that of the batch, TensorFlow's an estimate from it.
    n = tensorflow.cast(tensorflow.size(inputs) / inputs.shape[-1], tensorflow.float32)
    variance = found.batch_variance * ((n - 1) / n)
    rest = 1.0 - self.momentum
    self.moving_mean.assign(self.moving_mean.value * self.momentum + found.batch_mean * rest)
    self.moving_variance.assign(self.moving_variance.value * self.momentum + variance * rest)
    return found.y
