import copy
import io
import os
import pickle
import subprocess
import sys
from pathlib import Path

import matplotlib.figure
from PIL import Image

import pycifar
from pycifar.plots import new_figure

ROOT = Path(pycifar.__file__).parents[1]


def drawn():
    figure = new_figure(4, 3)
    figure.subplots().plot([1, 2, 3])
    return figure


def test_a_notebook_gets_a_picture():
    picture = Image.open(io.BytesIO(drawn()._repr_png_()))
    assert picture.format == "PNG"
    assert 300 < picture.width < 500  # 4 inches of 100 dots, less an empty margin
    assert picture.convert("L").getextrema() == (0, 255)


def test_a_picture_needs_no_pyplot():
    code = (
        "import sys; from pycifar.plots import new_figure; new_figure(4, 3)._repr_png_(); "
        "print('matplotlib.pyplot' in sys.modules)"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    child = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert child.stdout.strip() == "False"


def test_a_figure_is_one_of_matplotlib():
    figure = drawn()
    assert isinstance(figure, matplotlib.figure.Figure)
    assert repr(figure) == "<Figure size 400x300 with 1 Axes>"
    for again in (pickle.loads(pickle.dumps(figure)), copy.deepcopy(figure)):
        assert type(again) is type(figure)
        assert again._repr_png_() == figure._repr_png_()
