import math
import re

import keras
import numpy as np
import pytest

import pycifar
from pycifar import console
from pycifar.errors import ArgumentError
from pycifar.training import lr_finder
from pycifar.training.lr_finder import LearningRates, _search, _test


def search(dataset, **arguments):
    return pycifar.find_learning_rate(dataset, "softmax", **{"seed": 1, "steps": 20, **arguments})


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
    asked = {"steps": 10, "batch_size": 10, "seed": 1}
    found = pycifar.find_learning_rate(small_dataset, architecture, **asked)
    assert len(found.table) > 1


def found_where(loss_after, noise=0.0, **asked):
    """What a search finds if a training at constant rates of this size ends with this loss."""
    calls = 0

    def losses(rates, first=0):
        nonlocal calls
        calls += 1
        ripple = np.random.default_rng(0 if first else calls).normal(0, noise, len(rates))
        peak = max(rates)
        return [
            loss_after(rate if len(rates) == 100 else peak) + more
            for rate, more in zip(rates, ripple, strict=True)
        ]

    return _search("cnn2", losses, **{"lowest": 1e-6, "highest": 10.0, "steps": 100, **asked})


def bowl(best, depth=1.0):
    """A loss that falls towards the best rate, a straight line on either side."""
    return lambda rate: 2.0 + depth * (min(abs(math.log10(max(rate, 1e-9) / best)), 3) - 3) / 3


@pytest.mark.parametrize("best", [1e-4, 0.003, 0.02, 0.1, 1.0])
def test_the_suggestion_is_where_the_trials_end_lowest(best):
    found = found_where(bowl(best), noise=0.01)
    assert best / 2 < found.suggestion < best * 2
    assert found.reason is None
    lowest = found.trials["loss"].idxmin()
    assert 0 < lowest < len(found.trials) - 1
    assert found.trials["learning_rate"].pct_change().iloc[1:].tolist() == pytest.approx(
        [2.0] * (len(found.trials) - 1)
    )


def test_the_trials_go_on_from_a_range_test_that_was_wrong():
    def losses(rates, first=0):
        easy = [0.1 if 0.1 < rate < 1 else 2.0 for rate in rates]
        return easy if len(rates) == 100 else [bowl(0.001)(max(rates))] * len(rates)

    found = _search("cnn2", losses, 1e-6, 10.0, 100)
    assert 0.0005 < found.suggestion < 0.002
    assert found.trials["learning_rate"].max() > 0.5
    assert len(found.trials) > 7


def test_a_trial_that_is_the_higher_by_chance_alone_does_not_end_the_search():
    """Where a loss hardly falls, noise puts lowest points."""

    def losses(rates, first=0):
        if len(rates) == 100:
            return [1.0 if 2e-5 < rate < 6e-5 else 2.0 for rate in rates]
        rate = max(*rates, 1e-6)
        falling = 0.1 * math.log10(rate / 1e-6) if rate < 0.01 else 0.0
        by_chance = 0.06 if 4e-5 < rate < 1e-4 else 0.0
        ripple = np.random.default_rng(int(1e9 * rate)).normal(0, 0.1, len(rates))
        return 2.0 - falling + by_chance + ripple - ripple[-50:].mean()

    found = _search("cnn2", losses, 1e-6, 10.0, 100)
    trials = found.trials.set_index("learning_rate")["loss"]
    before, higher, after = trials[trials.index > 1.5e-5][:3]
    assert before < higher > after
    assert 0.003 < found.suggestion < 0.03


def test_a_trial_that_diverges_is_no_neighbour_to_fit_a_parabola_through():
    found = found_where(lambda rate: math.nan if rate > 0.02 else bowl(0.02)(rate))
    assert found.trials["loss"].tolist()[-1] == math.inf
    assert found.suggestion in found.trials["learning_rate"].tolist()
    assert 0.02 / 3 < found.suggestion <= 0.02


@pytest.mark.parametrize(
    ("loss_after", "noise", "asked", "reason"),
    [
        (lambda rate: 2.0, 0.1, {}, "the loss did not fall clearly"),
        (bowl(0.02, depth=0.01), 0.1, {}, "the loss did not fall clearly"),
        (lambda rate: 2.0 + rate, 0.0, {}, "the loss did not fall clearly"),
        (bowl(0.02), 0.01, {"highest": 1e-3}, "the loss was lowest near the highest rate"),
        (bowl(0.02), 0.01, {"lowest": 0.1}, "the loss was lowest near the lowest rate"),
        (lambda rate: math.nan, 0.0, {}, "the loss was never a finite number"),
    ],
)
def test_losses_that_show_no_rate_give_a_reason(loss_after, noise, asked, reason):
    found = found_where(loss_after, noise, **asked)
    assert found.suggestion is None
    assert found.reason.startswith(reason)
    assert str(found).endswith(f": no suggestion, because {found.reason}")


def test_trials_that_all_diverge_give_a_reason():
    found = _search(
        "cnn2", lambda rates, first=0: [2.0 if len(rates) == 100 else math.nan], 1e-6, 10.0, 100
    )
    assert (found.suggestion, found.reason) == (None, "the loss diverged in every trial")


def test_a_search_shows_one_line_at_a_prompt_and_its_steps_in_a_notebook():
    found = found_where(bowl(0.02))
    n = len(found.trials)
    rate = f"{found.suggestion:.2g}"
    assert str(found) == f"cnn2, 100 steps from 1e-06 to 10, {n} trials: suggestion {rate}"
    assert repr(found) == str(found)
    shown = found._repr_html_()
    assert shown.startswith(f"<p>{found}</p>")
    assert "100 rows" in shown
    assert shown.count("<table") == 2
    nothing = LearningRates("<b>", found.table[:0], found.trials[:0], None, "of this")
    assert nothing._repr_html_() == "<p>&lt;b&gt;: no suggestion, because of this</p>\n"


def test_the_range_test_ends_where_the_loss_breaks_away_or_is_no_number():
    rates = [float(i) for i in range(1, 8)]
    assert len(_test(rates, [1.0, 1.0, 1.0, 500.0, 1.0, 1.0, 1.0])) == 4
    assert len(_test(rates, [1.0, 1.0, math.nan, 1.0, 1.0, 1.0, 1.0])) == 2
    assert _test(rates, [math.inf] * 7) == []


@pytest.mark.parametrize("architecture", ["cnn2", "mlp_relu"])
def test_each_trial_begins_with_the_same_weights_on_the_same_batches(small_dataset, architecture):
    """The loss of the first batch is one and the same before the test and before each trial."""
    begun = []

    class Watching(lr_finder._Beginning):
        def losses(self, rates, first=0):
            for step, loss in enumerate(super().losses(rates, first)):
                if first == step == 0:
                    begun.append(loss)
                yield loss

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lr_finder, "_Beginning", Watching)
        found = pycifar.find_learning_rate(small_dataset, architecture, steps=20, seed=1)
    assert len(begun) == 1 + len(found.trials) > 3
    assert set(begun) == {begun[0]}


def test_a_trained_model_is_searched_for_as_a_training_goes_on(small_dataset):
    model = pycifar.train(small_dataset, "softmax", epochs=1, validation=0.2, seed=1, verbose=0)
    before = model.fingerprint()
    found = pycifar.find_learning_rate(small_dataset, model, steps=10, verbose=0)
    assert found.architecture == "softmax"
    assert len(found.trials) > 3
    assert model.fingerprint() == before


def test_long_searches_show_their_progress(small_dataset, monkeypatch, capsys):
    monkeypatch.setattr(console, "_LINE_AFTER", 0)
    monkeypatch.setattr(console, "_LINE_EVERY", 0)
    search(small_dataset, steps=10)
    assert re.search(
        r"\d+ of 20 steps at rates up to 0\.\d+, [\d,]+ a second", capsys.readouterr().err
    )
    for verbose in (0, False):
        search(small_dataset, steps=10, verbose=verbose)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"steps": 9}, "`steps` must be"),
        ({"lowest": 0}, "`lowest` must be a number above 0"),
        ({"lowest": 1, "highest": 1}, "`highest` must be a number above 1"),
        ({"optimizer": 3}, "`optimizer` must be the name"),
        ({"verbose": "yes"}, "`verbose` must be a whole number from 0 to 2"),
        ({"batch_size": 1000}, "`batch_size` must be at most"),
    ],
)
def test_what_makes_no_sense_is_refused(small_dataset, arguments, message):
    with pytest.raises(ArgumentError, match=message):
        search(small_dataset, **arguments)


def legend(figure):
    return [text.get_text() for text in figure.axes[0].get_legend().get_texts()]


def test_the_plot_marks_the_suggestion_or_says_why_there_is_none(tmp_path):
    found = found_where(lambda rate: math.nan if rate > 0.1 else bowl(0.02)(rate))
    figure = pycifar.plot_learning_rates(found, tmp_path / "rates.png")
    assert (tmp_path / "rates.png").stat().st_size > 0
    assert legend(figure) == ["each step", "smoothed", "trials", found.outcome]
    nothing = found_where(lambda rate: 2.0 + rate)
    assert (
        legend(pycifar.plot_learning_rates(nothing))[3]
        == f"no suggestion, because {nothing.reason}"
    )
    with pytest.raises(ArgumentError, match="find_learning_rate"):
        pycifar.plot_learning_rates(found.table)
    with pytest.raises(ArgumentError, match="nothing to draw"):
        pycifar.plot_learning_rates(LearningRates("cnn2", found.table[:0], found.trials[:0], None))


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
