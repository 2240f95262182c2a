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
from pycifar.errors import ArgumentError, CallbackError, CheckpointError, OutputError
from pycifar.training import checkpoint as checkpoints


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
            "augmentation": ["flip", "crop", "colour"],
        },
    ),
    ("fastnet", 2, {"epochs": 3}),  # smoothed labels, Muon
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
    with pytest.raises(CheckpointError, match="its network is another"):
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


def places(value, before=()):
    """The places in what a checkpoint says, of a list the first two."""
    items = value.items() if isinstance(value, dict) else enumerate(value[:2])
    for key, inner in items:
        yield (*before, key)
        if isinstance(inner, (dict, list)):
            yield from places(inner, (*before, key))


ODD = (None, True, -1, 10**30, -0.5, float("nan"), "", "x", [], {}, [["x"]], {"steps": "x"}, "\0")


@pytest.mark.filterwarnings("ignore:The checkpoint was made elsewhere")
def test_a_checkpoint_of_which_any_part_is_odd_is_refused(dataset, tmp_path):
    settings = {"epochs": 1, "checkpoint_dir": tmp_path, "checkpoint_every": 1}
    settings |= {"best_weights": True, "early_stopping": 3, "class_weights": "balanced"}
    with pytest.raises(CallbackError):
        trained(dataset, "softmax", callbacks=cut_after(2), **settings)
    path = tmp_path / checkpoints.NAME
    with np.load(path) as found:
        entries = dict(found)
    sound = json.loads(entries[checkpoints.ABOUT].tobytes())
    outcomes = []
    for place in places(sound):
        for odd in ODD:
            about = json.loads(json.dumps(sound))
            holder = about
            for key in place[:-1]:
                holder = holder[key]
            if holder[place[-1]] == odd:
                continue
            holder[place[-1]] = odd
            content = np.frombuffer(json.dumps(about).encode(), np.uint8)
            np.savez(path, **(entries | {checkpoints.ABOUT: content}))
            try:
                trained(dataset, "softmax", resume=True, **settings)
                outcomes.append((place, odd))
            except CheckpointError:
                continue
    # What only counts what came before may be another number, but none that is odd.
    free = {"elapsed", "passes", "seconds", "total_steps", "steps_before_epoch", "totals"}
    free |= {"wait", "best", "best_epoch", "stopped_epoch", "stopped", "averaged"}
    free |= {"python", "processor", "rate", "rate_factor", "scheduled_rate"}
    assert [found for found in outcomes if not free & set(map(str, found[0]))] == [], outcomes


def test_best_weights_that_are_missing_are_not_passed_over(dataset, tmp_path):
    settings = {"epochs": 3, "checkpoint_dir": tmp_path, "best_weights": True}
    with pytest.raises(CallbackError):
        trained(dataset, "softmax", callbacks=cut_after(6), **settings)
    path = tmp_path / checkpoints.NAME
    with np.load(path) as found:
        kept = {name: found[name] for name in found if not name.startswith("best/")}
        assert len(kept) < len(found)
    np.savez(path, **kept)
    with pytest.raises(CheckpointError, match="its state does not fit this training"):
        trained(dataset, "softmax", resume=True, **settings)


def dense(activation="relu", **settings):
    """A network of the caller's own."""

    def build(input_shape, n_classes):
        return keras.Sequential(
            [
                keras.Input(input_shape, dtype="uint8"),
                keras.layers.Rescaling(1 / 255),
                keras.layers.Flatten(),
                keras.layers.Dense(4, activation=activation),
                keras.layers.Dense(n_classes, activation="softmax", **settings),
            ]
        )

    return build


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        ({}, {"architecture": dense("tanh")}, "its network is another"),
        ({}, {"architecture": dense(kernel_regularizer="l2")}, "its network is another"),
        (
            {"optimizer": keras.optimizers.SGD(0.01)},
            {"optimizer": keras.optimizers.SGD(0.01, clipnorm=1.0)},
            "`clipnorm` of the optimizer is None there and 1.0",
        ),
    ],
)
def test_a_training_of_another_network_or_optimizer_is_refused(
    dataset, first, second, told, tmp_path
):
    settings = {"architecture": dense(), "epochs": 1, "checkpoint_dir": tmp_path}
    trained(dataset, **(settings | first))
    with pytest.raises(CheckpointError, match=told):
        trained(dataset, **(settings | first | second), resume=True)


def test_the_same_network_built_again_goes_on(dataset, tmp_path):
    settings = {"architecture": dense(), "epochs": 1, "checkpoint_dir": tmp_path, "resume": True}
    ended = trained(dataset, **settings)
    assert trained(dataset, **settings).fingerprint() == ended.fingerprint()


def test_other_images_to_validate_on_are_refused(dataset, tmp_path):
    settings = {"epochs": 1, "checkpoint_dir": tmp_path, "validation": "test"}
    trained(dataset, "softmax", **settings)
    train, test = (dataset.split(name) for name in ("train", "test"))
    other = pycifar.load_dataset(
        {
            "train": (train.images, train.labels),
            "test": (test.images[::-1], test.labels[::-1]),
        },
        class_names=dataset.class_names,
    )
    with pytest.raises(CheckpointError, match="the images it is validated on are others"):
        trained(other, "softmax", resume=True, **settings)


@pytest.mark.parametrize("architecture", ["softmax", "mlp_relu"])
def test_what_computes_must_be_the_same_where_it_changes_weights(
    dataset, architecture, tmp_path, monkeypatch
):
    from pycifar.training import identity

    settings = {"epochs": 1, "checkpoint_dir": tmp_path, "resume": True}
    ended = trained(dataset, architecture, **settings)
    own = identity.current_versions()
    numpy_alone = architecture == "mlp_relu"

    def elsewhere(**changed):
        monkeypatch.setattr(identity, "current_versions", lambda: own | changed)

    elsewhere(python="3.99.0")
    with pytest.warns(UserWarning, match='`python` is .* there and "3.99.0" here'):
        assert trained(dataset, architecture, **settings).fingerprint() == ended.fingerprint()
    elsewhere(numpy="99.0")
    with pytest.raises(CheckpointError, match='`numpy` is .* there and "99.0" here'):
        trained(dataset, architecture, **settings)
    elsewhere(keras="99.0")
    if numpy_alone:
        with pytest.warns(UserWarning, match="`keras` is"):
            trained(dataset, architecture, **settings)
    else:
        with pytest.raises(CheckpointError, match="`keras` is"):
            trained(dataset, architecture, **settings)
    elsewhere()
    home = "numpy_learner" if numpy_alone else "keras_learner"
    monkeypatch.setattr(f"pycifar.learners.{home}.threads_asked_for", lambda *_: 99)
    with pytest.raises(CheckpointError, match='`threads` is .* there and "99" here'):
        trained(dataset, architecture, **settings)


@pytest.mark.parametrize("name", [checkpoints.NAME, checkpoints.LOCK])
@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_what_is_no_plain_file_is_not_opened(dataset, name, kind, tmp_path):
    folder, outside = tmp_path / "steps", tmp_path / "made"
    folder.mkdir()
    if kind == "link":
        (folder / name).symlink_to(outside)
    else:
        os.mkfifo(folder / name)
    with pytest.raises((CheckpointError, OutputError), match="it is no plain file"):
        trained(dataset, "softmax", epochs=1, checkpoint_dir=folder, resume=True)
    assert not outside.exists()


def test_a_lock_that_was_deleted_still_holds(dataset, tmp_path):
    def train_again(epoch, logs):
        (tmp_path / checkpoints.LOCK).unlink()
        trained(dataset, "softmax", epochs=1, checkpoint_dir=tmp_path, resume=True)

    with pytest.raises(CheckpointError, match="Another training is making checkpoints"):
        trained(dataset, epochs=1, checkpoint_dir=tmp_path, callbacks={"on_epoch_end": train_again})


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
