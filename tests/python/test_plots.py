import dataclasses
import sys

import numpy as np
import pytest
from matplotlib.figure import Figure

import pycifar
from pycifar.datasets import sample_images
from pycifar.errors import ArgumentError, DataError, DependencyError, OutputExistsError
from pycifar.evaluation import measure


def test_a_picture_is_saved_in_the_format_that_its_ending_names(small_model, tmp_path):
    for ending, start in ((".png", b"\x89PNG"), (".pdf", b"%PDF"), (".SVG", b"<?xml")):
        path = tmp_path / f"history{ending}"
        pycifar.plot_history(small_model, path)
        assert path.read_bytes().startswith(start)
    assert len(list(tmp_path.iterdir())) == 3


def test_no_figure_is_left_with_pyplot(small_model, small_dataset):
    from matplotlib._pylab_helpers import Gcf

    pycifar.plot_history(small_model)
    pycifar.plot_samples(small_dataset, n_per_class=2)
    assert not Gcf.figs


def test_the_history_is_drawn_from_epoch_1(small_model):
    figure = pycifar.plot_history(small_model)
    figure.draw_without_rendering()
    for axes, metric in zip(figure.axes, ("accuracy", "loss"), strict=True):
        assert axes.get_ylabel().lower() == metric
        ticks = [tick for tick in axes.get_xticks() if tick > axes.get_xlim()[0]]
        assert min(ticks) == 1
        assert all(tick == int(tick) for tick in ticks)
        rows = small_model.history[small_model.history["metric"] == metric]
        for line, split in zip(axes.lines, ("train", "validation"), strict=True):
            drawn = rows[rows["split"] == split]
            assert line.get_xdata().tolist() == [1, 2]
            assert line.get_ydata().tolist() == drawn["value"].tolist()
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == ["training", "validation"]


def test_validation_on_a_split_is_named_and_no_validation_draws_one_line(small_model):
    on_test = dataclasses.replace(small_model.config, validation="test")
    figure = pycifar.plot_history(dataclasses.replace(small_model, config=on_test))
    assert figure.legends[0].get_texts()[1].get_text() == "validation (split test)"
    rows = small_model.history[small_model.history["split"] == "train"]
    figure = pycifar.plot_history(dataclasses.replace(small_model, history=rows))
    assert len(figure.axes[0].lines) == 1


def test_a_history_without_an_epoch_cannot_be_drawn(small_model):
    interrupted = dataclasses.replace(small_model, history=small_model.history[:0])
    with pytest.raises(ArgumentError, match="no epoch was finished"):
        pycifar.plot_history(interrupted)


def test_the_samples_are_those_of_the_data_set(small_dataset):
    figure = pycifar.plot_samples(small_dataset, "test", n_per_class=3, seed=4)
    mosaic = figure.axes[0].images[0].get_array()
    images = sample_images(small_dataset, "test", 3, 4)
    assert (mosaic[:32, :32] == images[0, 0]).all()
    assert (mosaic[35:67, 70:102] == images[1, 2]).all()
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == list(small_dataset.class_names)


def test_samples_are_changed_as_in_a_training(small_dataset):
    change = {"flip": True, "crop": 0.5, "colour": True}
    figure = pycifar.plot_samples(small_dataset, n_per_class=4, augmentation=change)
    mosaic = figure.axes[0].images[0].get_array()
    plain, changed = (sample_images(small_dataset, "train", 4, 1, one) for one in ("none", change))
    assert (mosaic[:32, :32] == changed[0, 0]).all()
    assert (changed != plain).any(axis=(2, 3, 4)).all()
    dark = sample_images(small_dataset, augmentation={"brightness": 0.3}) / 1.3
    assert (dark <= sample_images(small_dataset) + 1.0).all()  # they are the same images
    with pytest.raises(ArgumentError, match="`shift` must be less than the height"):
        pycifar.plot_samples(small_dataset, augmentation={"shift": 32})


def test_rows_that_are_shorter_end_in_white_with_augmentation_as_well():
    images = np.full((3, 8, 8, 3), 100, np.uint8)
    few = pycifar.load_dataset({"train": (images, ["a", "b", "b"])})
    assert (sample_images(few, augmentation={"brightness": 1})[0, 1] == 255).all()


def test_every_count_stands_in_the_confusion_matrix(small_model, small_dataset):
    evaluation = pycifar.evaluate(small_model, small_dataset)
    axes = pycifar.plot_confusion(evaluation).axes[0]
    drawn = np.array([int(text.get_text()) for text in axes.texts]).reshape(10, 10)
    assert (drawn == evaluation.confusion.to_numpy()).all()
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("Predicted class", "True class")


def test_what_has_one_panel_is_drawn_into_axes_of_the_caller(small_model, small_dataset, tmp_path):
    found = pycifar.find_learning_rate(small_dataset, "softmax", steps=20, seed=1)
    for plot, shown in (
        (pycifar.plot_learning_rates, found),
        (pycifar.plot_samples, small_dataset),
        (pycifar.plot_confusion, pycifar.evaluate(small_model, small_dataset)),
    ):
        mine = Figure()
        left, right = mine.subplots(1, 2)
        left.plot([1, 2])
        mine.sca(left)
        before = left.get_position().bounds
        assert plot(shown, ax=right) is mine
        assert right.get_title() == plot(shown).axes[0].get_title()
        assert mine.axes[:2] == [left, right]
        assert mine.gca() is left
        assert (left.get_position().bounds, len(left.lines), left.get_title()) == (before, 1, "")
        part = mine.add_subfigure(mine.add_gridspec(2, 1)[1])
        path = tmp_path / f"{plot.__name__}.png"
        assert plot(shown, path=path, ax=part.subplots()) is mine
        assert path.read_bytes().startswith(b"\x89PNG")


def test_what_is_no_axes_to_draw_into_is_refused(small_dataset):
    several = Figure().subplots(1, 2)
    with pytest.raises(ArgumentError, match="`ax` must be a Matplotlib Axes, not an array of"):
        pycifar.plot_samples(small_dataset, ax=several)
    with pytest.raises(ArgumentError, match="`ax` must be a Matplotlib Axes, not <Figure"):
        pycifar.plot_samples(small_dataset, ax=Figure())
    removed = Figure().subplots()
    removed.remove()
    with pytest.raises(ArgumentError, match="`ax` must be a Matplotlib Axes of a figure, not "):
        pycifar.plot_samples(small_dataset, ax=removed)


def test_an_existing_picture_is_replaced_only_when_asked(small_model, tmp_path):
    path = tmp_path / "history.png"
    path.write_text("mine")
    with pytest.raises(OutputExistsError):
        pycifar.plot_history(small_model, path)
    assert path.read_text() == "mine"
    pycifar.plot_history(small_model, path, overwrite=True)
    assert path.read_bytes().startswith(b"\x89PNG")


def test_what_cannot_be_drawn_is_refused(small_model, small_dataset, tmp_path):
    for plot in (pycifar.plot_history, pycifar.plot_samples, pycifar.plot_confusion):
        with pytest.raises(ArgumentError, match="not 3"):
            plot(3)
    with pytest.raises(ArgumentError, match=r"must end in \.png, \.pdf or \.svg"):
        pycifar.plot_history(small_model, tmp_path / "history.gif")
    with pytest.raises(DataError, match="has no split"):
        pycifar.plot_samples(small_dataset, "validation")


def test_without_matplotlib_the_error_says_how_to_get_it(small_model, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(DependencyError) as caught:
        pycifar.plot_history(small_model)
    assert "pip install matplotlib" in caught.value.fix


def test_a_dollar_in_a_name_is_no_mathematics_and_many_names_are_left_out():
    names = ("a$b$", "c$")
    found = measure(np.eye(2, dtype=np.float32), np.arange(2), names, "test")
    figure = pycifar.plot_confusion(found)
    figure.canvas.draw()
    labels = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert labels == list(names)
    assert not any(label.get_parse_math() for label in figure.axes[0].get_xticklabels())
    many = tuple(f"class {number}" for number in range(101))
    figure = pycifar.plot_confusion(measure(np.eye(101), np.arange(101), many, "test"))
    assert "class 7" not in [label.get_text() for label in figure.axes[0].get_yticklabels()]
