"""A fully connected network in NumPy, in five steps.

1. A network is a list of layers with random weights: `initialize_network`.
2. The forward pass computes class probabilities: `pre_activation`, `sigmoid_activation` (or
   `relu_activation`), `softmax` in the last layer, and `forward_propagation` through all layers.
3. The backward pass computes the gradients of the loss: `backward_propagate_error`.
4. The loss is the mean `cross_entropy`, plus a `penalty`. `update_weights` makes it smaller.
5. `train` does steps 2 to 4 for each batch.

A batch is a matrix with one image per row, so each step is a matrix product for all images at once.
Arrays are allocated once and overwritten at each step, which saves time.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np


@dataclass
class Layer:
    """A fully connected layer: each unit takes all inputs.

    Args:
        weights: float, shape (inputs, units).
        bias: float, shape (units,).
        activation: a name in `ACTIVATIONS`, or "softmax".

    Attributes:
        gradients: of the loss with respect to `weights` and `bias`, in their shapes.
        velocities: of momentum, in the same shapes.
        outputs: of the activation, shape (images, units). During the forward pass it first holds
            the sums before the activation.
        errors: the gradient of the loss with respect to these sums, shape (images, units).
    """

    weights: np.ndarray
    bias: np.ndarray
    activation: str
    gradients: tuple[np.ndarray, np.ndarray] = field(init=False)
    velocities: tuple[np.ndarray, np.ndarray] = field(init=False)
    outputs: np.ndarray = field(init=False)
    errors: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.gradients = np.zeros_like(self.weights), np.zeros_like(self.bias)
        self.velocities = np.zeros_like(self.weights), np.zeros_like(self.bias)
        self.make_room(1)

    def make_room(self, n: int) -> None:
        """Allocate outputs and errors for `n` images."""
        self.outputs = np.empty((n, len(self.bias)), self.weights.dtype)
        self.errors = np.empty_like(self.outputs)


# Step 1


def initialize_network(
    sizes: Sequence[int],
    activation: str,
    rng: np.random.Generator,
    dtype: type[np.floating] = np.float32,
) -> list[Layer]:
    """Return layers with random weights and with biases of 0.

    The weights are drawn from a normal distribution. Its variance keeps the variance of the signal
    about equal from layer to layer.

    Args:
        sizes: the number of inputs, of units in each hidden layer, and of classes.
        activation: the activation of the hidden layers, a name in `ACTIVATIONS`.
        rng: the generator of the random numbers.
        dtype: float32, or float64 to check gradients.

    Source:
        He et al. 2015, "Delving Deep into Rectifiers", for ReLU; Glorot and Bengio 2010,
        "Understanding the difficulty of training deep feedforward neural networks", for the rest.
    """
    network: list[Layer] = []
    for inputs, units in itertools.pairwise(sizes):
        last = len(network) == len(sizes) - 2
        variance = 2 / inputs if activation == "relu" and not last else 2 / (inputs + units)
        weights = rng.standard_normal((inputs, units)) * np.sqrt(variance)
        network.append(
            Layer(weights.astype(dtype), np.zeros(units, dtype), "softmax" if last else activation)
        )
    return network


# Step 2


def pre_activation(layer: Layer, inputs: np.ndarray) -> np.ndarray:
    """Return the sums of the units, inputs times weights plus bias, shape (images, units)."""
    if len(layer.outputs) != len(inputs):
        layer.make_room(len(inputs))
    np.matmul(inputs, layer.weights, out=layer.outputs)
    layer.outputs += layer.bias
    return layer.outputs


def sigmoid_activation(sums: np.ndarray) -> np.ndarray:
    """Compute 1 / (1 + exp(-sums)) in place."""
    np.multiply(sums, 0.5, out=sums)  # (1 + tanh(sums / 2)) / 2 is equal, and cannot overflow
    np.tanh(sums, out=sums)
    sums += 1
    sums *= 0.5
    return sums


def relu_activation(sums: np.ndarray) -> np.ndarray:
    """Compute max(sums, 0) in place."""
    np.maximum(sums, 0, out=sums)
    return sums


def softmax(sums: np.ndarray) -> np.ndarray:
    """Compute the probabilities exp(sums) / sum(exp(sums)) of each row in place."""
    sums -= sums.max(axis=1, keepdims=True)  # the result is the same, and exp cannot overflow
    np.exp(sums, out=sums)
    sums /= sums.sum(axis=1, keepdims=True)
    return sums


ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "sigmoid": sigmoid_activation,
    "relu": relu_activation,
}


def forward_propagation(network: list[Layer], inputs: np.ndarray) -> np.ndarray:
    """Return the class probabilities, shape (images, classes), for inputs (images, inputs)."""
    for layer in network:
        sums = pre_activation(layer, inputs)
        inputs = (
            softmax(sums) if layer.activation == "softmax" else ACTIVATIONS[layer.activation](sums)
        )
    return inputs


# Step 3


def backward_propagate_error(
    network: list[Layer], inputs: np.ndarray, labels: np.ndarray, l2: float = 0.0
) -> None:
    """Write the gradient of the loss into each layer, from the last one to the first.

    Args:
        network: the layers, after `forward_propagation` of the same inputs.
        inputs: shape (images, inputs).
        labels: whole numbers from 0, shape (images,).
        l2: the loss also has `l2` times the sum of the squares of all weights, biases excluded.
    """
    last = network[-1]
    np.copyto(last.errors, last.outputs)
    # The gradient of the cross-entropy in the sums is the probabilities minus the one-hot labels.
    last.errors[np.arange(len(labels)), labels] -= 1
    last.errors /= len(labels)
    for number in range(len(network) - 1, -1, -1):
        layer = network[number]
        before = network[number - 1].outputs if number else inputs
        gradient, bias_gradient = layer.gradients
        np.matmul(before.T, layer.errors, out=gradient)
        np.sum(layer.errors, axis=0, out=bias_gradient)
        if l2:
            gradient += 2 * l2 * layer.weights
        if number:
            np.matmul(layer.errors, layer.weights.T, out=network[number - 1].errors)
            _through_activation(network[number - 1])


def _through_activation(layer: Layer) -> None:
    """Multiply the errors of the outputs by the activation's derivative: the errors of the sums."""
    if layer.activation == "relu":
        layer.errors *= layer.outputs > 0
    else:
        layer.errors *= layer.outputs
        layer.errors -= layer.errors * layer.outputs  # e·y - e·y·y = e·y·(1 - y), y the output


# Step 4


def cross_entropy(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean over the images of -log(probability of the true class), in nats."""
    of_truth = probabilities[np.arange(len(labels)), labels]
    with np.errstate(divide="ignore"):  # a probability of 0 gives an infinite loss
        return float(-np.log(of_truth).mean())


def penalty(network: list[Layer], l2: float) -> float:
    """Return `l2` times the sum of the squares of all weights, biases excluded."""
    if not l2:
        return 0.0
    return l2 * sum(float(np.vdot(layer.weights, layer.weights)) for layer in network)


def update_weights(
    network: list[Layer],
    learning_rate: float,
    momentum: float = 0.0,
    weight_decay: float = 0.0,
) -> None:
    """Do one step of stochastic gradient descent with momentum.

    It overwrites the gradients of the layers.

    Args:
        network: the layers, after `backward_propagate_error`.
        learning_rate: the step size, above 0.
        momentum: the share of the last step that is added to this one, from 0 to below 1.
        weight_decay: each weight, but no bias, is first multiplied by
            1 - learning_rate × weight_decay.
    """
    for layer in network:
        if weight_decay:
            layer.weights *= 1 - learning_rate * weight_decay
        values = (layer.weights, layer.bias)
        for value, gradient, velocity in zip(
            values, layer.gradients, layer.velocities, strict=True
        ):
            gradient *= learning_rate
            velocity *= momentum
            velocity -= gradient
            value += velocity


# Step 5


def train(
    network: list[Layer],
    batches: Iterable[tuple[np.ndarray, np.ndarray]],
    learning_rate: float,
    momentum: float = 0.0,
    weight_decay: float = 0.0,
    l2: float = 0.0,
) -> tuple[float, float]:
    """Do one training step for each batch of inputs and labels; arguments as in the other steps.

    Returns:
        The means over the images of the loss and of the accuracy, both before each update.
    """
    images, loss, right = 0, 0.0, 0
    for inputs, labels in batches:
        probabilities = forward_propagation(network, inputs)
        images += len(labels)
        right += int((probabilities.argmax(axis=1) == labels).sum())
        loss += len(labels) * (cross_entropy(probabilities, labels) + penalty(network, l2))
        backward_propagate_error(network, inputs, labels, l2)
        update_weights(network, learning_rate, momentum, weight_decay)
    return loss / images, right / images
