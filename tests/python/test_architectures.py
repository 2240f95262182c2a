import keras
import numpy as np
import pytest

import pycifar
from pycifar.architectures import (
    ARCHITECTURES,
    alexnet,
    fastnet,
    googlenet,
    lenet5,
    resnet20,
    vgg16,
    zfnet,
)
from pycifar.architectures.applications import APPLICATIONS
from pycifar.architectures.cnn4 import WEIGHT_DECAY
from pycifar.errors import ArgumentError, UnknownNameError
from pycifar.models.multiply_adds import count_multiply_adds
from pycifar.scratch import NumpyModel


def weights_of(model):
    return [np.asarray(weight) for weight in model.weights]


# Convolutions and dense layers, parameters, and multiply-adds of one image. Those of cnn2, cnn4,
# lenet5 and the mlps can be counted by hand from the sizes in their sources; the 0.27 million
# parameters and 41 million multiply-adds of resnet20 are its paper's.
TABLE = {
    "softmax": (1, 30_730, 30_720),
    "mlp_sigmoid": (3, 784 * 500 + 500 + 500 * 50 + 50 + 50 * 10 + 10, 417_500),
    "mlp_relu": (3, 3072 * 64 + 64 + 64 * 64 + 64 + 64 * 10 + 10, 201_344),
    "cnn2": (4, (27 * 32 + 32) + (288 * 32 + 32) + (8192 * 512 + 512) + 5130, 14_521_344),
    "cnn4": (6, 2_168_362, 26_579_968),
    "fastnet": (10, 794_336, 35_720_480),
    "lenet5": (5, 456 + 2416 + 48_120 + 10_164 + 850, 651_720),
    "alexnet": (8, 2_343_530, 26_167_296),
    "zfnet": (8, 2_288_362, 15_321_088),
    "vgg16": (16, 2_112_730, 21_096_448),
    "googlenet": (58, 377_126, 24_809_984),
    "resnet20": (20, 271_098, 40_551_040),
    "efficientnet_lite0": (50, 3_425_834, 383_920_352),
    "mobilenet_v3_small": (53, 944_890, 54_902_336),
    "mobilenet_v3_large": (63, 3_005_962, 214_090_560),
    "efficientnet_v2_b0": (92, 5_932_122, 716_818_976),
    "resnet50_v2": (54, 23_585_290, 3_480_227_840),
    "convnext_tiny": (59, 27_827_818, 4_454_770_944),
}
# For photographs. Those of Keras are many layers, and `test_pretrained.py` has more on them.
ONE_OF_KERAS = "mobilenet_v3_small"
LIGHT = [name for name in ARCHITECTURES if name not in APPLICATIONS or name == ONE_OF_KERAS]
# Weights that are drawn make the same of all images, up to the last bits.
FAINT = ("efficientnet_lite0", "mobilenet_v3_small", "mobilenet_v3_large")


def test_the_table_covers_every_architecture():
    assert list(TABLE) == list(ARCHITECTURES)


@pytest.mark.parametrize("name", list(TABLE))
def test_an_architecture_has_its_layers_parameters_and_multiply_adds(name):
    own = ARCHITECTURES[name]
    model = pycifar.build_model(name, (own.image_size, own.image_size, 3))
    network = model.to_keras() if isinstance(model, NumpyModel) else model
    counted = [count_multiply_adds(layer) for layer in network.layers]
    assert (sum(n > 0 for n in counted), model.count_params(), sum(counted)) == TABLE[name]
    assert (own.parameters, own.multiply_adds) == TABLE[name][1:]


def test_multiply_adds_count_each_weight_that_a_value_sees():
    grouped = keras.layers.Conv2D(8, 3, strides=2, groups=2, name="grouped")
    everywhere = keras.layers.Dense(5, name="everywhere")
    keras.Sequential([keras.Input((9, 9, 4)), grouped, everywhere])
    assert count_multiply_adds(grouped) == 4 * 4 * 8 * (3 * 3 * 2)
    assert count_multiply_adds(everywhere) == 4 * 4 * 5 * 8


def test_multiply_adds_of_a_nested_network_are_those_of_its_layers():
    # 300 million, as in table 4 of Sandler et al. 2018, without 1.28 million of the head.
    base = keras.applications.MobileNetV2(include_top=False, weights=None)  # for images of any size
    start = keras.Input((224, 224, 3))
    network = keras.Model(start, keras.layers.GlobalAveragePooling2D()(base(start)))
    assert count_multiply_adds(network) == 299_494_272
    separable = keras.layers.SeparableConv2D(5, 3, depth_multiplier=2)
    keras.Sequential([keras.Input((9, 9, 4)), separable])
    assert count_multiply_adds(separable) == 7 * 7 * (3 * 3 * 4 * 2 + 4 * 2 * 5)


def test_the_smallest_image_that_is_said_to_fit_does():
    modules = (alexnet, fastnet, googlenet, lenet5, resnet20, vgg16, zfnet)
    for module in modules:
        module.build((module.SMALLEST, module.SMALLEST, 3), 2)


@pytest.mark.parametrize("name", list(ARCHITECTURES))
def test_raw_pixels_go_in_and_probabilities_come_out(name):
    images = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    probabilities = pycifar.build_model(name, seed=1).predict_on_batch(images)
    assert probabilities.shape == (3, 10)
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(3), abs=1e-5)
    assert name in FAINT or len(np.unique(probabilities[:, 0])) == 3


def test_the_weight_decay_of_cnn4_covers_every_learned_variable():
    model = pycifar.build_model("cnn4", seed=1)
    for variable in model.trainable_variables:
        variable.assign(np.full(variable.shape, 0.5, "float32"))
    decay = sum(float(loss) for loss in model.losses)
    values = sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)
    assert decay == pytest.approx(WEIGHT_DECAY * 0.25 * values, rel=1e-5)


def test_a_seed_fixes_the_weights_and_another_gives_others():
    first, again, other = (pycifar.build_model("cnn2", seed=seed) for seed in (1, 1, 2))
    pairs = zip(weights_of(first), weights_of(again), strict=True)
    assert all((a == b).all() for a, b in pairs)
    assert (weights_of(first)[0] != weights_of(other)[0]).any()


def test_other_sizes_and_numbers_of_classes_are_built():
    model = pycifar.build_model("cnn4", input_shape=(48, 64, 3), n_classes=3)
    assert model.output_shape == (None, 3)


@pytest.mark.parametrize("name", list(ARCHITECTURES))
def test_each_architecture_takes_larger_images_and_other_numbers_of_classes(name):
    model = pycifar.build_model(name, input_shape=(40, 64, 3), n_classes=3, seed=1)
    images = np.zeros((2, 40, 64, 3), np.uint8)
    assert model.predict_on_batch(images).shape == (2, 3)


@pytest.mark.parametrize(
    "name", ["lenet5", "alexnet", "zfnet", "vgg16", "googlenet", "resnet20", "fastnet"]
)
def test_images_that_are_too_small_are_refused(name):
    with pytest.raises(ArgumentError, match=r"at least \d+×\d+ pixels .*, not 3×40"):
        pycifar.build_model(name, input_shape=(3, 40, 3))


@pytest.mark.parametrize("name", [n for n in ARCHITECTURES if not n.startswith("mlp")])
def test_each_keras_model_can_be_saved_and_loaded_in_safe_mode(name, tmp_path):
    model = pycifar.build_model(name, seed=1)
    model.save(tmp_path / "model.keras")
    images = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    assert (loaded.predict_on_batch(images) == model.predict_on_batch(images)).all()


@pytest.mark.parametrize("name", LIGHT)
def test_images_divided_by_255_are_what_they_were_for_keras_alone(name, tmp_path):
    model = pycifar.build_model(name, seed=1)
    model = model.to_keras() if name.startswith("mlp") else model
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    images = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)
    images[1], images[2] = 0, images[2] % 2  # black, and nearly black: no image decides for others
    probabilities = loaded.predict_on_batch(images)
    divided = np.where([[[[True]]], [[[True]]], [[[False]]], [[[True]]]], images / 255, images)
    for same in (images.astype(np.int32), images.astype(np.float32), divided):
        assert (loaded.predict_on_batch(same) == probabilities).all()


def test_inception_modules_have_the_widths_of_the_paper_over_four():
    model = pycifar.build_model("googlenet")
    joined = [layer for layer in model.layers if layer.name.endswith("_join")]
    widths = [256, 480, 512, 512, 512, 528, 832, 832, 1024]
    assert [layer.output.shape[-1] for layer in joined] == [width // 4 for width in widths]


def test_a_residual_block_adds_its_input_with_new_maps_of_zeros():
    model = pycifar.build_model("resnet20", seed=1)
    before = model.get_layer("conv2_3_relu").output
    after = model.get_layer("conv3_1_add").output
    last = model.get_layer("conv3_1b_norm")
    last.gamma.assign(np.zeros(32, "float32"))  # so that the shortcut alone comes through
    parts = keras.Model(model.inputs, [before, after])
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    went_in, came_out = (np.asarray(values) for values in parts.predict_on_batch(images))
    assert (came_out[..., 8:24] == went_in[:, ::2, ::2]).all()
    assert (came_out[..., :8] == 0).all()
    assert (came_out[..., 24:] == 0).all()


def test_whitened_patches_are_uncorrelated_and_as_strong():
    images = np.random.default_rng(0).integers(0, 256, (50, 12, 12, 3), dtype=np.uint8)
    images[:, 1:] = images[:, 1:] // 2 + images[:, :-1] // 2  # neighbours that are alike
    kernel = fastnet.whitening_filters(images)
    scaled = images * fastnet.SCALE + fastnet.OFFSET
    found = np.asarray(keras.ops.conv(scaled.astype("float32"), kernel)).reshape(-1, 24)
    assert found.T @ found / len(found) == pytest.approx(
        np.kron(np.eye(12), [[1, -1], [-1, 1]]), abs=0.02
    )


def test_the_convolutions_of_fastnet_begin_by_passing_on_what_they_get(small_dataset):
    model = pycifar.build_model("fastnet", seed=1, precision="float32")
    fastnet.prepare(model, small_dataset.split("train").images)
    layer = model.get_layer("conv2_1")
    values = np.random.default_rng(0).random((1, 6, 6, 32), np.float32)
    assert np.asarray(layer(values))[..., :32] == pytest.approx(values, abs=1e-5)


def test_an_unknown_architecture_suggests_the_nearest():
    with pytest.raises(UnknownNameError, match='one of "softmax", .*, not "cnn22"') as caught:
        pycifar.build_model("cnn22")
    assert caught.value.fix == 'Did you mean "cnn2"?'


@pytest.mark.parametrize(
    "arguments",
    [
        {"input_shape": (32, 32)},
        {"input_shape": (32, 32, 1)},
        {"input_shape": (0, 32, 3)},
        {"n_classes": 1},
        {"n_classes": 2.5},
        {"seed": -1},
        {"seed": 2**31},
        {"architecture": lambda input_shape, n_classes: "no model"},
        {"architecture": lambda input_shape, n_classes: pycifar.build_model(n_classes=3)},
        {"architecture": 7},
    ],
)
def test_what_cannot_be_built_is_refused(arguments):
    with pytest.raises(ArgumentError):
        pycifar.build_model(**arguments)


def test_a_network_without_softmax_is_refused():
    import keras

    def scores(input_shape, n_classes):
        return keras.Sequential(
            [
                keras.Input(input_shape, dtype="uint8"),
                keras.layers.Rescaling(1 / 255),
                keras.layers.Flatten(),
                keras.layers.Dense(n_classes, "tanh"),
            ]
        )

    with pytest.raises(ArgumentError, match="must give probabilities") as caught:
        pycifar.build_model(scores)
    assert "softmax" in caught.value.fix


def test_the_table_of_architectures_names_each_with_its_recipe():
    table = pycifar.list_architectures()
    assert table["architecture"].tolist() == list(ARCHITECTURES)
    some = ["weights", "weights_origin", "weights_licence"]
    assert table.drop(columns=some).notna().all(axis=None)
    with_weights = [name for name, own in ARCHITECTURES.items() if own.pretrained]
    assert table["architecture"][table["weights"].notna()].tolist() == with_weights
    others = table[~table["architecture"].isin(with_weights)]
    assert all(value is None for column in some for value in others[column])
    assert set(table["image_size"]) == {32, 224}


def test_a_class_of_the_callers_own_is_refused_with_the_way_out():
    class Net(keras.Model):
        def __init__(self):
            super().__init__()
            self.last = keras.layers.Dense(10, activation="softmax")

        def call(self, images):
            return self.last(keras.ops.reshape(images, (-1, 3072)))

    with pytest.raises(ArgumentError, match="Net is a class of its own") as caught:
        pycifar.build_model(lambda shape, n: Net())
    assert "keras.Model(inputs, outputs)" in caught.value.fix
