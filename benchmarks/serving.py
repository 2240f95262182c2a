"""The server: pictures a second beside `predict`, its memory, and what hostile requests do to it.

    python benchmarks/serving.py photographs --output benchmarks/results/serving.json

The folder has the photographs in train/<class>/ and test/<class>/. `efficientnet_lite0`, trained on
them for one epoch of its last layer, and `fastnet-cifar10` are served. `wrk`, a program, is 16
clients that send photographs for a minute: one as the body of each request, then eight in a form.
Before and after each minute, `predict` reads and predicts the same files for a quarter of a minute.
Then 1,000 hostile requests are sent. Server, clients and `predict` share the machine.
"""

from __future__ import annotations

import http.client
import io
import itertools
import json
import os
import struct
import subprocess
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory
from typing import Any

from PIL import Image
from script import command_line, write_report

import pycifar

CLIENTS = 16
SCRIPT = Path(__file__).with_suffix(".lua")
IN_A_REQUEST = (1, 8)  # pictures
FOR_PREDICT = 0.25  # of the seconds of a load, before it and again after it
SIZE = 224  # pixels
# The pictures that take the most memory: format, mode and side in pixels. One is not admitted.
LARGEST = (
    ("WEBP", "RGBA", 5_000),
    ("WEBP", "RGBA", 7_000),
    ("PNG", "RGBA", 7_000),
    ("PNG", "I;16", 7_000),
    ("PNG", "RGB", 7_000),
)
EVERY = 1.0  # seconds between two looks at the memory
MB = 2**20


def main() -> None:
    """Measure, and write the report."""
    parser = command_line(__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--hostile", type=int, default=1000)
    arguments = parser.parse_args()
    dataset = pycifar.load_dataset(
        "folder", arguments.folder, image_size=SIZE, n_train=500, verbose=False
    )
    files = sorted((arguments.folder / "test").rglob("*.jpg"))
    models = {
        "efficientnet_lite0": pycifar.train(
            dataset,
            "efficientnet_lite0",
            weights="imagenet",
            frozen_epochs=1,
            epochs=1,
            seed=1,
            verbose=0,
        ),
        "fastnet-cifar10": pycifar.load_model("fastnet-cifar10"),
    }
    found = {}
    for name, model in models.items():
        with pycifar.serve({name: model}, port=0, wait=False) as server:
            pycifar.predict(model, files)  # the first call prepares the network
            loads = [
                beside_predict(server, model, files, n, arguments.seconds) for n in IN_A_REQUEST
            ]
            attacked = hostile(server, files[0].read_bytes(), arguments.hostile)
        found[name] = {"loads": loads, "hostile": attacked}
        print(name, found[name], flush=True)
    write_report(
        arguments.output,
        ("pycifar", "tensorflow", "onnxruntime", "starlette", "uvicorn", "httptools"),
        clients=CLIENTS,
        seconds=arguments.seconds,
        models=found,
    )


def beside_predict(
    server: pycifar.Server, model: pycifar.TrainedModel, files: list[Path], n: int, seconds: float
) -> dict[str, Any]:
    """Return what the clients got, and what `predict` does before and after."""
    before = rate_of_predict(model, files, FOR_PREDICT * seconds)
    load = under_load(server, files, n, seconds)
    rate = mean((before, rate_of_predict(model, files, FOR_PREDICT * seconds)))
    return load | {"predict": round(rate, 1), "ratio": round(load["pictures_a_second"] / rate, 3)}


def rate_of_predict(model: pycifar.TrainedModel, files: list[Path], seconds: float) -> float:
    """Return how many photographs a second `predict` reads and predicts, over so many seconds."""
    started, n = time.perf_counter(), 0
    while (passed := time.perf_counter() - started) < seconds:
        pycifar.predict(model, files)
        n += len(files)
    return n / passed


def under_load(server: pycifar.Server, files: list[Path], n: int, seconds: float) -> dict[str, Any]:
    """Return what the clients got that sent `n` pictures a request, and the server's memory."""
    with TemporaryDirectory() as folder:
        for i in range(0, len(files) - n + 1, n):
            content, kind = as_request(files[i : i + n])
            Path(folder, str(i)).write_bytes(content)
        count, length = f"{CLIENTS}", f"{seconds:.0f}s"
        clients = ["wrk", "--threads", "1", "--connections", count, "--duration", length]
        with subprocess.Popen(
            [*clients, "--timeout", "30s", "--script", str(SCRIPT), server.address],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"BODIES": folder, "KIND": kind},
        ) as running:
            samples = [memory(server)]
            while running.poll() is None:
                time.sleep(EVERY)
                samples.append(memory(server))
            assert running.stdout is not None
            found = json.loads(running.stdout.read().splitlines()[-1])
    quarter = max(1, len(samples) // 4)
    return {
        "pictures_in_a_request": n,
        **found,
        "pictures_a_second": round(n * found["requests"] / found["seconds"], 1),
        "memory_mb": {
            "second quarter": round(mean(samples[quarter : 2 * quarter])),
            "last quarter": round(mean(samples[-quarter:])),
            "most": round(max(samples)),
        },
    }


def as_request(files: list[Path]) -> tuple[bytes, str]:
    """Return a body with these files, and its type."""
    if len(files) == 1:
        return files[0].read_bytes(), "image/jpeg"
    head = b'--line\r\nContent-Disposition: form-data; name="f"; filename="f.jpg"\r\n\r\n'
    parts = b"".join(head + file.read_bytes() + b"\r\n" for file in files)
    return parts + b"--line--\r\n", "multipart/form-data; boundary=line"


def hostile(server: pycifar.Server, good: bytes, n: int) -> dict[str, Any]:
    """Send hostile requests; return the statuses, the memory, and whether it still answers."""
    before = memory(server)
    Path(f"/proc/{server.pid}/clear_refs").write_text("5")  # what it held at most begins anew
    kinds = itertools.islice(itertools.cycle(attacks(good)), n)
    statuses: Counter[str] = Counter()
    with ThreadPoolExecutor(CLIENTS) as pool:
        for status in pool.map(lambda attack: attempt(server, *attack), kinds):
            statuses[str(status)] += 1
    most = int(Path(f"/proc/{server.pid}/status").read_text().partition("VmHWM:")[2].split()[0])
    address = server.address.removeprefix("http://")
    connection = http.client.HTTPConnection(address)
    connection.request("POST", "/predict", good)
    status = connection.getresponse().status
    return {
        "statuses": dict(statuses),
        "memory_before_mb": round(before),
        "memory_most_mb": round(most / 1024),
        "answers_after": status,
    }


def attacks(good: bytes) -> Iterator[tuple[str, bytes, dict[str, str]]]:
    """Yield hostile requests: an address, a body and headers each."""
    form = {"Content-Type": "multipart/form-data; boundary=x"}
    path = b'--x\r\nContent-Disposition: form-data; name="f"; filename="/etc/passwd"\r\n\r\n'
    many = b"".join(
        b'--x\r\nContent-Disposition: form-data; name="f%d"; filename="a"\r\n\r\na\r\n' % i
        for i in range(1000)
    )
    yield "/predict", picture_of_lies(30_000, 30_000), {}
    for kind, mode, side in LARGEST:
        stream = io.BytesIO()
        options = {"lossless": True, "method": 0} if kind == "WEBP" else {"compress_level": 1}
        Image.new(mode, (side, side)).save(stream, kind, **options)
        yield "/predict", stream.getvalue(), {}
    yield "/predict", bytes(21 * MB), {}
    yield "/predict", b"", {}
    yield "/predict", b"GIF89a" + bytes(1000), {}
    yield "/predict", good[: len(good) // 2], {}
    yield "/predict", path + good + b"\r\n--x--\r\n", form
    yield "/predict", many + b"--x--\r\n", form
    yield "/predict", b"--x\r\nno form", form
    yield "/predict?model=../../etc/passwd", good, {}
    yield "/../../../../etc/passwd", b"", {}
    yield "/predict", good, {"Host": "evil.example"}
    yield "/predict", good, {"Content-Length": "5"}
    yield "/predict", good, {"Content-Length": "99999999"}
    yield "/predict", good, {"X": "y" * 100_000}


def picture_of_lies(width: int, height: int) -> bytes:
    """Return a PNG of few bytes that says it has so many pixels."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in parts
    )


def attempt(server: pycifar.Server, path: str, body: bytes, headers: dict[str, str]) -> Any:
    """Send one request; return its status, or what became of the connection."""
    connection = http.client.HTTPConnection(server.address.removeprefix("http://"), timeout=90)
    try:
        connection.request("POST", path, body, headers)
        if "99999999" in headers.values():
            return connection.getresponse().status  # refused before it is read
        response = connection.getresponse()
        text = response.read()
        assert b"root:" not in text, "a file was read"
        return response.status
    except OSError as error:
        return type(error).__name__
    except http.client.HTTPException as error:
        return type(error).__name__
    finally:
        connection.close()


def memory(server: pycifar.Server) -> float:
    """Return the memory that a server holds, in MB."""
    pages = int(Path(f"/proc/{server.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MB


if __name__ == "__main__":
    main()
