"""Checkpoints: a training that was cut off ends as if it had not been."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest

import pycifar
from pycifar import checkpoint as checkpoints
from pycifar.errors import ArgumentError, CallbackError, CheckpointError, OutputError


@pytest.fixture(scope="module")
def dataset():
    return pycifar.load_dataset("synthetic", n_train=200, n_test=50)


def trained(dataset, architecture="mlp_relu", **settings):
    usual = {"batch_size": 50, "seed": 1, "verbose": 0}
    return pycifar.train(dataset, architecture, **(usual | settings))


class CutError(Exception):
    """What ends a training here, as a signal ends its process."""


def cut_after(n_steps):
    """A callback that fails at a step."""
    done = []

    def fail(batch, logs):
        done.append(batch)
        if len(done) == n_steps:
            raise CutError

    return {"on_train_batch_end": fail}


SETTINGS = [
    ("cnn2", None, {}),  # dropout
    (
        "cnn2",
        1,
        {
            "optimizer": "adamw",
            "schedule": "cosine",
            "best_weights": True,
            "early_stopping": 1,
            "augmentation": "flip",
        },
    ),
    ("fastnet", 2, {"skip_easy": 0.35, "epochs": 3}),  # the losses of the images
    ("mlp_relu", 1, {"schedule": "one_cycle"}),  # of NumPy
]


@pytest.mark.parametrize(("architecture", "every", "settings"), SETTINGS)
def test_a_training_that_was_cut_off_ends_as_if_it_was_not(
    dataset, architecture, every, settings, tmp_path
):
    settings = {"epochs": 3} | settings
    whole = trained(dataset, architecture, **settings)
    settings |= {"checkpoint_dir": tmp_path, "checkpoint_every": every, "resume": True}
    for n_steps in (6, 2):
        with pytest.raises(CallbackError):
            trained(dataset, architecture, **settings, callbacks=cut_after(n_steps))
    resumed = trained(dataset, architecture, **settings)
    assert resumed.fingerprint() == whole.fingerprint()
    assert resumed.history.equals(whole.history)
    assert resumed.config == whole.config
    ended = trained(dataset, architecture, **settings)
    assert ended.fingerprint() == whole.fingerprint()


def test_the_steps_before_the_cut_are_not_done_again(dataset, tmp_path):
    settings = {"epochs": 2, "checkpoint_dir": tmp_path, "checkpoint_every": 1}
    with pytest.raises(CallbackError):
        trained(dataset, callbacks=cut_after(6), **settings)
    done = []
    note = {"on_train_batch_end": lambda batch, logs: done.append(batch)}
    trained(dataset, callbacks=note, resume=True, **settings)
    assert done == [2, 3, 4]  # of the second epoch, of 180 images; the sixth step was not kept


def test_a_training_without_a_seed_takes_that_of_its_checkpoint(dataset, tmp_path):
    settings = {"epochs": 2, "seed": None, "checkpoint_dir": tmp_path, "resume": True}
    with pytest.raises(CallbackError):
        trained(dataset, callbacks=cut_after(3), **settings)
    resumed = trained(dataset, **settings)
    whole = trained(dataset, epochs=2, seed=resumed.config.seed)
    assert resumed.fingerprint() == whole.fingerprint()


def test_a_model_that_goes_on_can_be_cut_off_too(dataset, tmp_path):
    first = trained(dataset, epochs=1)
    whole = pycifar.train(first, epochs=2, verbose=0)
    settings = {"epochs": 2, "verbose": 0, "checkpoint_dir": tmp_path, "resume": True}
    with pytest.raises(CallbackError):
        pycifar.train(first, callbacks=cut_after(3), **settings)
    resumed = pycifar.train(first, **settings)
    assert resumed.fingerprint() == whole.fingerprint()
    assert resumed.history.equals(whole.history)


def test_what_is_left_of_a_time_budget_is_used(dataset, tmp_path):
    settings = {"time_budget": 600, "checkpoint_dir": tmp_path, "checkpoint_every": 1}
    with pytest.raises(CallbackError):
        trained(dataset, callbacks=cut_after(4), **settings)
    path = tmp_path / checkpoints.NAME
    state = checkpoints._read(path)
    state.about["elapsed"] = 599.9
    checkpoints.Checkpoints(tmp_path, None, None).save(state)
    resumed = trained(dataset, resume=True, **settings)
    assert resumed.config.passes < 10


def test_a_time_budget_that_was_used_up_is_not_trained_on(dataset, tmp_path, clock):
    clock.tick = 0.05
    settings = {"time_budget": 3, "checkpoint_dir": tmp_path, "resume": True}
    settings |= {"schedule": "cosine"}
    whole = trained(dataset, "softmax", **settings)
    ended = trained(dataset, "softmax", **settings)
    assert ended.fingerprint() == whole.fingerprint()
    assert ended.history.equals(whole.history)


def test_a_time_budget_goes_on_beyond_the_epochs_of_the_recipe(dataset, tmp_path, clock):
    clock.tick = 0.005
    settings = {"time_budget": 15, "checkpoint_dir": tmp_path, "checkpoint_every": 50}
    n_steps = 200  # more than those of the recipe's epochs
    with pytest.raises(CallbackError):
        trained(dataset, "softmax", callbacks=cut_after(n_steps), **settings)
    resumed = trained(dataset, "softmax", resume=True, **settings)
    assert resumed.config.passes * -(-180 // resumed.config.batch_size) > 2 * n_steps


def test_a_network_of_the_callers_own_with_weights_that_numpy_has_no_type_for(dataset, tmp_path):
    def own(input_shape, n_classes):
        return keras.Sequential(
            [
                keras.Input(input_shape, dtype="uint8"),
                keras.layers.Rescaling(1 / 255),
                keras.layers.Flatten(),
                keras.layers.Dense(n_classes, activation="softmax", dtype="bfloat16"),
            ]
        )

    settings = {"epochs": 2, "checkpoint_dir": tmp_path, "resume": True}
    whole = trained(dataset, own, epochs=2)
    with pytest.raises(CallbackError):
        trained(dataset, own, callbacks=cut_after(3), **settings)
    assert trained(dataset, own, **settings).fingerprint() == whole.fingerprint()


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"learning_rate": 0.5}, "`learning_rate` is 0.01 there and 0.5 here"),
        ({"epochs": 4}, "`epochs` is 2 there and 4 here"),
        ({"seed": 2}, "`seed` is 1 there and 2 here"),
        ({"architecture": "cnn4"}, "`architecture` is"),
    ],
)
def test_other_settings_are_refused_by_name(dataset, changed, told, tmp_path):
    settings = {"epochs": 2, "learning_rate": 0.01, "checkpoint_dir": tmp_path}
    trained(dataset, **settings)
    before = (tmp_path / checkpoints.NAME).read_bytes()
    with pytest.raises(CheckpointError, match=told) as caught:
        trained(dataset, **(settings | changed), resume=True)
    assert caught.value.model is None
    assert (tmp_path / checkpoints.NAME).read_bytes() == before


def test_other_images_are_refused(dataset, tmp_path):
    trained(dataset, epochs=1, checkpoint_dir=tmp_path)
    others = pycifar.load_dataset("synthetic", n_train=201, n_test=50)
    with pytest.raises(CheckpointError, match="the training images are others"):
        trained(others, epochs=1, checkpoint_dir=tmp_path, resume=True)


def test_another_network_of_the_callers_own_is_refused(dataset, tmp_path):
    def own(units):
        return lambda input_shape, n_classes: keras.Sequential(
            [
                keras.Input(input_shape, dtype="uint8"),
                keras.layers.Rescaling(1 / 255),
                keras.layers.Flatten(),
                keras.layers.Dense(units),
                keras.layers.Dense(n_classes, activation="softmax"),
            ]
        )

    trained(dataset, own(3), epochs=1, checkpoint_dir=tmp_path)
    with pytest.raises(CheckpointError, match="its network has other weights"):
        trained(dataset, own(4), epochs=1, checkpoint_dir=tmp_path, resume=True)


def test_a_checkpoint_is_not_overwritten_unasked(dataset, tmp_path):
    trained(dataset, epochs=1, checkpoint_dir=tmp_path)
    with pytest.raises(CheckpointError, match="of an earlier training") as caught:
        trained(dataset, epochs=1, checkpoint_dir=tmp_path)
    assert "resume" in caught.value.fix


def test_a_folder_in_use_is_refused(dataset, tmp_path):
    def train_again(epoch, logs):
        trained(dataset, epochs=1, checkpoint_dir=tmp_path, resume=True)

    with pytest.raises(CheckpointError, match="Another training is making checkpoints"):
        trained(dataset, epochs=1, checkpoint_dir=tmp_path, callbacks={"on_epoch_end": train_again})


@pytest.mark.parametrize(
    "settings",
    [{"checkpoint_every": 5}, {"resume": True}],
)
def test_what_needs_a_folder_is_refused_without_one(dataset, settings):
    with pytest.raises(ArgumentError, match="where there is no `checkpoint_dir`"):
        trained(dataset, epochs=1, **settings)


@pytest.mark.parametrize("place", ["file", "nowhere/folder"])
def test_a_folder_that_cannot_be_made_is_refused(dataset, place, tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputError, match="`checkpoint_dir`"):
        trained(dataset, epochs=1, checkpoint_dir=tmp_path / place)
    assert (tmp_path / "file").read_text() == "mine"


def test_a_full_disk_ends_the_training_and_keeps_the_checkpoint_before(
    dataset, tmp_path, monkeypatch
):
    written = []
    savez = np.savez

    def full(path, **entries):
        written.append(path)
        if len(written) == 2:
            path.write_bytes(b"half of")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        savez(path, **entries)

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(CheckpointError, match="No space left on device") as caught:
        trained(dataset, epochs=3, checkpoint_dir=tmp_path)
    assert caught.value.model.epochs_done == 2
    monkeypatch.undo()
    assert sorted(file.name for file in tmp_path.iterdir()) == [checkpoints.LOCK, checkpoints.NAME]
    resumed = trained(dataset, epochs=3, checkpoint_dir=tmp_path, resume=True)
    assert resumed.fingerprint() == trained(dataset, epochs=3).fingerprint()


def test_a_damaged_checkpoint_is_refused(dataset, tmp_path):
    whole = trained(dataset, epochs=1, checkpoint_dir=tmp_path)
    path = tmp_path / checkpoints.NAME
    sound = path.read_bytes()
    for content in (b"", b"not this", sound[: len(sound) // 2], flipped(sound, len(sound) // 2)):
        path.write_bytes(content)
        with pytest.raises(CheckpointError, match="is damaged, or no checkpoint"):
            trained(dataset, epochs=1, checkpoint_dir=tmp_path, resume=True)
        assert path.read_bytes() == content
    for place in range(0, len(sound), len(sound) // 20):  # some bytes, such as dates, say nothing
        path.write_bytes(flipped(sound, place))
        try:
            resumed = trained(dataset, epochs=1, checkpoint_dir=tmp_path, resume=True)
        except CheckpointError:
            continue
        assert resumed.fingerprint() == whole.fingerprint()


def flipped(content, place):
    """The bytes with one of them changed."""
    return content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]


@pytest.mark.parametrize(
    ("about", "arrays"),
    [
        ({"format": 99}, {}),
        ({"format": "1"}, {}),
        ({"format": 1}, {}),
        ({"format": 1, "config": {}, "data": "?"}, {"variables": [np.zeros(3)]}),
    ],
)
def test_a_doctored_checkpoint_is_refused(dataset, about, arrays, tmp_path):
    entries = {checkpoints.ABOUT: np.frombuffer(json.dumps(about).encode(), np.uint8)}
    entries |= {f"{name}/0": values for name, [values] in arrays.items()}
    np.savez(tmp_path / checkpoints.NAME, **entries)
    with pytest.raises(CheckpointError):
        trained(dataset, epochs=1, checkpoint_dir=tmp_path, resume=True)


@pytest.mark.parametrize("entry", ["rows", "steps_done", "seconds", "elapsed", "place", "stopped"])
@pytest.mark.parametrize("value", [None, "x", [["x"]], {"steps": "x"}])
def test_a_checkpoint_that_does_not_say_how_far_it_came_is_refused(dataset, entry, value, tmp_path):
    settings = {"epochs": 1, "checkpoint_dir": tmp_path, "checkpoint_every": 1}
    with pytest.raises(CallbackError):
        trained(dataset, callbacks=cut_after(2), **settings)
    folder = checkpoints.Checkpoints(tmp_path, None, None)
    state = checkpoints._read(tmp_path / checkpoints.NAME)
    folder._data = state.about["data"]
    state.about[entry] = value
    folder.save(state)
    if entry == "stopped":
        trained(dataset, resume=True, **settings)
        return
    with pytest.raises(CheckpointError, match="it does not say how far it came"):
        trained(dataset, resume=True, **settings)


def test_a_checkpoint_with_objects_of_python_is_refused(dataset, tmp_path):
    objects = np.array([{}], object)
    np.savez(tmp_path / checkpoints.NAME, about=objects, allow_pickle=True)
    with pytest.raises(CheckpointError, match="holds no numbers"):
        trained(dataset, epochs=1, checkpoint_dir=tmp_path, resume=True)


def test_a_compressed_checkpoint_is_refused(dataset, tmp_path):
    with zipfile.ZipFile(tmp_path / checkpoints.NAME, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("about.npy", bytes(10_000_000))
    with pytest.raises(CheckpointError, match="is compressed"):
        trained(dataset, epochs=1, checkpoint_dir=tmp_path, resume=True)


def test_what_a_killed_process_left_is_removed(dataset, tmp_path):
    leftover = tmp_path / ".checkpoint-abc.npz"
    leftover.write_bytes(b"half of")
    trained(dataset, epochs=1, checkpoint_dir=tmp_path)
    assert not leftover.exists()


def test_the_lock_of_a_killed_process_is_gone(tmp_path):
    lock = tmp_path / "lock"
    code = (
        "import sys, time, pathlib; from pycifar.files import locked; "
        "from pycifar.errors import OutputError\n"
        "with locked(pathlib.Path(sys.argv[1]), OutputError('in use')):\n"
        "    print('locked', flush=True); time.sleep(600)"
    )
    child = subprocess.Popen([sys.executable, "-c", code, str(lock)], stdout=subprocess.PIPE)
    assert child.stdout.readline() == b"locked\n"
    from pycifar.files import locked

    with pytest.raises(OutputError, match="in use"), locked(lock, OutputError("in use")):
        pass
    child.kill()
    child.communicate()
    with locked(lock, OutputError("in use")):
        pass
