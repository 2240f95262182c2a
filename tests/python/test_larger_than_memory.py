import json
import os
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
from PIL import Image

import pycifar
from pycifar.cli import main
from pycifar.errors import CallbackError, DataError, ImagesChangedError, TrainingError

SETTINGS = {
    "epochs": 3, "batch_size": 8, "augmentation": ["flip", "shift"], "seed": 1, "verbose": 0,
}  # fmt: skip


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    top = tmp_path_factory.mktemp("pets")
    draws = np.random.default_rng(1)
    for split, n in (("train", 30), ("test", 9)):
        for name in ("cat", "dog"):
            (top / split / name).mkdir(parents=True)
            for number in range(n):
                pixels = draws.integers(0, 256, (16, 16, 3), np.uint8)
                Image.fromarray(pixels).save(top / split / name / f"{number:02}.png")
    return top


def load(tree, **options):
    return pycifar.load_dataset("folder", tree, image_size=16, **options)


@pytest.fixture(params=["files", "cache"])
def stored(request, tree, tmp_path):
    return load(tree, in_memory=False, cache_dir=tmp_path if request.param == "cache" else None)


@pytest.mark.parametrize("architecture", ["softmax", "lenet5"])
def test_trainings_are_the_same_in_memory_and_not(tree, stored, architecture):
    whole = load(tree, in_memory=True)
    one, other = (pycifar.train(d, architecture, **SETTINGS) for d in (whole, stored))
    assert one.fingerprint() == other.fingerprint()
    assert one.history.equals(other.history)
    assert one.data == other.data
    for split in ("test", "validation"):
        assert pycifar.evaluate(one, whole, split) == pycifar.evaluate(other, stored, split)
    for tta in (False, True):
        assert np.array_equal(
            pycifar.predict(one, whole, "prob", tta), pycifar.predict(other, stored, "prob", tta)
        )
    further = pycifar.train(other, epochs=1, verbose=0)
    assert further.fingerprint() == pycifar.train(whole, one, epochs=1, verbose=0).fingerprint()
    assert threading.active_count() == 1


def test_averaged_weights_and_rates_are_the_same_in_memory_and_not(tree):
    whole, stored = load(tree, in_memory=True), load(tree, in_memory=False)
    settings = SETTINGS | {"epochs": 12, "batch_size": 20, "schedule": "averaging"}
    one, other = (pycifar.train(d, "resnet20", **settings) for d in (whole, stored))
    assert one.fingerprint() == other.fingerprint()
    one, other = (
        pycifar.find_learning_rate(d, "lenet5", steps=12, batch_size=8, seed=1)
        for d in (whole, stored)
    )
    assert one.table.equals(other.table)
    assert threading.active_count() == 1


def test_a_training_on_stored_images_resumes_where_it_was_cut_off(tree, stored, tmp_path):
    whole = pycifar.train(load(tree, in_memory=True), "lenet5", **SETTINGS)
    steps = []

    def cut_off(batch, logs):
        steps.append(batch)
        if len(steps) == 10:
            raise RuntimeError("cut off")

    settings = SETTINGS | {"checkpoint_dir": tmp_path / "checkpoints", "checkpoint_every": 4}
    with pytest.raises(CallbackError, match="cut off"):
        pycifar.train(stored, "lenet5", callbacks={"on_train_batch_end": cut_off}, **settings)
    assert threading.active_count() == 1
    resumed = pycifar.train(stored, "lenet5", resume=True, **settings)
    assert resumed.fingerprint() == whole.fingerprint()


def test_an_interrupted_training_on_stored_images_leaves_no_thread(stored):
    def interrupt(batch, logs):
        if batch == 3:
            signal.raise_signal(signal.SIGINT)

    with pytest.warns(pycifar.errors.InterruptedWarning):
        model = pycifar.train(
            stored, "lenet5", callbacks={"on_train_batch_end": interrupt}, **SETTINGS
        )
    assert model.interrupted
    assert threading.active_count() == 1


def test_a_file_that_changes_ends_the_training_and_the_model_so_far_is_kept(tree):
    dataset = load(tree, in_memory=False)
    path = tree / "train" / "cat" / "05.png"
    before = path.stat()

    def change(epoch, logs):
        if epoch == 2:
            os.utime(path, (1, 1))

    with pytest.raises(ImagesChangedError, match=r"05\.png has changed or is gone since") as caught:
        pycifar.train(dataset, "softmax", callbacks={"on_epoch_begin": change}, **SETTINGS)
    assert isinstance(caught.value, TrainingError)
    assert isinstance(caught.value, DataError)
    model = caught.value.model
    assert model.epochs_done == 1
    assert pycifar.predict(model, dataset).shape == (18,)
    assert threading.active_count() == 1
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_no_use_of_a_data_set_makes_all_images_at_once(tree, monkeypatch):
    from pycifar.datasets.file_store import FileStore

    monkeypatch.setattr("pycifar.datasets.stored_images.BLOCK_BYTES", 10 * 16 * 16 * 3)
    monkeypatch.setattr("pycifar.evaluation.PREDICTION_BATCH", 10)
    read, most = FileStore.read, []
    monkeypatch.setattr(
        FileStore, "read", lambda self, numbers: most.append(len(numbers)) or read(self, numbers)
    )
    dataset = load(tree, in_memory=False)
    model = pycifar.train(dataset, "lenet5", **SETTINGS)
    pycifar.explore(dataset)
    pycifar.evaluate(model, dataset, "train")
    pycifar.predict(model, dataset.split("train"))
    pycifar.explain(model, dataset.split("test").images[3])
    pycifar.datasets.sample_images(dataset, n_per_class=3)
    assert max(most) <= 10


PEAK = """
import sys
import pycifar
options = {"image_size": 512, "in_memory": False, "cache_dir": sys.argv[2] or None}
pycifar.explore(pycifar.load_dataset("folder", sys.argv[1], **options))
status = open("/proc/self/status").read()
print(status.partition("VmHWM:")[2].split()[0])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="its figures of memory are those of Linux")
@pytest.mark.parametrize("cache", ["", "cache"])
def test_all_images_are_never_in_memory_at_once(tmp_path, cache):
    folder = tmp_path / "pets" / "cat"
    folder.mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(folder / "0.png")
    for number in range(1, 500):
        os.link(folder / "0.png", folder / f"{number}.png")
    command = [sys.executable, "-c", PEAK, str(folder.parent), cache and str(tmp_path / cache)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(done.stdout) * 1024 < 0.9 * 500 * 512 * 512 * 3


def test_the_shell_reads_images_as_they_are_needed(tree, tmp_path, capsys):
    def fingerprint(*options):
        output = str(tmp_path / "model.keras")
        settings = ["--epochs", "1", "--seed", "1", "--batch-size", "8", "--image-size", "16"]
        assert not main(
            ["train", "--dataset", "folder", "--data-dir", str(tree), "--architecture", "softmax",
             "--quiet", "--json", "--output", output, "--overwrite", *settings, *options]
        )  # fmt: skip
        return json.loads(capsys.readouterr().out)["fingerprint"]

    cache = str(tmp_path / "cache")
    found = [
        fingerprint("--in-memory", "yes"),
        fingerprint("--in-memory", "no"),
        fingerprint("--cache-dir", cache),
    ]
    assert len({*found}) == 1
    assert main(["train", "--in-memory", "maybe"]) == 2
    assert '`--in-memory` must be one of "yes", "no"' in capsys.readouterr().err
    assert not main(["clear-cache", cache, "--json"])
    freed = json.loads(capsys.readouterr().out)["freed_bytes"]
    assert freed == 2 * 512 + (60 + 18) * 16 * 16 * 3
    assert not main(["clear-cache", cache])
    assert capsys.readouterr().out == "freed: 0.0 MB\n"
