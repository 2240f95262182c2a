import keras
import numpy as np
import pytest
from PIL import Image

import pycifar
from pycifar.backend import seeded
from pycifar.errors import ArgumentError, ImageError, UnknownNameError
from pycifar.explanation import feature_maps, filters
from pycifar.explanation_plots import most_varied, stretched


@pytest.fixture
def image(small_dataset):
    return small_dataset.split("test").images[0]


@pytest.fixture(scope="module")
def red_or_blue(small_dataset):
    """A network that tells red from blue: class 0 by the mean of red, class 1 by that of blue."""
    colours = np.zeros((1, 1, 3, 2), np.float32)
    colours[0, 0, 0, 0] = colours[0, 0, 2, 1] = 1
    layers = [
        keras.Input((32, 32, 3), dtype="uint8"),
        keras.layers.Rescaling(1 / 255),
        keras.layers.Conv2D(2, 1, use_bias=False, name="colours"),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(10, activation="softmax", use_bias=False),
    ]
    network = keras.Sequential(layers)
    scores = np.zeros((2, 10), np.float32)
    scores[0, 0] = scores[1, 1] = 5
    network.set_weights([colours, scores])
    return pycifar.train(small_dataset, network, epochs=1, learning_rate=1e-12, verbose=0)


@pytest.fixture
def half_and_half():
    image = np.zeros((32, 32, 3), np.uint8)
    image[:, :16, 0] = 255
    image[:, 16:, 2] = 200
    return image


def test_the_heat_map_is_where_the_class_is(red_or_blue, half_and_half):
    red, blue = red_or_blue.class_names[:2]
    left = pycifar.explain(red_or_blue, half_and_half, class_name=red)
    right = pycifar.explain(red_or_blue, half_and_half, class_name=blue)
    assert left.heatmap[:, :15].min() == pytest.approx(1)
    assert left.heatmap[:, 17:].max() == 0
    assert right.heatmap[:, :15].max() == 0
    assert right.heatmap[:, 17:].min() == pytest.approx(1)
    assert pycifar.explain(red_or_blue, half_and_half).class_name == red
    assert (left.image == half_and_half).all()


def base_and_head(dataset, nested):
    """A base with a shortcut below a head, as one layer or as layers; the weights are the same."""
    layers = keras.layers
    with seeded(1):
        start = keras.Input((None, None, 3))
        first = layers.Conv2D(8, 3, strides=2, activation="relu", name="first")(start)
        second = layers.Conv2D(8, 3, padding="same", activation="relu", name="second")(first)
        base = keras.Model(start, layers.Add(name="sum")([first, second]), name="base")
        start = keras.Input((32, 32, 3))
        values = base(start) if nested else keras.models.clone_model(base, start).output
        values = layers.GlobalAveragePooling2D()(layers.Rescaling(1 / 20)(values))
        network = keras.Model(start, layers.Dense(10, activation="softmax")(values))
    with seeded(2):
        network.set_weights([np.random.normal(0, 0.2, w.shape) for w in network.get_weights()])
    return pycifar.train(dataset, network, epochs=1, learning_rate=1e-12, verbose=0)


def test_a_nested_network_is_seen_as_its_layers_would_be(small_dataset, image, tmp_path):
    plain, nested = (base_and_head(small_dataset, nested) for nested in (False, True))
    for layer in (None, "second", "first"):
        one = pycifar.explain(plain, image, layer=layer)
        other = pycifar.explain(nested, image, layer=None if layer is None else f"base/{layer}")
        assert one.heatmap.max() == 1
        assert other.layer == f"base/{one.layer}"
        assert other.heatmap == pytest.approx(one.heatmap, abs=1e-5)
    maps, inside = feature_maps(plain, image), feature_maps(nested, image)
    assert [f"base/{name}" for name in maps] == list(inside)
    assert all(inside[f"base/{name}"] == pytest.approx(maps[name], abs=1e-3) for name in maps)
    assert feature_maps(nested, image, "base")["base"].shape == (15, 15, 8)
    assert filters(nested) == pytest.approx(filters(plain))
    assert pycifar.plot_feature_maps(nested, image, n_maps=1).axes
    loaded = pycifar.load_model(pycifar.save_model(nested, tmp_path / "nested.keras"))
    assert (pycifar.explain(loaded, image).heatmap == pycifar.explain(nested, image).heatmap).all()


def test_a_network_whose_input_is_a_list_is_called_as_any_other():
    """Keras warns of an array in place of a list of one, and a warning is an error here."""
    images = np.random.default_rng(1).integers(0, 256, (20, 16, 16, 3)).astype(np.uint8)
    dataset = pycifar.load_dataset({"train": (images, np.arange(20) % 2)})
    inside = keras.Sequential([keras.layers.Conv2D(4, 3), keras.layers.GlobalMaxPooling2D()])
    start = keras.Input((16, 16, 3))
    network = keras.Model(start, keras.layers.Dense(1, activation="sigmoid")(inside(start)))
    model = pycifar.train(dataset, network, epochs=1, validation=None, verbose=0)
    assert pycifar.explain(model, images[0]).heatmap.shape == (16, 16)
    assert all(maps.ndim == 3 for maps in feature_maps(model, images[0]).values())


def used_twice(shared):
    make = [keras.layers.Conv2D(3, 3, activation="relu", name=name) for name in ("first", "second")]
    start = keras.Input((32, 32, 3), dtype="uint8")
    scaled = keras.layers.Rescaling(1 / 255)(start)
    values = make[0 if shared else 1](make[0](scaled))
    ends = keras.layers.Dense(10, activation="softmax")(keras.layers.Flatten()(values))
    network = keras.Model(start, ends)
    generator = np.random.default_rng(1)
    kernel, bias = generator.uniform(-0.1, 0.3, (3, 3, 3, 3)), np.zeros(3)
    head = [generator.normal(0, 0.1, (28 * 28 * 3, 10)), np.zeros(10)]
    network.set_weights([kernel, bias, *([] if shared else [kernel, bias]), *head])
    return network


def test_a_layer_that_is_used_twice_is_seen_at_its_last_use(small_dataset, image):
    settings = {"epochs": 1, "learning_rate": 1e-12, "verbose": 0, "seed": 1}
    shared = pycifar.train(small_dataset, used_twice(True), **settings)
    plain = pycifar.train(small_dataset, used_twice(False), **settings)
    one, other = pycifar.explain(shared, image), pycifar.explain(plain, image)
    assert (one.layer, other.layer) == ("first", "second")
    assert one.heatmap == pytest.approx(other.heatmap, abs=1e-5)
    assert feature_maps(shared, image)["first"].shape == (28, 28, 3)
    assert (shared.layers()["multiply_adds"].sum()) == plain.layers()["multiply_adds"].sum()
    assert pycifar.receptive_field(shared).iloc[3]["receptive_field"] == 5


def test_a_layer_beside_a_shortcut_is_explained(small_dataset, image):
    model = pycifar.train(small_dataset, "resnet20", epochs=1, seed=1, verbose=0)
    assert pycifar.explain(model, image, layer="conv2_1a").heatmap.max() == 1


def test_the_gradient_is_that_of_the_score_before_the_softmax(red_or_blue, half_and_half):
    # Where the softmax is all but certain, the gradient of a probability would be 0.
    bright = np.full((32, 32, 3), 255, np.uint8)
    bright[..., 1:] = 0
    assert pycifar.explain(red_or_blue, bright).heatmap.min() == pytest.approx(1)


def test_a_trained_network_is_explained_from_any_image_that_predict_takes(
    small_model, image, tmp_path
):
    path = tmp_path / "image.png"
    Image.fromarray(np.ascontiguousarray(image)).save(path)
    explanation = pycifar.explain(small_model, image)
    again = pycifar.explain(small_model, path)
    assert (explanation.heatmap == again.heatmap).all()
    assert explanation.heatmap.shape == (32, 32)
    assert explanation.heatmap.dtype == np.float32
    assert 0 <= explanation.heatmap.min() <= explanation.heatmap.max() <= 1
    probabilities = pycifar.predict(small_model, image, "prob")[0]
    assert explanation.probability == pytest.approx(probabilities.max(), abs=1e-6)
    assert explanation.layer == "pool1"
    assert repr(explanation).startswith(f"<Explanation of {explanation.class_name} (0.")
    assert str(explanation) == repr(explanation)
    other = pycifar.explain(small_model, image, layer="conv1_1")
    assert other.layer == "conv1_1"


def test_a_notebook_shows_an_explanation_as_a_table(image):
    explanation = pycifar.Explanation(image, np.zeros((32, 32)), "<b>", 0.75, "pool1")
    shown = explanation._repr_html_()
    for cell in ("&lt;b&gt;", "0.7500", "pool1"):
        assert f"<td>{cell}</td>" in shown


@pytest.mark.parametrize("architecture", ["cnn4", "resnet20"])
def test_a_loaded_model_is_explained_as_before(architecture, small_dataset, image, tmp_path):
    model = pycifar.train(small_dataset, architecture, epochs=1, seed=1, verbose=0)
    before = pycifar.explain(model, image)
    loaded = pycifar.load_model(pycifar.save_model(model, tmp_path / "model.keras"))
    after = pycifar.explain(loaded, image)
    assert (before.heatmap == after.heatmap).all()
    maps, again = feature_maps(model, image), feature_maps(loaded, image)
    assert all((maps[name] == again[name]).all() for name in maps)
    assert pycifar.receptive_field(loaded).equals(pycifar.receptive_field(model))
    assert pycifar.receptive_field(model).equals(pycifar.receptive_field(architecture))


def test_of_a_deep_network_twelve_layers_are_shown():
    network = pycifar.build_model("resnet20", n_classes=3)
    model = pycifar.adopt_model(network, ["a", "b", "c"])
    image = np.zeros((32, 32, 3), np.uint8)
    found = list(feature_maps(model, image))
    convolutions = [one.name for one in network.layers if isinstance(one, keras.layers.Conv2D)]
    assert len(convolutions) > 12
    assert len(found) == 12
    assert (found[0], found[-1]) == (convolutions[0], convolutions[-1])
    assert list(feature_maps(model, image, convolutions)) == convolutions


def test_feature_maps_are_the_outputs_of_the_layers(small_model, image):
    maps = feature_maps(small_model, image)
    assert {name: values.shape for name, values in maps.items()} == {
        "conv1_1": (32, 32, 32),
        "conv1_2": (32, 32, 32),
        "pool1": (16, 16, 32),
    }
    assert {values.dtype.name for values in maps.values()} == {"float32"}  # with bfloat16, too
    pooled = maps["conv1_2"].reshape(16, 2, 16, 2, 32).max(axis=(1, 3))
    assert maps["pool1"] == pytest.approx(pooled)
    assert (feature_maps(small_model, image, "pool1")["pool1"] == maps["pool1"]).all()


def test_filters_are_the_weights_of_the_first_layer(small_model, small_dataset):
    kernel = np.asarray(small_model.keras_model.get_layer("conv1_1").kernel)
    assert (filters(small_model)[5] == kernel[..., 5]).all()
    softmax = pycifar.train(small_dataset, "softmax", epochs=1, seed=1, verbose=0)
    weights = softmax.network.weights[0]
    assert (filters(softmax)[3] == np.asarray(weights)[:, 3].reshape(32, 32, 3)).all()
    numpy = pycifar.train(small_dataset, "mlp_relu", epochs=1, seed=1, verbose=0)
    planes = numpy.network.weights[0][:, 3].reshape(3, 32, 32)
    assert (filters(numpy)[3] == planes.transpose(1, 2, 0)).all()


def test_pictures_are_stretched_each_on_its_own():
    pictures = np.arange(24.0).reshape(2, 2, 2, 3)
    assert stretched(pictures).min(axis=(1, 2, 3)).tolist() == [0, 0]
    assert stretched(pictures).max(axis=(1, 2, 3)).tolist() == [1, 1]
    assert (stretched(np.ones((1, 2, 2, 3))) == 0).all()


def test_the_maps_that_vary_most_are_drawn_in_their_order():
    maps = np.zeros((2, 2, 4))
    maps[0, 0] = [3, 0, 1, 2]
    assert most_varied(maps, 2)[:, 0, 0].tolist() == [3, 2]


def test_the_pictures_are_saved(small_model, image, tmp_path):
    explanation = pycifar.explain(small_model, image)
    pycifar.plot_explanation(explanation, tmp_path / "explanation.png")
    pycifar.plot_feature_maps(small_model, image, n_maps=3, path=tmp_path / "maps.pdf")
    figure = pycifar.plot_filters(small_model, tmp_path / "filters.svg")
    assert len(figure.axes) == 32
    assert sum(path.stat().st_size > 1000 for path in tmp_path.iterdir()) == 3


def test_what_cannot_be_explained_is_refused(small_model, small_dataset, image):
    with pytest.raises(UnknownNameError) as caught:
        pycifar.explain(small_model, image, layer="pool2")
    assert caught.value.fix == 'Did you mean "pool1"?'
    with pytest.raises(UnknownNameError, match="`class_name` must be one of"):
        pycifar.explain(small_model, image, class_name="unicorn")
    with pytest.raises(ImageError, match="`image` must be one image, not 3"):
        pycifar.explain(small_model, small_dataset.split("test").images[:3])
    with pytest.raises(ImageError, match="`image` must be one image, an array, .*, not 7"):
        pycifar.explain(small_model, 7)
    with pytest.raises(ImageError):
        pycifar.explain(small_model, np.zeros((9, 9, 5), np.uint8))
    with pytest.raises(ArgumentError, match="`model` must be a trained model"):
        pycifar.explain("cnn2", image)
    with pytest.raises(ArgumentError, match="`explanation` must be an explanation"):
        pycifar.plot_explanation(image)
    with pytest.raises(ArgumentError, match="`n_maps` must be"):
        pycifar.plot_feature_maps(small_model, image, n_maps=0)


def test_a_network_without_maps_and_one_without_colours_are_refused(small_dataset, image):
    numpy = pycifar.train(small_dataset, "mlp_relu", epochs=1, seed=1, verbose=0)
    with pytest.raises(ArgumentError, match="mlp_relu has no layer whose output has height"):
        pycifar.explain(numpy, image)
    grey = pycifar.train(small_dataset, "mlp_sigmoid", epochs=1, seed=1, verbose=0)
    with pytest.raises(ArgumentError, match="does not see the three colours"):
        pycifar.plot_filters(grey)


def test_a_picture_of_any_size_is_explained(small_model, image):
    picture = Image.fromarray(np.ascontiguousarray(image))
    found = pycifar.explain(small_model, picture)
    assert (found.image == image).all()
    assert pycifar.explain(small_model, picture.resize((50, 40))).image.shape == image.shape
