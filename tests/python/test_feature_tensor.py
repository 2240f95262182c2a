import keras
import pytest

from pycifar.architectures import ARCHITECTURES, build_model
from pycifar.errors import ArgumentError
from pycifar.feature_tensor import feature_tensor, head_layer
from pycifar.layer_calls import calls_of
from pycifar.learners import learner_for
from pycifar.learners.heads import with_softmax, with_two_classes


def sequential(*last):
    layers = keras.layers
    return keras.Sequential(
        [keras.Input((8, 8, 3)), layers.Conv2D(4, 3), layers.GlobalAveragePooling2D(), *last]
    )


def test_the_features_of_a_sequential_network_enter_its_last_dense_layer():
    head = keras.layers.Dense(2, activation="softmax", name="head")
    network = sequential(keras.layers.Dense(5, name="hidden"), keras.layers.Dropout(0.5), head)
    assert head_layer(network) is head
    assert feature_tensor(network) is network.layers[-2].output
    features = keras.Model(network.inputs, feature_tensor(network))
    assert features.output_shape == (None, 5)


def test_an_activation_behind_the_last_weights_makes_no_difference():
    head = keras.layers.Dense(3, name="head")
    network = sequential(head, keras.layers.Dropout(0.5), keras.layers.Activation("softmax"))
    assert head_layer(network) is head
    assert feature_tensor(network).shape == (None, 4)


def test_branches_of_a_functional_network_end_in_the_layer_that_computes_last():
    layers = keras.layers
    start = keras.Input((8, 8, 3))
    maps = layers.Conv2D(4, 3)(start)
    left = layers.Dense(6, name="left")(layers.GlobalMaxPooling2D()(maps))
    right = layers.GlobalAveragePooling2D()(maps)
    both = layers.Concatenate(name="both")([left, right])
    network = keras.Model(start, layers.Softmax()(layers.Dense(2, name="head")(both)))
    assert head_layer(network).name == "head"
    assert feature_tensor(network) is both


def test_a_shared_layer_counts_where_it_is_used_last():
    layers = keras.layers
    shared = layers.Dense(4, name="shared")
    first = shared(keras.Input((4,), name="start"))
    middle = layers.ReLU()(first)
    network = keras.Model(first._keras_history.operation.input, layers.Softmax()(shared(middle)))
    assert feature_tensor(network) is middle


def test_a_nested_base_below_a_head_is_a_layer_without_which_the_head_is_last():
    base = sequential()
    start = keras.Input((8, 8, 3))
    features = base(start)
    network = keras.Model(start, keras.layers.Dense(2, name="head")(features))
    assert head_layer(network).name == "head"
    assert feature_tensor(network) is features


def test_the_head_may_be_inside_of_a_nested_network():
    head = keras.layers.Dense(2, activation="softmax")
    inner = sequential(head)
    start = keras.Input((8, 8, 3))
    network = keras.Model(start, inner(keras.layers.Rescaling(1 / 255)(start)))
    assert head_layer(network) is head
    assert feature_tensor(network) is feature_tensor(inner)


def test_heads_that_pycifar_adds_have_no_weights():
    one_unit = with_two_classes(sequential(keras.layers.Dense(1, name="unit")))
    assert head_layer(one_unit).name == "unit"
    assert feature_tensor(one_unit).shape == (None, 4)
    logits = with_softmax(sequential(keras.layers.Dense(3, name="logits")))
    assert head_layer(logits).name == "logits"
    assert feature_tensor(logits).shape == (None, 4)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_head_of_each_architecture_is_the_last_call_with_weights(name):
    network = learner_for(build_model(name, seed=1)).as_keras()
    last = [call for call in calls_of(network) if getattr(call.operation, "weights", None)][-1]
    assert head_layer(network) is last.operation
    assert feature_tensor(network) is last.operation.input
    assert last.operation.units == 10


def test_a_network_without_weights_or_with_an_unclear_head_is_refused():
    start = keras.Input((8, 8, 3))
    plain = keras.Model(start, keras.layers.GlobalAveragePooling2D()(start))
    with pytest.raises(ArgumentError, match="no layer with weights"):
        feature_tensor(plain)
    start = keras.Input((4, 3))
    attention = keras.layers.MultiHeadAttention(1, 2, name="attention")
    network = keras.Model(start, attention(start, keras.layers.ReLU()(start)))
    with pytest.raises(ArgumentError, match="attention, takes several tensors"):
        feature_tensor(network)
