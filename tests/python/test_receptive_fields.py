import keras
import numpy as np
import pytest

import pycifar
from pycifar.errors import ArgumentError


def small_network() -> keras.Model:
    """Two branches with windows, strides and a sum; all weights are 1."""
    start = keras.Input((48, 48, 3), name="start")
    ones = {"kernel_initializer": "ones", "padding": "same"}
    first = keras.layers.Conv2D(1, 3, name="first", **ones)(start)
    pooled = keras.layers.AveragePooling2D(2, name="pooled")(first)
    wide = keras.layers.Conv2D(1, 5, strides=2, name="wide", **ones)(pooled)
    narrow = keras.layers.Conv2D(1, 1, strides=2, name="narrow", **ones)(pooled)
    joined = keras.layers.Add(name="joined")([wide, keras.ops.abs(narrow)])
    last = keras.layers.Conv2D(1, 3, name="last", **ones)(joined)
    return keras.Model(start, last)


def seen(model: keras.Model, layer: str) -> int:
    """The side of the part of the image that changes the unit in the middle of a layer."""
    part = keras.Model(model.inputs, model.get_layer(layer).output)
    image = np.ones((1, 48, 48, 3), np.float32)
    before = part.predict_on_batch(image)
    row, column = before.shape[1] // 2, before.shape[2] // 2
    changed = []
    for x in range(48):
        other = image.copy()
        other[0, :, x] += 1
        after = part.predict_on_batch(other)
        changed.append(after[0, row, column, 0] != before[0, row, column, 0])
    places = np.flatnonzero(changed)
    return int(places[-1] - places[0] + 1)


def test_it_is_what_changes_a_unit():
    model = small_network()
    table = pycifar.receptive_field(model).set_index("layer")
    for layer in ("first", "pooled", "wide", "narrow", "joined", "last"):
        assert table.loc[layer, "receptive_field"] == seen(model, layer), layer
    assert table["jump"].to_dict() | {"last": 4, "pooled": 2} == table["jump"].to_dict()


def test_published_sizes_come_out():
    vgg16 = pycifar.receptive_field("vgg16").set_index("layer")["receptive_field"]
    assert (vgg16["conv1_2"], vgg16["conv5_3"], vgg16["pool5"]) == (5, 196, 212)


def test_a_dense_layer_sees_the_whole_image(small_model):
    table = pycifar.receptive_field(small_model).set_index("layer")
    assert table.loc["hidden", ["receptive_field", "jump"]].tolist() == [32, 0]
    assert table["type"]["conv1_1"] == "Conv2D"


def test_networks_of_numpy_have_a_table_too():
    assert pycifar.receptive_field("mlp_relu")["receptive_field"].iloc[-1] == 32


def test_anything_else_is_refused():
    with pytest.raises(ArgumentError, match='Did you mean "cnn2"|must be one of'):
        pycifar.receptive_field("cnn22")
    with pytest.raises(ArgumentError, match="`model` must be a trained model, a Keras model"):
        pycifar.receptive_field(3)


@pytest.mark.parametrize("name", ["GlobalAveragePooling2D", "GlobalMaxPooling2D"])
def test_what_pools_the_whole_map_sees_the_whole_image(name):
    layers = keras.layers
    pool = getattr(layers, name)()
    model = keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(2, 3), pool, layers.Dense(2)])
    table = pycifar.receptive_field(model)
    assert table["receptive_field"].tolist()[-2:] == [8, 8]


def test_a_nested_network_has_the_field_of_its_layers():
    layers = keras.layers
    inner = keras.Sequential(
        [
            keras.Input((None, None, 3)),
            layers.Conv2D(2, 3, strides=2, name="first"),
            layers.Conv2D(2, 5, name="last"),
        ],
        name="inner",
    )
    start = keras.Input((32, 32, 3))
    model = keras.Model(start, layers.Conv2D(1, 2, name="after")(inner(start)))
    table = pycifar.receptive_field(model).set_index("layer")
    fields = table["receptive_field"].to_dict()
    del fields[model.layers[0].name]
    assert fields == {"inner/first": 3, "inner/last": 11, "inner": 11, "after": 13}
    assert table.loc["inner", ["jump", "output_shape"]].tolist() == [2, "11×11×2"]


def test_images_of_any_size_have_no_whole():
    model = keras.Sequential([keras.Input((None, None, 3)), keras.layers.Conv2D(1, 3)])
    with pytest.raises(ArgumentError, match="`model` must take images of one size"):
        pycifar.receptive_field(model)
