import math

import keras
import numpy as np
import pytest

import pycifar
from pycifar.errors import ArgumentError
from pycifar.training.lr_finder import LearningRates, _found, _search


def search(dataset, **arguments):
    return pycifar.find_learning_rate(dataset, "softmax", **{"seed": 1, **arguments})


def test_the_rates_rise_evenly_on_a_logarithmic_scale(small_dataset):
    found = search(small_dataset, lowest=1e-6, highest=1e-4, steps=11)
    assert found.table["learning_rate"].tolist() == pytest.approx(
        [10 ** (-6 + i / 5) for i in range(11)]
    )
    assert found.architecture == "softmax"


def test_the_same_seed_finds_the_same(small_dataset):
    assert search(small_dataset).table.equals(search(small_dataset).table)


def test_the_first_loss_is_that_of_the_untrained_network(small_dataset):
    found = pycifar.find_learning_rate(small_dataset, "cnn2", steps=10, seed=1)
    assert found.table["loss"].iloc[0] == pytest.approx(math.log(10), abs=0.3)


@pytest.mark.parametrize("architecture", ["resnet20", "mlp_relu", "fastnet"])
def test_every_kind_of_network_can_be_searched(small_dataset, architecture):
    found = pycifar.find_learning_rate(small_dataset, architecture, steps=10, seed=1)
    assert len(found.table) > 1


RATES = np.geomspace(1e-6, 10, 100).tolist()


def fall_and_rise(step):
    return 2.0 - 0.5 * (step > 50) + 0.5 * (step > 85)


def shaped(height, noise=0.0):
    """What a search finds whose loss has this height at each step."""
    ripple = np.random.default_rng(1).normal(0, noise, len(RATES))
    losses = [height(step) + more for step, more in enumerate(ripple.tolist())]
    return _found("cnn2", _search(RATES, losses), len(RATES))


def test_the_suggestion_is_a_third_of_the_rate_at_which_most_of_the_fall_is_done():
    found = shaped(fall_and_rise)
    smoothed = found.table["smoothed"]
    done = int((smoothed <= 2.0 - 0.95 * (2.0 - smoothed.min())).argmax())
    assert 50 < done < 85
    assert found.suggestion == pytest.approx(RATES[done] / 3)
    assert found.reason is None
    assert str(found) == "cnn2, 100 steps from 1e-06 to 10: suggestion 0.067"


@pytest.mark.parametrize(
    "height",
    [
        fall_and_rise,
        lambda step: 1.0 if step < 2 else fall_and_rise(step),
        lambda step: 4.0 if step == 30 else fall_and_rise(step),
        lambda step: 4.0 if step == 70 else fall_and_rise(step),
    ],
    ids=["plain", "easy first batches", "early spike", "late spike"],
)
def test_neither_the_first_batches_nor_the_way_back_from_a_spike_make_a_suggestion(height):
    assert RATES[50] < 3 * shaped(height, noise=0.02).suggestion < RATES[85]


@pytest.mark.parametrize(
    ("height", "noise", "reason"),
    [
        (lambda step: 2.0 + step / 100, 0.0, "the loss did not fall clearly"),
        (lambda step: 2.0, 0.1, "the loss did not fall clearly"),
        (lambda step: 2.0 - 0.01 * (step > 50), 0.1, "the loss did not fall clearly"),
        (lambda step: 2.0 - step / 100, 0.0, "the loss was still falling at the highest rate"),
        (lambda step: 10.0**step, 0.0, "the loss diverged within the first steps"),
        (lambda step: math.nan, 0.0, "the loss was never a finite number"),
    ],
)
def test_losses_that_show_no_rate_give_a_reason(height, noise, reason):
    found = shaped(height, noise)
    assert found.suggestion is None
    assert found.reason == reason
    assert str(found).endswith(f": no suggestion, because {reason}")


def test_a_search_shows_one_line_at_a_prompt_and_its_steps_in_a_notebook():
    found = shaped(fall_and_rise)
    assert repr(found) == str(found)
    shown = found._repr_html_()
    assert shown.startswith(f"<p>{found}</p>")
    assert "100 rows" in shown
    assert _found("<b>", [], 100)._repr_html_() == (
        "<p>&lt;b&gt;: no suggestion, because the loss was never a finite number</p>\n"
    )


def test_the_search_ends_where_the_loss_breaks_away_or_is_no_number():
    rates = [float(i) for i in range(1, 8)]
    assert len(_search(rates, [1.0, 1.0, 1.0, 500.0, 1.0, 1.0, 1.0])) == 4
    assert len(_search(rates, [1.0, 1.0, math.nan, 1.0, 1.0, 1.0, 1.0])) == 2
    assert _search(rates, [math.inf] * 7) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"steps": 9}, "`steps` must be"),
        ({"lowest": 0}, "`lowest` must be a number above 0"),
        ({"lowest": 1, "highest": 1}, "`highest` must be a number above 1"),
        ({"optimizer": 3}, "`optimizer` must be the name"),
        ({"batch_size": 1000}, "`batch_size` must be at most"),
    ],
)
def test_what_makes_no_sense_is_refused(small_dataset, arguments, message):
    with pytest.raises(ArgumentError, match=message):
        search(small_dataset, **arguments)


def legend(figure):
    return [text.get_text() for text in figure.axes[0].get_legend().get_texts()]


def test_the_plot_marks_the_suggestion_or_says_why_there_is_none(tmp_path):
    found = shaped(fall_and_rise)
    figure = pycifar.plot_learning_rates(found, tmp_path / "rates.png")
    assert (tmp_path / "rates.png").stat().st_size > 0
    assert legend(figure) == ["each step", "smoothed", "suggestion 0.067"]
    nothing = shaped(lambda step: 2.0 + step / 100)
    assert (
        legend(pycifar.plot_learning_rates(nothing))[2]
        == f"no suggestion, because {nothing.reason}"
    )
    with pytest.raises(ArgumentError, match="find_learning_rate"):
        pycifar.plot_learning_rates(found.table)
    with pytest.raises(ArgumentError, match="nothing to draw"):
        pycifar.plot_learning_rates(LearningRates("cnn2", found.table.iloc[:0], None))


def compiled(rate):
    layers = [keras.Input((32, 32, 3)), keras.layers.Flatten()]
    network = keras.Sequential([*layers, keras.layers.Dense(10, "softmax")])
    network.compile(keras.optimizers.SGD(rate), "mean_squared_error")
    return network


def test_the_loss_is_the_one_that_is_given_or_compiled(small_dataset):
    uniform = (0.9**2 + 9 * 0.1**2) / 10  # of ten classes with the same probability
    for network, loss in (("cnn2", "mean_squared_error"), (compiled(0.1), None)):
        found = pycifar.find_learning_rate(small_dataset, network, steps=10, seed=1, loss=loss)
        assert found.table["loss"].iloc[0] == pytest.approx(uniform, abs=0.1)
        assert found.table["loss"].max() < 0.2


def test_an_optimizer_with_a_schedule_of_its_own_is_refused(small_dataset):
    network = compiled(keras.optimizers.schedules.CosineDecay(0.1, 100))
    with pytest.raises(ArgumentError, match="its learning rate is a CosineDecay"):
        pycifar.find_learning_rate(small_dataset, network, steps=10)
    pycifar.find_learning_rate(small_dataset, network, steps=10, optimizer="sgd")
