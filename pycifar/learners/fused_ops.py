"""Operations of TensorFlow in place of those that Keras composes: same results, less time.

Keras writes an optimizer's update, batch normalisation and the L2 penalty of weights as chains of
small operations, each of which reads all values once. TensorFlow has one fused operation for each
chain. It has one for the convolution of each channel by itself as well, which is much faster than
what Keras makes of a convolution with as many groups as channels.

Only methods of Keras's objects are replaced. Their variables and settings stay the same, so plain
Keras can load the saved model. On JAX and PyTorch nothing is replaced, as they fuse such chains
when they compile them. Figures are in docs/decisions/fused-operations.md.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from pycifar.backend import keras, tensorflow
from pycifar.layer_calls import layers_of
from pycifar.learners.undo import set_until_closed

if TYPE_CHECKING:
    import keras as keras_types
    import numpy as np


def fuse(
    model: keras_types.Model, optimizer: keras_types.optimizers.Optimizer, changes: ExitStack
) -> None:
    """Make a model and its optimizer use fused operations where TensorFlow has them.

    Args:
        model: a Keras model.
        optimizer: the optimizer that the model is compiled with.
        changes: restores Keras's own operations when it is closed.
    """
    if tensorflow is None:
        return
    usual = keras.optimizers.Optimizer._backend_update_step
    if type(optimizer)._backend_update_step is usual and not tensorflow.distribute.has_strategy():
        update = types.MethodType(_update_all, optimizer)
        set_until_closed(changes, optimizer, "_backend_update_step", update)
    # The exact type: a subclass, such as Muon, has an update of its own. No fused operation has
    # AMSGrad.
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


def compute_channels_apart(network: Any) -> None:
    """Make a network's convolutions of each channel by itself use TensorFlow's operation for them.

    Keras compiles a convolution with groups by XLA, whose code for processors is slow. `fuse` needs
    no such change for `DepthwiseConv2D`, which uses that operation already.

    Args:
        network: a Keras model, or a network of NumPy, which stays as it is.
    """
    if tensorflow is None:
        return
    for layer in layers_of(network):
        if type(layer) is keras.layers.Conv2D and _takes_channels_apart(layer):
            layer.convolution_op = types.MethodType(_convolve_channels, layer)


def make_step(model: keras_types.Model, *batch: np.ndarray) -> Callable[..., Mapping[str, Any]]:
    """Return a function that trains a compiled model on one batch and returns the metrics on it.

    It does what Keras's `train_on_batch` does. On TensorFlow, the metrics are reset inside the
    compiled step, and the step is compiled once for batches of all sizes.

    Args:
        model: a Keras model.
        batch: an example batch of any size: images, labels and, if they are used, the weights of
            the images.
    """
    if tensorflow is None or model.run_eagerly:
        return functools.partial(model.train_on_batch, return_dict=True)

    # Keras creates the variables of the metrics at the first use, and `reset_metrics` skips metrics
    # without variables. So they are created here, with predictions of 0.
    images, truth = batch[:2]
    nothing = keras.ops.zeros((len(images), *model.output_shape[1:]))
    model.compute_metrics(images, truth, nothing)

    def step(images: Any, truth: Any, weights: Any = None) -> Any:
        model.reset_metrics()
        return model.train_step((images, truth, weights))

    signature = [tensorflow.TensorSpec((None, *values.shape[1:]), values.dtype) for values in batch]
    # Without autograph, as Keras does: autograph leaves a temporary file for each training.
    compiled: Callable[..., Mapping[str, Any]] = tensorflow.function(
        step, input_signature=signature, autograph=False, jit_compile=model.jit_compile
    )
    return compiled


def _update_all(self: Any, gradients: list[Any], variables: list[Any], learning_rate: Any) -> None:
    """Update all variables as Keras does, but without the code path for several devices.

    TensorFlow never frees what it compiles on that path, nor the weights used there. Each trained
    model would stay in memory.
    """
    for gradient, variable in zip(gradients, variables, strict=True):
        self.update_step(gradient, getattr(variable, "value", variable), learning_rate)


def _momentum_step(self: Any, gradient: Any, variable: Any, learning_rate: Any) -> None:
    """Do the update of `keras.optimizers.SGD.update_step` in one operation."""
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
    """Do the update of `keras.optimizers.Adam.update_step` in one operation."""
    number = self._get_variable_index(variable)
    # With `gradient_accumulation_steps`, the iterations are computed and no variable.
    iterations = getattr(self.iterations, "value", self.iterations)
    step = tensorflow.cast(iterations + 1, variable.dtype)
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
    """Return what `keras.regularizers.L2.__call__` returns, by one operation instead of several."""
    return 2 * l2 * tensorflow.nn.l2_loss(weights)


def _takes_channels_apart(layer: Any) -> bool:
    """Return whether each channel is a group of a convolution that TensorFlow can do as such."""
    apart = layer.built and layer.groups > 1 and layer.kernel.shape[-2] == 1
    return bool(apart) and layer.strides[0] == layer.strides[1]


def _convolve_channels(self: Any, inputs: Any, kernel: Any) -> Any:
    """Do what `keras.layers.Conv2D.convolution_op` does where each channel is a group."""
    height, width, _, n = kernel.shape
    apart = keras.ops.reshape(kernel, (height, width, self.groups, n // self.groups))
    return keras.ops.depthwise_conv(
        inputs, apart, self.strides, self.padding, self.data_format, self.dilation_rate
    )


def _is_plain(layer: Any) -> bool:
    """Return whether a batch normalisation is a plain one on 2-D feature maps, channels last.

    The fused operation has parameters of float32 only, and computes in no wider type.
    """
    maps = len(layer.input.shape) == 4 and layer.axis in (-1, 3)
    narrow = layer.variable_dtype == "float32" and layer.compute_dtype != "float64"
    return maps and narrow and not layer.renorm and not layer.synchronized


def _normalise(self: Any, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
    """Do what `keras.layers.BatchNormalization.call` does, in training by one operation."""
    if not training or not self.trainable:  # so that predictions equal those of plain Keras
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
    # TensorFlow returns the unbiased variance, divided by n - 1. Keras uses the one divided by n.
    n = tensorflow.cast(tensorflow.size(inputs) / inputs.shape[-1], tensorflow.float32)
    variance = found.batch_variance * ((n - 1) / n)
    rest = 1.0 - self.momentum
    self.moving_mean.assign(self.moving_mean.value * self.momentum + found.batch_mean * rest)
    self.moving_variance.assign(self.moving_variance.value * self.momentum + variance * rest)
    return found.y
