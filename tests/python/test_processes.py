"""Threads and processes: trainings do not disturb each other, and none waits for ever."""

import multiprocessing
import threading

import pytest

import pycifar
from pycifar.errors import ForkedError


def test_trainings_in_threads_give_the_weights_of_their_seed(small_dataset):
    def train(found):
        model = pycifar.train(small_dataset, "cnn2", epochs=1, seed=1, verbose=0)
        found.append(model.fingerprint())

    alone: list[str] = []
    train(alone)
    together: list[str] = []
    threads = [threading.Thread(target=train, args=(together,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == alone * 3


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="has no fork")
@pytest.mark.filterwarnings("ignore:.*use of fork", "ignore:.*multi-threaded")
def test_a_forked_process_gets_an_error_where_it_would_else_wait_for_ever(
    small_model, small_dataset, tmp_path
):
    path = pycifar.save_model(small_model, tmp_path / "model.keras")
    calls = {
        "predict": lambda: pycifar.predict(small_model, small_dataset.split("test")),
        "evaluate": lambda: pycifar.evaluate(small_model, small_dataset),
        "train": lambda: pycifar.train(small_dataset, "cnn2", epochs=1, verbose=0),
        "load_model": lambda: pycifar.load_model(path),
        "build_model": lambda: pycifar.build_model("cnn2"),
    }
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)

    def try_all():
        for call in calls.values():
            try:
                call()
            except ForkedError as error:
                sender.send(error.message)

    child = context.Process(target=try_all)
    child.start()
    for _ in calls:
        assert receiver.poll(30), "it waits"
        assert "This process was forked" in receiver.recv()
    child.join(30)
    assert child.exitcode == 0
