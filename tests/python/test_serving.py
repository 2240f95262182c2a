"""The server, asked over real sockets."""

import asyncio
import dataclasses
import gc
import http.client
import importlib.util
import io
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.request
import weakref
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import pycifar
from pycifar.cli.sharing import _by_name
from pycifar.errors import (
    ArgumentError,
    DataFormatError,
    DependencyError,
    ModelFileError,
    ServingError,
)
from pycifar.models.calibration import Calibration
from pycifar.serving import limits
from pycifar.serving import server as serving
from pycifar.serving.batching import Batcher
from pycifar.serving.workers import Job, Workers

for module in ("httptools", "starlette", "uvicorn", "multipart"):
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"needs {module}", allow_module_level=True)

ROOT = str(Path(pycifar.__file__).parents[1])


@pytest.fixture(scope="module")
def models():
    plain = pycifar.load_model("fastnet-cifar10")
    found = Calibration(1.2, 0.9, 0.3, "test", 100, 0.1, 0.05)
    return {"plain": plain, "sure": dataclasses.replace(plain, calibration=found)}


@pytest.fixture(scope="module")
def server(models):
    with pycifar.serve(models, port=0, wait=False) as server:
        yield server


def picture(seed=1, size=(70, 50), kind="PNG"):
    """The bytes of a random picture."""
    pixels = np.random.default_rng(seed).integers(0, 256, (*size[::-1], 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind)
    return stream.getvalue()


def ask(server, body, path="/predict", headers=None, method="POST"):
    """Return the status and the answer to one request."""
    host = server.address.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=60)
    connection.request(method, path, body, headers or {})
    response = connection.getresponse()
    content = response.read()
    connection.close()
    return response.status, json.loads(content)


def form(*files):
    """Return the body of a form with files, and its headers."""
    parts = b"".join(
        b'--line\r\nContent-Disposition: form-data; name="f"; filename="'
        + name
        + b'"\r\n\r\n'
        + content
        + b"\r\n"
        for name, content in files
    )
    return parts + b"--line--\r\n", {"Content-Type": "multipart/form-data; boundary=line"}


def memory(server):
    """Return the bytes of memory that a server holds."""
    return int(Path(f"/proc/{server.pid}/statm").read_text().split()[1]) * os.sysconf(
        "SC_PAGE_SIZE"
    )


def test_a_picture_is_answered_as_predict_answers_it(server, models):
    content = picture()
    status, answer = ask(server, content)
    expected = pycifar.predict(models["plain"], content, "prob")[0]
    (found,) = answer["predictions"]
    assert (status, answer["model"]) == (200, "plain")
    assert answer["milliseconds"] > 0
    assert list(found["probabilities"]) == list(models["plain"].class_names)
    np.testing.assert_allclose(list(found["probabilities"].values()), expected, atol=1e-4)
    assert found["class"] == models["plain"].class_names[expected.argmax()]
    assert (found["name"], found["set"], found["error"]) == (None, None, None)


def test_several_pictures_are_answered_in_their_order_by_the_model_asked_for(server, models):
    contents = [picture(seed, kind=kind) for seed, kind in enumerate(("PNG", "JPEG", "BMP"))]
    body, headers = form(*((f"{i}.x".encode(), one) for i, one in enumerate(contents)))
    status, answer = ask(server, body, "/predict?model=sure", headers)
    expected = pycifar.predict(models["sure"], contents, "prob")
    sets = pycifar.predict(models["sure"], contents, "set")
    found = [list(one["probabilities"].values()) for one in answer["predictions"]]
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert (status, [one["name"] for one in answer["predictions"]]) == (200, ["0.x", "1.x", "2.x"])
    for one, row in zip(answer["predictions"], sets, strict=True):
        assert one["set"] == [n for n, i in zip(models["sure"].class_names, row, strict=True) if i]


def test_an_explanation_is_a_picture_with_opacity(server):
    _, answer = ask(server, picture(), "/predict?explain=true")
    kind, data = answer["predictions"][0]["heatmap"].split(",")
    import base64

    with Image.open(io.BytesIO(base64.b64decode(data))) as heat:
        assert (kind, heat.size, heat.mode) == ("data:image/png;base64", (32, 32), "RGBA")


def test_a_network_without_maps_says_why_there_is_no_explanation(small_dataset):
    model = pycifar.train(small_dataset, "softmax", epochs=1, seed=1, verbose=0)
    with pycifar.serve(model, port=0, wait=False) as server:
        status, answer = ask(server, picture(), "/predict?explain=true")
    (found,) = answer["predictions"]
    assert (status, found["heatmap"]) == (200, None)
    assert "no layer whose output has height and width" in found["heatmap_missing"]


def test_the_server_describes_itself(server):
    _, about = ask(server, None, "/models", method="GET")
    assert [one["name"] for one in about["models"]] == ["plain", "sure"]
    assert [one["coverage"] for one in about["models"]] == [None, 0.9]
    assert "source" not in json.dumps(about)
    assert ask(server, None, "/health", method="GET") == (200, {"status": "ok"})


def test_the_description_is_openapi(server):
    validator = pytest.importorskip("openapi_spec_validator")
    _, found = ask(server, None, "/openapi.json", method="GET")
    validator.validate(found)
    assert set(found["paths"]) == {"/predict", "/models", "/health"}


def test_the_page_is_served_with_headers_that_keep_strangers_out(server):
    for path in ("/", "/page.css", "/page.js"):
        with urllib.request.urlopen(server.address + path) as response:
            assert "default-src 'none'" in response.headers["content-security-policy"]
            assert response.headers["x-content-type-options"] == "nosniff"
            text = response.read().decode()
        assert "http://" not in text.replace("http://www.w3.org", "")
        assert "https://" not in text


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def test_a_webp_may_have_fewer_pixels(server):
    stream = io.BytesIO()
    Image.new("L", (5_001, 5_000)).save(stream, "WEBP", lossless=True, method=0)
    found, answer = ask(server, stream.getvalue())
    assert found == 413
    assert "may have 25,000,000 as WEBP" in answer["predictions"][0]["error"]


@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells what a process held at most")
def test_large_pictures_take_the_stated_memory_and_give_it_back(server):
    bodies = []
    for kind, mode, side in (
        ("WEBP", "RGBA", 5_000),
        ("PNG", "RGBA", 7_000),
        ("PNG", "I;16", 7_000),
    ):
        stream = io.BytesIO()
        options = {"lossless": True, "method": 0} if kind == "WEBP" else {"compress_level": 1}
        Image.new(mode, (side, side)).save(stream, kind, **options)
        bodies.append(stream.getvalue())
    before = memory(server)
    Path(f"/proc/{server.pid}/clear_refs").write_text("5")  # what it held at most begins anew
    with ThreadPoolExecutor(3) as pool:
        assert [status for status, _ in pool.map(lambda body: ask(server, body), bodies)] == [
            200
        ] * 3
    status = Path(f"/proc/{server.pid}/status").read_text()
    most = 1024 * int(status.partition("VmHWM:")[2].split()[0])
    assert most - before < 600 * limits.MB
    assert memory(server) - before < 100 * limits.MB


def huge_picture(side=30_000):
    """A PNG of few bytes that says it has so many pixels."""
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"", 400, "no picture"),
        (b"a text", 422, "cannot be read"),
        (picture(kind="JPEG")[:200], 422, "cannot be read"),
        (huge_picture(), 413, "900,000,000|30,000×30,000"),
        (huge_picture(8_000), 413, "8,000×8,000 pixels, and may have 50,000,000"),
    ],
)
def test_what_is_no_picture_gets_a_sentence(server, body, status, message):
    found, answer = ask(server, body)
    text = answer.get("error") or answer["predictions"][0]["error"]
    assert found == status
    assert any(part in text for part in message.split("|"))


def test_a_form_with_a_bad_picture_answers_the_others(server):
    names = (b"../../../../etc/passwd", b"/etc/passwd", b"good.png")
    body, headers = form(*zip(names, (b"root", b"", picture()), strict=True))
    status, answer = ask(server, body, headers=headers)
    assert status == 200
    assert [one["error"] is None for one in answer["predictions"]] == [False, False, True]
    assert "root:" not in json.dumps(answer)


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/predict?model=none", "POST", 404),
        ("/predict?explain=maybe", "POST", 400),
        ("/predict", "GET", 405),
        ("/none", "GET", 404),
        ("/../pycifar/serving/app.py", "GET", 404),
        ("/page.js/../../app.py", "GET", 404),
        ("/%2e%2e/%2e%2e/etc/passwd", "GET", 404),
    ],
)
def test_a_wrong_address_gets_a_sentence(server, path, method, status):
    found, answer = ask(server, picture() if method == "POST" else None, path, method=method)
    assert found == status
    assert answer["error"].endswith(".")


def test_too_many_pictures_are_refused(server):
    body, headers = form(*[(b"a.png", picture(size=(4, 4)))] * (limits.MOST_PICTURES + 1))
    assert ask(server, body, headers=headers)[0] == 413
    body, headers = form(*[(b"a.png", picture(size=(4, 4)))] * limits.MOST_PICTURES)
    assert ask(server, body, headers=headers)[0] == 200


@pytest.mark.parametrize("chunked", [True, False])
def test_a_body_that_is_too_large_is_refused(server, chunked):
    size = 21 * 2**20
    host, port = server.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as line:
        length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {size}"
        line.sendall(f"POST /predict HTTP/1.1\r\nHost: {host}\r\n{length}\r\n\r\n".encode())
        for _ in range(21):
            line.sendall((b"100000\r\n" if chunked else b"") + bytes(2**20) + b"\r\n" * chunked)
        line.sendall(b"0\r\n\r\n" if chunked else b"")
        assert b"413" in line.recv(4096)


@pytest.mark.parametrize("name", ["Host", "Origin"])
def test_a_request_in_the_name_of_another_machine_is_refused(server, name):
    value = "evil.example" if name == "Host" else "http://evil.example"
    assert ask(server, picture(), headers={name: value})[0] == 403
    assert ask(server, picture(), headers={"Origin": server.address})[0] == 200
    assert ask(server, picture(), headers={"Origin": "null"})[0] == 403
    assert ask(server, picture(), headers={name: "http://[::1"})[0] == 403


@pytest.mark.parametrize(("host", "checked"), [("127.0.0.2", True), ("0.0.0.0", False)])
def test_a_server_of_this_machine_alone_knows_its_names(host, checked):
    with pycifar.serve("fastnet-cifar10", host=host, port=0, wait=False) as server:
        assert ask(server, None, "/health", method="GET")[0] == 200
        for name in (host, "127.0.0.1", "localhost:80"):
            assert ask(server, None, "/health", {"Host": name}, "GET")[0] == 200
        strange = ask(server, None, "/health", {"Host": "evil.example"}, "GET")
        assert strange[0] == (403 if checked else 200)


def test_a_client_that_stops_in_the_middle_harms_nobody(server):
    host, port = server.address.removeprefix("http://").split(":")
    for _ in range(20):
        with socket.create_connection((host, int(port))) as line:
            head = f"POST /predict HTTP/1.1\r\nHost: {host}\r\nContent-Length: 9000\r\n\r\n"
            line.sendall(head.encode() + b"half")
    assert ask(server, picture())[0] == 200


def lines_to(server, *beginnings):
    """Return a connection for each of these, which has sent it."""
    host, port = server.address.removeprefix("http://").split(":")
    lines = [socket.create_connection((host, int(port)), timeout=60) for _ in beginnings]
    for line, beginning in zip(lines, beginnings, strict=True):
        line.sendall(beginning)
    return lines


def test_a_connection_that_asks_nothing_is_closed(server):
    slow = b"POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9000\r\n\r\nhalf"
    asked = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    nothing, part, body, again = lines_to(server, b"", b"GET / HTTP/1.1\r\nHo", slow, asked + b"G")
    assert nothing.recv(100) == b""
    assert part.recv(100) == b""
    assert b"408" in body.recv(100)
    with again.makefile("rb") as answers:  # until the server closes it
        assert b'{"status":"ok"}' in answers.read()
    for line in (nothing, part, body, again):
        line.close()


OFFERING = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"
CHUNKED = b"POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("beginning", "part"),
    [
        (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ", b"y" * 2**20),
        (
            b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n",
            b"".join(b"x%d: y\r\n" % i for i in range(100_000)),
        ),
        (b"GET /", b"y" * 2**20),
        (CHUNKED + b"1;", b"y" * 2**20),
        (CHUNKED + b"0\r\nX: ", b"y" * 2**20),
        (CHUNKED + b"0\r\n", b"x: y\r\n" * 100_000),
        (b"", b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 10_000),
        (b"", OFFERING * 10_000),
    ],
    ids=["header", "headers", "address", "chunk", "trailer", "trailers", "requests", "offers"],
)
def test_what_has_no_end_is_refused(server, beginning, part):
    before = memory(server)
    (line,) = lines_to(server, beginning)
    with line, pytest.raises(ConnectionError):
        for _ in range(1000):
            line.sendall(part)
    assert memory(server) - before < 50 * 2**20
    assert ask(server, picture())[0] == 200


def test_a_head_may_have_the_stated_size(server):
    for size, expected in ((limits.LARGEST_HEAD - 500, 200), (limits.LARGEST_HEAD, 431)):
        status, answer = ask(server, picture(), headers={"X": "y" * size})
        assert status == expected
    assert answer["error"] == "The address and the headers of a request may have 64 KB."
    status, answer = ask(server, b"", "/" + "y" * limits.LARGEST_HEAD)
    assert status == 431


def test_what_is_no_http_gets_a_sentence(server):
    for text in (
        b"hello\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\n\r\n",
    ):
        (line,) = lines_to(server, text)
        with line, line.makefile("rb") as answers:
            head, _, body = answers.read().partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 400 Bad Request")
        assert json.loads(body) == {"error": "This is no request of HTTP."}


def test_requests_sent_before_the_first_is_answered_are_answered_in_order(server):
    one = b"POST /predict?model=%s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n"
    content = picture()
    names = [b"plain", b"sure", b"nobody", b"plain"] * 10
    (line,) = lines_to(server, b"".join(one % (name, len(content)) + content for name in names))
    found = []
    with line, line.makefile("rb") as answers:
        for _ in names:
            status = answers.readline().split()[1]
            head = http.client.parse_headers(answers)
            answer = json.loads(answers.read(int(head["content-length"])))
            found.append(answer.get("model", status).encode() if status == b"200" else status)
    assert found == [b"404" if name == b"nobody" else name for name in names]


def test_a_client_that_offers_http_2_is_answered(server):
    # As the client of Java does in each first request.
    offer = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAMAAAB"}
    host = server.address.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=10)
    for headers in (offer, {}, offer, offer | {"Connection": "close, Upgrade"}):
        connection.request("POST", "/predict", picture(), headers)
        response = connection.getresponse()
        assert response.status == 200
        assert json.loads(response.read())["model"] == "plain"
    assert response.will_close
    connection.close()
    (line,) = lines_to(server, b"CONNECT a:80 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nhello")
    with line:
        assert line.recv(100).startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "application/json"}, 415),
        ({"Content-Type": "text/html; charset=utf-8"}, 415),
        ({"Content-Encoding": "gzip"}, 415),
        ({"Content-Type": "image/jpeg"}, 200),
        ({"Content-Type": "application/octet-stream"}, 200),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 200),  # curl --data-binary
        ({"Content-Type": "multipart/form-data"}, 400),
    ],
)
def test_what_is_said_to_be_no_picture_is_refused(server, headers, status):
    found, answer = ask(server, picture(), headers=headers)
    assert found == status
    assert status == 200 or answer["error"].endswith(".")


def test_many_small_pictures_for_a_model_of_large_images_take_bounded_memory():
    model = pycifar.build_model("softmax", input_shape=(512, 512, 3), n_classes=2)
    body, headers = form(*[(b"a.png", picture(size=(4, 4)))] * limits.MOST_PICTURES)
    with pycifar.serve(pycifar.adopt_model(model, ["a", "b"]), port=0, wait=False) as server:
        assert ask(server, body, headers=headers)[0] == 200
        before = memory(server)
        with ThreadPoolExecutor(60) as pool:  # which ask for 3 GB of pixels
            found = list(pool.map(lambda _: ask(server, body, headers=headers)[0], range(60)))
        assert memory(server) - before < 2 * limits.MOST_PIXEL_BYTES
    assert set(found) == {200, 503}


def test_a_thousand_requests_at_once_are_answered_or_told_to_wait(server):
    before = memory(server)
    content = picture()
    with ThreadPoolExecutor(200) as pool:
        found = list(pool.map(lambda _: ask(server, content)[0], range(1000)))
    assert set(found) <= {200, 503}
    assert found.count(200) > 500
    assert memory(server) - before < 300 * 2**20
    assert ask(server, content)[0] == 200


async def _outcomes(*futures):
    return await asyncio.wait_for(asyncio.gather(*futures, return_exceptions=True), 10)


def test_images_that_come_together_are_computed_together():
    sizes, go = [], threading.Event()

    def compute(images):
        sizes.append(len(images))
        go.wait(10)
        return images * 2

    async def found():
        batcher, loop = Batcher(compute), asyncio.get_running_loop()
        jobs = [(np.array([i]), loop.create_future()) for i in range(81)]
        first = loop.run_in_executor(None, batcher.compute, jobs[:1])
        while not sizes:
            await asyncio.sleep(0.01)
        for start in range(1, 81, 2):  # which returns at once, since another thread computes
            batcher.compute(jobs[start : start + 2])
        jobs[5][1].cancel()
        go.set()
        outcomes = await _outcomes(*(future for _, future in jobs))
        await first
        return outcomes

    outcomes = asyncio.run(found())
    assert isinstance(outcomes.pop(5), asyncio.CancelledError)
    assert [row.tolist() for row in outcomes] == [[2 * i] for i in range(81) if i != 5]
    assert sizes == [1, 15, *[16] * 4]


def test_as_many_threads_compute_at_a_time_as_may():
    both, sizes = threading.Barrier(3), []  # two that compute, and the test

    def compute(images):
        sizes.append(len(images))
        if len(sizes) <= 2:
            both.wait(10)  # until two compute
            both.wait(10)  # until the third has left its image
        return images * 2

    async def found():
        batcher, loop = Batcher(compute, 2), asyncio.get_running_loop()
        jobs = [(np.array([i]), loop.create_future()) for i in range(3)]
        begun = []
        for i in range(2):
            begun.append(loop.run_in_executor(None, batcher.compute, jobs[i : i + 1]))
            while len(sizes) == i:  # or one thread may take both
                await asyncio.sleep(0.01)
        await asyncio.to_thread(both.wait, 10)
        batcher.compute(jobs[2:])  # which returns at once
        computed = len(sizes)
        await asyncio.to_thread(both.wait, 10)
        outcomes = await _outcomes(*(future for _, future in jobs))
        await asyncio.gather(*begun)
        return computed, outcomes

    computed, outcomes = asyncio.run(found())
    assert computed == 2
    assert [row.tolist() for row in outcomes] == [[0], [2], [4]]
    assert sizes == [1, 1, 1]


def test_an_error_of_the_computation_reaches_those_who_wait_and_no_others():
    def compute(images):
        if (images == 0).any():
            raise ValueError("no")
        return images

    async def found():
        batcher, loop = Batcher(compute), asyncio.get_running_loop()
        futures = []
        for value in (1, 0, 2):
            futures.append(loop.create_future())
            batcher.compute([(np.array([value]), futures[-1])])
        return await _outcomes(*futures)

    first, broken, last = asyncio.run(found())
    assert (first.tolist(), last.tolist()) == ([1], [2])
    assert isinstance(broken, ValueError)


def test_a_worker_reads_what_is_waited_for_and_outlives_errors():
    begun, go, read = threading.Event(), threading.Event(), []

    class Model:
        batcher = Batcher(lambda images: images * 2)

        def read(self, content, place):
            begun.set()
            go.wait(10)
            read.append(content)
            if content == b"?":
                raise DataFormatError("no")
            place[:] = 1 / int(content)  # of 0 an error that nobody expects

    async def found():
        workers, model, loop = Workers(1), Model(), asyncio.get_running_loop()
        futures = [loop.create_future() for _ in range(12)]
        places = []
        for i, future in enumerate(futures):
            content, place = b"?" if i == 7 else b"%d" % i, np.zeros(1)
            places.append(weakref.ref(place))
            workers.submit(Job(model, content, place, future))
        del place
        await asyncio.to_thread(begun.wait, 10)
        futures[3].cancel()
        go.set()
        outcomes = await _outcomes(*futures)
        async with asyncio.timeout(10):
            # An error that nobody expects keeps what was read beside it, for who looks at it.
            while any(place() is not None for place in places[4:]):
                await asyncio.sleep(0.01)
        await asyncio.to_thread(workers.close)
        return outcomes

    outcomes = asyncio.run(found())
    assert isinstance(outcomes[3], asyncio.CancelledError)
    assert b"3" not in read
    assert outcomes[7]["error"] == "no"
    assert isinstance(outcomes[0], ZeroDivisionError)
    others = [i for i in range(12) if i not in (0, 3, 7)]
    assert [outcomes[i].tolist() for i in others] == [[2 / i] for i in others]


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs Linux")
@pytest.mark.parametrize("each_on_a_core", [True, False])
def test_workers_share_the_cores(each_on_a_core):
    """Or leave them to the system, where what computes has threads of its own."""
    usable = os.sched_getaffinity(0)
    together, found = threading.Barrier(len(usable)), []

    class Model:
        batcher = Batcher(lambda images: images)

        def read(self, content, place):
            together.wait(10)
            found.append(os.sched_getaffinity(0))

    async def look():
        workers, loop = Workers(len(usable), each_on_a_core), asyncio.get_running_loop()
        futures = [loop.create_future() for _ in usable]
        for future in futures:
            workers.submit(Job(Model(), b"", np.zeros(1), future))
        await _outcomes(*futures)
        await asyncio.to_thread(workers.close)

    asyncio.run(look())
    assert sorted(map(sorted, found)) == (
        [[core] for core in sorted(usable)] if each_on_a_core else [sorted(usable)] * len(usable)
    )
    assert os.sched_getaffinity(0) == usable


@pytest.mark.parametrize("threads", [1, 2])
def test_workers_stay_on_cores_unless_a_model_computes_on_all(monkeypatch, threads):
    from pycifar.serving import app

    asked = []
    monkeypatch.setattr(app, "Workers", lambda n, each_on_a_core: asked.append(each_on_a_core))
    app.Service(
        [
            SimpleNamespace(name="a", threads=2, describe=dict),
            SimpleNamespace(name="b", threads=threads, describe=dict),
        ]
    )
    assert asked == [threads > 1]


def _hear_signals():
    # nohup has SIGHUP ignored, and a shell SIGINT in what it runs in the background.
    for number in (signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)


def started(*arguments, **options):
    return subprocess.Popen(
        [sys.executable, "-m", "pycifar", "serve", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": ROOT},
        preexec_fn=_hear_signals,
        **options,
    )


def test_the_loop_is_asyncio_s_whatever_else_is_installed(tmp_path, monkeypatch):
    (tmp_path / "uvloop.py").write_text("raise RuntimeError('another loop')")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    with pycifar.serve("fastnet-cifar10", port=0, wait=False) as server:
        assert ask(server, picture())[0] == 200


def test_clients_that_go_away_leave_no_message():
    child = started("fastnet-cifar10", "--port", "0", "--json")
    host, port = json.loads(child.stdout.readline())["address"].removeprefix("http://").split(":")
    kinds = ("", "Content-Type: multipart/form-data; boundary=x\r\n")
    for kind in kinds:
        head = f"POST /predict HTTP/1.1\r\nHost: {host}\r\n{kind}Content-Length: 9000\r\n\r\nhalf"
        with socket.create_connection((host, int(port))) as line:
            line.sendall(head.encode())
    child.send_signal(signal.SIGINT)
    _, said = child.communicate(timeout=60)
    assert child.returncode == 0
    assert len(said.strip().splitlines()) == 1
    assert "computed by" in said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_lets_it_answer_what_has_begun(number):
    child = started("fastnet-cifar10", "--port", "0", "--json")
    address = json.loads(child.stdout.readline())["address"]
    host, port = address.removeprefix("http://").split(":")
    content = picture()
    with socket.create_connection((host, int(port)), timeout=60) as line:
        head = f"POST /predict HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(content)}\r\n\r\n"
        line.sendall(head.encode() + content[:10])
        time.sleep(0.5)  # until the server has the beginning
        child.send_signal(number)
        time.sleep(0.5)
        line.sendall(content[10:])
        assert b"200 OK" in line.recv(4096)
    _, said = child.communicate(timeout=60)
    assert child.returncode == 0
    assert "computed by" in said


def test_a_signal_before_it_answers_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    child = started("fastnet-cifar10", "--port", "0", "--json")
    while not any(tmp_path.glob("pycifar-*")):  # the export that is to be served
        assert child.poll() is None
        time.sleep(0.01)
    child.send_signal(signal.SIGTERM)
    child.communicate(timeout=60)
    assert child.returncode == 128 + signal.SIGTERM
    assert not any(tmp_path.glob("pycifar-*"))


@pytest.mark.parametrize("phase", ["startup", "on_tick"])
def test_a_server_that_fails_says_so(models, monkeypatch, phase):
    async def fail(*given, **named):
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(f"pycifar.serving.connections.Listener.{phase}", fail)
    with pytest.raises(ServingError, match=r"The server failed: ZeroDivisionError: by zero\."):
        pycifar.serve(models, port=0)


@pytest.mark.parametrize("place", ["load_model", "free_memory"])
def test_a_signal_counts_whose_exception_was_lost(place):
    """TensorFlow drops what is raised where its C++ calls Python, as Python does in a finalizer."""
    code = f"""if True:
        import os, signal, sys
        import pycifar.serving.server as home
        from pycifar.cli import main

        class Deaf:
            def __del__(self):
                os.kill(os.getpid(), signal.SIGTERM)

        function = home.{place}
        home.{place} = lambda *given: (Deaf(), function(*given))[1]
        sys.exit(main(["serve", "fastnet-cifar10", "--port", "0", "--json"]))
    """
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | {"PYTHONPATH": ROOT},
    ) as child:
        said = child.stdout.readline()
        child.kill()
    assert said == ""  # where it would tell its address
    assert child.returncode == 128 + signal.SIGTERM


def test_the_server_ends_with_the_session_that_started_it():
    code = (
        "import pycifar, time;"
        "server = pycifar.serve('fastnet-cifar10', port=0, wait=False);"
        "print(server.pid, flush=True); time.sleep(100)"
    )
    session = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": ROOT},
    )
    pid = int(session.stdout.readline())
    session.kill()
    session.communicate()
    wait_for_the_end(pid)


def wait_for_the_end(pid: int) -> None:
    """Return once a process has ended; fail if that takes more than 30 seconds."""
    deadline = time.monotonic() + 30
    while Path(f"/proc/{pid}").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_the_server_ends_with_the_last_variable_that_has_it():
    server = pycifar.serve("fastnet-cifar10", port=0, wait=False)
    pid = server.pid
    del server
    gc.collect()
    wait_for_the_end(pid)


def test_a_server_says_where_it_is_and_stops_once(server):
    with pycifar.serve({"-x": "fastnet-cifar10"}, port=0, wait=False) as other:
        assert other.models == ("-x",)
        assert repr(other) == f"<Server at {other.address}: -x>"
        assert other.running
    assert not other.running
    other.stop()
    assert "stopped" in repr(other)
    assert server.running


def test_wrong_calls_say_what_is_allowed(models, server, tmp_path, monkeypatch):
    port = int(server.address.rpartition(":")[2])
    with pytest.raises(
        ServingError, match=f"cannot listen on port {port}: Address already in use"
    ) as caught:
        pycifar.serve(models, port=port)
    assert "`port`" in caught.value.fix
    with pytest.raises(ServingError, match=r"192\.0\.2\.1 cannot listen") as caught:
        pycifar.serve(models, host="192.0.2.1", port=0)
    assert "`host`" in caught.value.fix
    with pytest.raises(ArgumentError, match='Two models have the name "fastnet"'):
        pycifar.serve(list(models.values()), port=0)
    with pytest.raises(ArgumentError, match="at least one model"):
        pycifar.serve([], port=0)
    for name in ("", "a=b", "a\nb", "a\0b", 3):
        with pytest.raises(ArgumentError, match="name of a model must be text"):
            pycifar.serve({name: models["plain"]}, port=0)
    for wrong in (3, None, [None]):
        with pytest.raises(ArgumentError, match="`model` must be a trained model"):
            pycifar.serve(wrong, port=0)
    with pytest.raises(ArgumentError, match="port"):
        pycifar.serve(models, port=70_000)
    with pytest.raises(ArgumentError, match="host"):
        pycifar.serve(models, host=3)
    with pytest.raises(ModelFileError, match="no model file"):
        pycifar.serve(tmp_path / "none.keras", port=0)
    monkeypatch.setattr(serving, "MODULES", {"server_of_nobody": "server-of-nobody"})
    with pytest.raises(DependencyError, match="server-of-nobody") as caught:
        pycifar.serve(models, port=0)
    assert "pip install server-of-nobody" in caught.value.fix


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["a=fastnet-cifar10", "a=fastnet-cifar10"], 2, 'Two models have the name "a"'),
        (["a=fastnet-cifar10", "fastnet-cifar10"], 2, "Each model needs a name or none"),
        (["none.keras"], 1, "There is no model file none.keras"),
        (["fastnet-cifar10", "--port", "x"], 2, "port"),
    ],
)
def test_the_command_says_what_is_wrong(arguments, status, message):
    child = started(*arguments)
    _, said = child.communicate(timeout=60)
    assert child.returncode == status
    assert message in said
    assert "Traceback" not in said


def test_what_is_a_path_is_no_name_with_a_model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lr=1.keras").touch()
    assert _by_name(["runs/lr=0.1/m.keras", "lr=1.keras"]) == ["runs/lr=0.1/m.keras", "lr=1.keras"]
    assert _by_name(["one=runs/lr=0.1/m.keras"]) == {"one": "runs/lr=0.1/m.keras"}


def test_an_answer_is_not_held_back_until_its_first_part_is_acknowledged():
    with serving._bound("127.0.0.1", 0) as bound, socket.create_connection(bound.getsockname()):
        accepted, _ = bound.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
