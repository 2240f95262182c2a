import keras
import pytest

import pycifar
from pycifar.errors import ArgumentError, UnknownNameError
from pycifar.learners.optimizers import MOMENTA, OPTIMIZERS, make_optimizer
from pycifar.learners.schedules import SCHEDULES, make_schedule, rate_by_step


def rates(schedule: str, *steps: int) -> list[float]:
    rate = rate_by_step(schedule, 0.1, 100)
    return [rate(step) for step in steps]


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("constant", [0.1, 0.1, 0.1]),
        ("cosine", [0.1, 0.05, 0.0]),
        ("exponential", [0.1, 0.01, 0.001]),
    ],
)
def test_a_schedule_has_its_value_at_start_middle_and_end(schedule, expected):
    assert rates(schedule, 0, 50, 100) == pytest.approx(expected, abs=1e-7)


def test_step_divides_by_ten_after_half_and_after_three_quarters():
    assert rates("step", 0, 50, 51, 75, 76) == pytest.approx([0.1, 0.1, 0.01, 0.01, 0.001])


def test_one_cycle_climbs_for_a_quarter_and_falls_to_zero():
    assert rates("one_cycle", 0, 25, 100) == pytest.approx([0.0, 0.1, 0.0], abs=1e-7)


def test_the_inverse_root_is_a_cosine_for_few_steps_and_lower_for_many():
    few = rate_by_step("inverse_sqrt", 0.1, 4)
    assert [few(0), few(2), few(4)] == pytest.approx([0.1, 0.05, 0.0], rel=0.02)
    many = rate_by_step("inverse_sqrt", 0.1, 3000)
    assert many(300) == pytest.approx(0.05, rel=0.03)


def test_averaging_falls_to_a_ninth_and_stays_there():
    rate = rate_by_step("averaging", 0.1, 3000)
    assert rate(0) == 0.1
    assert rate(600) == pytest.approx((0.1 / 7**0.5 + 0.1 / 9) / 2)
    assert rate(1200) == rate(2999) == pytest.approx(0.1 / 9)


def keras_schedule(schedule: str) -> object:
    """Keras's own schedule of the kind, over 100 steps."""
    made = keras.optimizers.schedules
    return {
        "constant": lambda step: 0.1,
        "cosine": made.CosineDecay(0.1, 100),
        "step": made.PiecewiseConstantDecay([50, 75], [0.1, 0.01, 0.001]),
        "exponential": made.ExponentialDecay(0.1, 100, 0.01),
        "one_cycle": made.CosineDecay(0.0, 75, warmup_target=0.1, warmup_steps=25),
        "inverse_sqrt": lambda step: made.CosineDecay(0.1, 100)(step) / (1 + step / 100) ** 0.5,
        "averaging": lambda step: (
            made.CosineDecay(1.0, 40)(step) * (0.1 / (1 + step / 100) ** 0.5 - 0.1 / 9) + 0.1 / 9
        ),
    }[schedule]


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_rates_are_those_of_keras_s_own_schedules(schedule):
    steps = [0, 1, 24, 25, 49, 50, 51, 75, 76, 99]
    theirs = keras_schedule(schedule)
    assert rates(schedule, *steps) == pytest.approx([float(theirs(s)) for s in steps], abs=1e-7)


@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_each_optimizer_is_made_with_its_rate(name):
    optimizer = make_optimizer(name, 0.02)
    assert isinstance(optimizer, keras.optimizers.Optimizer)
    assert float(optimizer.learning_rate) == pytest.approx(0.02)


@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_weight_decay_shrinks_weights_and_leaves_biases(name):
    layer = keras.layers.Dense(2, kernel_initializer="ones", bias_initializer="ones")
    layer.build((None, 3))
    optimizer = make_optimizer(name, 0.5, weight_decay=0.1)
    still = [keras.ops.zeros(variable.shape) for variable in layer.trainable_variables]
    optimizer.apply(still, layer.trainable_variables)
    assert keras.ops.convert_to_numpy(layer.kernel) == pytest.approx(1 - 0.5 * 0.1)
    assert keras.ops.convert_to_numpy(layer.bias) == pytest.approx(1)


def test_weight_decay_leaves_what_batch_normalisation_learns():
    layer = keras.layers.BatchNormalization(beta_initializer="ones")
    layer.build((None, 3))
    optimizer = make_optimizer("sgd", 0.5, weight_decay=0.1)
    still = [keras.ops.zeros(variable.shape) for variable in layer.trainable_variables]
    optimizer.apply(still, layer.trainable_variables)
    assert keras.ops.convert_to_numpy(layer.gamma) == pytest.approx(1)
    assert keras.ops.convert_to_numpy(layer.beta) == pytest.approx(1)


def test_an_unknown_optimizer_suggests_the_nearest():
    with pytest.raises(UnknownNameError) as caught:
        make_optimizer("adamm", 0.1)
    assert caught.value.fix == 'Did you mean "adam"?'


@pytest.mark.parametrize("rate", [0, -0.1, float("nan"), float("inf"), "fast", None, True])
def test_a_rate_that_is_no_positive_number_is_refused(rate):
    with pytest.raises(ArgumentError, match="learning_rate"):
        make_optimizer("sgd", rate)


@pytest.mark.parametrize(("passes", "ran"), [(11, "inverse_sqrt"), (12, "averaging")])
def test_averaging_needs_twelve_passes_and_says_what_ran(passes, ran):
    schedule = make_schedule("averaging", 0.1, total_steps=passes * 4, steps_per_epoch=4)
    assert schedule.name == ran
    assert schedule.rate(3) == rate_by_step(ran, 0.1, passes * 4)(3)
    assert (schedule.averaged_from < passes * 4) == (ran == "averaging")


@pytest.mark.parametrize(
    ("architecture", "optimizer"), [("cnn2", "sgd"), ("cnn2", "muon"), ("mlp_relu", "sgd")]
)
def test_momentum_is_that_of_the_optimizer_unless_given_and_goes_on(
    small_dataset, architecture, optimizer, tmp_path
):
    settings = {"optimizer": optimizer, "epochs": 1, "batch_size": 50, "seed": 1, "verbose": 0}
    usual = pycifar.train(small_dataset, architecture, **settings)
    assert usual.config.momentum == MOMENTA[optimizer]
    same = pycifar.train(small_dataset, architecture, momentum=MOMENTA[optimizer], **settings)
    assert same.fingerprint() == usual.fingerprint()
    less = pycifar.train(small_dataset, architecture, momentum=0.2, **settings)
    assert less.fingerprint() != usual.fingerprint()
    loaded = pycifar.load_model(pycifar.save_model(less, tmp_path / "less.keras"))
    further = [pycifar.train(small_dataset, m, epochs=1, verbose=0) for m in (less, loaded)]
    assert [model.config.momentum for model in further] == [0.2, 0.2]
    assert further[0].fingerprint() == further[1].fingerprint()


def test_momentum_for_an_optimizer_without_it_is_refused(small_dataset):
    with pytest.raises(ArgumentError, match="`momentum` is for sgd and muon, not for adam"):
        pycifar.train(small_dataset, "cnn2", optimizer="adam", momentum=0.5)
    own = keras.optimizers.SGD(0.1)
    with pytest.raises(ArgumentError, match="`momentum` must be left out where `optimizer` is a"):
        pycifar.train(small_dataset, "cnn2", optimizer=own, momentum=0.5)
    model = pycifar.train(small_dataset, "cnn2", momentum=0.5, epochs=1, seed=1, verbose=0)
    assert pycifar.train(model, optimizer="adam", epochs=1, verbose=0).config.momentum is None
