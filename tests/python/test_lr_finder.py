import math

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
    assert 1e-6 <= found.suggestion <= 10


@pytest.mark.parametrize("architecture", ["resnet20", "mlp_relu", "fastnet"])
def test_every_kind_of_network_can_be_searched(small_dataset, architecture):
    found = pycifar.find_learning_rate(small_dataset, architecture, steps=10, seed=1)
    assert len(found.table) > 1


def test_the_suggestion_is_where_the_smoothed_loss_falls_most():
    rates = [10.0**i for i in range(-4, 1)]
    rows = [(rate, 0.0, loss) for rate, loss in zip(rates, [2, 1.9, 1.0, 0.9, 1.5], strict=True)]
    assert _found("cnn2", rows).suggestion == pytest.approx(1e-3)
    assert "the loss fell most at 0.001" in str(_found("cnn2", rows))


def test_a_search_shows_one_line_at_a_prompt_and_its_steps_in_a_notebook():
    found = _found("cnn2", [(1e-4 * 1.1**i, 0.5, 1 / (i + 1)) for i in range(100)])
    assert repr(found) == str(found)
    assert str(found).startswith("cnn2, 100 steps from 0.0001 to 1.3: the loss fell most at ")
    shown = found._repr_html_()
    assert shown.startswith(f"<p>{found}</p>")
    assert "<td>0.0001</td>" in shown
    assert "100 rows" in shown
    assert _found("<b>", [])._repr_html_() == (
        "<p>&lt;b&gt;: the loss was never a finite number</p>\n"
    )


def test_a_loss_that_never_falls_suggests_nothing():
    rows = [(10.0**i, 0.0, 1.0 + i) for i in range(4)]
    found = _found("cnn2", rows)
    assert found.suggestion is None
    assert "no rate at which the loss fell" in str(found)


def test_the_search_ends_where_the_loss_breaks_away_or_is_no_number():
    rates = [float(i) for i in range(1, 8)]
    assert len(_search(rates, [1.0, 1.0, 1.0, 500.0, 1.0, 1.0, 1.0])) == 4
    assert len(_search(rates, [1.0, 1.0, math.nan, 1.0, 1.0, 1.0, 1.0])) == 2
    assert _search(rates, [math.inf] * 7) == []
    assert str(_found("cnn2", [])) == "cnn2: the loss was never a finite number"


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


def test_the_plot_marks_the_suggestion(small_dataset, tmp_path):
    found = search(small_dataset, steps=20)
    figure = pycifar.plot_learning_rates(found, tmp_path / "rates.png")
    assert (tmp_path / "rates.png").stat().st_size > 0
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert labels[:2] == ["each step", "smoothed"]
    with pytest.raises(ArgumentError, match="find_learning_rate"):
        pycifar.plot_learning_rates(found.table)
    with pytest.raises(ArgumentError, match="nothing to draw"):
        pycifar.plot_learning_rates(LearningRates("cnn2", found.table.iloc[:0], None))
