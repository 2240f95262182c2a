import keras
import numpy as np
import pytest

import pycifar
from pycifar.learners.muon import Muon, orthogonal


@pytest.mark.parametrize("shape", [(40, 8), (8, 40), (16, 24)])
def test_the_directions_of_a_matrix_come_out_as_strong(shape):
    matrix = np.random.default_rng(0).normal(size=shape).astype("float32")
    left, strengths, right = np.linalg.svd(matrix, full_matrices=False)
    found = np.asarray(orthogonal(keras.ops.convert_to_tensor(matrix)))
    new = np.diag(left.T @ found @ right.T)
    assert strengths.max() / strengths.min() > 2
    assert 0.6 < new.min() < new.max() < 1.25
    assert left.T @ found @ right.T == pytest.approx(np.diag(new), abs=1e-4)


def test_a_kernel_turns_by_the_learning_rate_and_keeps_its_norm():
    rng = np.random.default_rng(0)
    kernel = keras.Variable(rng.normal(size=(3, 3, 4, 8)).astype("float32"))
    before = np.asarray(kernel)
    optimizer = Muon(0.1)
    optimizer.apply(
        [keras.ops.convert_to_tensor(rng.normal(size=(3, 3, 4, 8)), "float32")], [kernel]
    )
    after = np.asarray(kernel)
    assert np.linalg.norm(after) == pytest.approx(np.linalg.norm(before), rel=1e-5)
    assert np.linalg.norm(after - before) == pytest.approx(0.1 * np.linalg.norm(before), rel=0.05)


def test_other_variables_are_changed_by_adam_with_a_share_of_the_rate():
    gradient = keras.ops.convert_to_tensor(np.array([0.5, -2.0], "float32"))
    ours, adams = (keras.Variable(np.ones(2, "float32")) for _ in range(2))
    Muon(0.1, others=0.2).apply([gradient], [ours])
    keras.optimizers.Adam(0.02).apply([gradient], [adams])
    assert np.asarray(ours) == pytest.approx(np.asarray(adams), abs=1e-7)


def test_its_settings_make_it_again():
    made = Muon.from_config(Muon(0.3, others=0.5).get_config())
    assert (float(made.learning_rate), made.others) == (pytest.approx(0.3), 0.5)


def test_networks_without_normalisation_learn_by_it_too(small_dataset):
    model = pycifar.train(
        small_dataset, "cnn2", optimizer="muon", epochs=3, seed=1, verbose=0, precision="float32"
    )
    losses = model.history.query("split == 'train' and metric == 'loss'")["value"].tolist()
    assert losses[-1] < 0.8 * losses[0]


def test_zeros_change_nothing_and_break_nothing():
    kernel = keras.Variable(np.ones((3, 3, 2, 4), np.float32))
    zeros = keras.Variable(np.zeros((3, 3, 2, 4), np.float32))
    optimizer = Muon(0.1)
    optimizer.build([kernel, zeros])
    gradients = [keras.ops.zeros(kernel.shape), keras.ops.ones(zeros.shape)]
    optimizer.apply(gradients, [kernel, zeros])
    assert keras.ops.convert_to_numpy(kernel) == pytest.approx(1)
    assert np.isfinite(keras.ops.convert_to_numpy(zeros)).all()
