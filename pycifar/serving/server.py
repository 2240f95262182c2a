"""`serve`: start the web server, here or in a process of its own."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import json
import logging
import os
import socket
import subprocess
import sys
import weakref
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread, Timer
from typing import TYPE_CHECKING, Any, Literal, overload

from pycifar.arguments import check_count, check_flag, describe
from pycifar.backend import free_memory
from pycifar.console import say
from pycifar.errors import ArgumentError, ServingError, printable
from pycifar.evaluation import check_model
from pycifar.extras import require
from pycifar.foreign_names import known_arguments_only
from pycifar.interrupts import HANDLED, handling, signals_raise
from pycifar.models.file import SUFFIX, load_model, save_model
from pycifar.models.trained_model import TrainedModel
from pycifar.serving.limits import IDLE, SLOWEST_END

if TYPE_CHECKING:
    from pycifar.serving.connections import Listener
    from pycifar.serving.served_model import ServedModel

LOOPBACK = ("127.0.0.1", "::1", "localhost")
HIGHEST_PORT = 65_535
LOOK_EVERY = 0.2  # seconds between two looks whether the server is to end
PATIENCE = 300.0  # seconds that a process may take to start
MODULES = {
    "httptools": "httptools",
    "multipart": "python-multipart",
    "starlette": "starlette",
    "uvicorn": "uvicorn",
}
# What waits for `accept` in the system. Where 10,000 clients call at once, most of them wait here.
BACKLOG = 4096


class Server:
    """A server in a process of its own, which ends with this process at the latest.

    Args:
        process: the process.
        address: where it is reached, as "http://127.0.0.1:8000".
        models: the names of its models.
        folder: the folder with the files of the models.

    Examples:
        >>> import pycifar
        >>> with pycifar.serve("fastnet-cifar10", port=0, wait=False) as server:
        ...     server.models
        ('fastnet-cifar10',)
    """

    def __init__(
        self,
        process: subprocess.Popen[str],
        address: str,
        models: Sequence[str],
        folder: TemporaryDirectory[str],
    ) -> None:
        self.address, self.models = address, tuple(models)
        self._process, self._folder = process, folder
        self._forgotten = weakref.finalize(self, _let_end, process, folder)
        self._forgotten.atexit = False  # the process ends with this one anyway

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it answers still."""
        return self._process.poll() is None

    def stop(self) -> None:
        """Let it answer what has begun, and end it; it may have ended already."""
        self._forgotten.detach()
        if self._process.stdin is not None:
            self._process.stdin.close()  # which it waits for, unless a fork of this process has it
        self._process.terminate()
        try:
            self._process.wait(SLOWEST_END + 5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        _clean_up(self._process, self._folder)

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        state = "at" if self.running else "stopped, was at"
        return f"<Server {state} {self.address}: {printable(', '.join(self.models))}>"


@overload
def serve(model: Any, host: str = ..., port: int = ..., *, wait: Literal[False]) -> Server: ...


@overload
def serve(model: Any, host: str = ..., port: int = ..., wait: bool = ...) -> Server | None: ...


@known_arguments_only
def serve(
    model: Any, host: str = "127.0.0.1", port: int = 8000, wait: bool = True
) -> Server | None:
    """Serve models over HTTP: a page for people, and an interface for programs.

    ``POST /predict`` takes a picture as its body, or several in a form, and answers their classes
    and probabilities as JSON; with ``?explain=true`` also where the network looks, and with
    ``?model=`` by another model than the first. ``GET /models``, ``/health`` and ``/openapi.json``
    describe the server. The page is at ``/``. SECURITY.md states the limits on requests. There are
    no passwords and no encryption: put a proxy in front of it before you let strangers in.

    A picture is read as `predict` reads it. onnxruntime computes, if the extra `onnx` is installed;
    then probabilities differ from those of `predict` as `Export` says. Otherwise Keras does.
    Requests that come together are computed together.

    Args:
        model: a trained model; or the path of a model file or the name of a model of the package,
            as `load_model` takes it; or a list of these; or a dict of these by name, under which
            clients ask for them. The name of a file is that without its ending, and that of a
            model the name of its architecture.
        host: the address to listen on. "127.0.0.1" answers to this machine alone, "0.0.0.0" to all
            that can reach it.
        port: the port, 0-65535; 0 takes any that is free.
        wait: whether to serve in this process until it is interrupted or terminated. Otherwise a
            process of its own serves, and the call returns once it answers.

    Returns:
        None, or without `wait` a `Server`, which has its address and stops it. The server ends with
        this process at the latest.

    Raises:
        ArgumentError: an argument is not as above, or two models have one name.
        DependencyError: Starlette, uvicorn, httptools or python-multipart is missing.
        ModelFileError: a file is no model.
        ServingError: the port is in use, or the address is not this machine's.

    Examples:
        >>> import pycifar
        >>> server = pycifar.serve("fastnet-cifar10", port=0, wait=False)
        >>> import urllib.request
        >>> urllib.request.urlopen(f"{server.address}/health").read()
        b'{"status":"ok"}'
        >>> server.stop()
    """
    check_flag("wait", wait)
    with serving(model, host, port) as (models, bound, host):
        if wait:
            run(models, bound, host)
            return None
    return _in_process(models, host, port)


@contextlib.contextmanager
def serving(
    model: Any, host: str = "127.0.0.1", port: int = 8000
) -> Iterator[tuple[dict[str, TrainedModel], socket.socket, str]]:
    """Check the arguments of `serve`; yield models by name, a socket and its host inside."""
    port = check_count("port", port, 0, HIGHEST_PORT)
    if not isinstance(host, str) or not host:
        raise ArgumentError(f"`host` must be the address of this machine, not {describe(host)}.")
    require("Serving", MODULES)
    with _bound(host, port) as bound:
        yield named_models(model), bound, host


def named_models(given: Any) -> dict[str, TrainedModel]:
    """Return models by name, as `serve` takes them."""
    if isinstance(given, Mapping):
        named = [(name, _loaded(one)) for name, one in given.items()]
    else:
        items = given if isinstance(given, (list, tuple)) else [given]
        named = [(_name_of(one), _loaded(one)) for one in items]
    if not named:
        raise ArgumentError("`model` must be at least one model; there is none.")
    models: dict[str, TrainedModel] = {}
    for name, one in named:
        # `pycifar serve` is given NAME=MODEL.
        if not isinstance(name, str) or not name or not name.isprintable() or "=" in name:
            raise ArgumentError(
                f"The name of a model must be text that can be printed, without =, not "
                f"{describe(name)}.",
                fix="Give each model a name.",
            )
        if name in models:
            raise ArgumentError(
                f"Two models have the name {describe(name)}.",
                fix="Give each model a name, or files of other names.",
            )
        models[name] = one
    return models


def _loaded(one: Any) -> TrainedModel:
    if isinstance(one, (str, os.PathLike)):
        one = load_model(Path(one))
    check_model(one)
    model: TrainedModel = one
    return model


def _name_of(one: Any) -> Any:
    if isinstance(one, TrainedModel):
        return one.config.architecture
    return Path(one).name.removesuffix(SUFFIX) if isinstance(one, (str, os.PathLike)) else ""


@contextlib.contextmanager
def _bound(host: str, port: int) -> Iterator[socket.socket]:
    """Bind a socket inside the context."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        bound = socket.create_server((host, port), family=family, backlog=BACKLOG)
        # Connections inherit it. uvicorn sends an answer in two parts; without it the second may
        # wait until the client has acknowledged the first, some 40 ms.
        bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError as error:
        elsewhere = isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL
        raise ServingError(
            f"{host} cannot listen on port {port}: {error.strerror or error}.",
            fix='Give an address of this machine as `host`: "127.0.0.1", or "0.0.0.0" for all.'
            if elsewhere
            else "Give another `port`, such as 0 for any that is free.",
        ) from error
    with bound:
        yield bound


def address_of(bound: socket.socket) -> str:
    """Return the address under which clients of this machine reach a socket."""
    host, port = bound.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def run(
    models: Mapping[str, TrainedModel],
    bound: socket.socket,
    host: str,
    report: Any = None,
    until_closed: bool = False,
) -> None:
    """Serve on a socket until a signal ends it, and answer what has begun.

    A signal that comes before it answers raises a KeyboardInterrupt or a `Terminated`.

    Args:
        models: the models by name.
        bound: the socket.
        host: the address that was asked for.
        report: is called with the address once the server answers; None tells it on stderr.
        until_closed: whether to end when the standard input is closed, too.

    Raises:
        ServingError: the server failed.
    """
    with signals_raise():
        served, server = _prepared(models, bound, host)

        def end(number: int = 0, frame: object = None) -> None:
            server.should_exit = True

        with handling(end, *HANDLED), ThreadPoolExecutor(1, "pycifar-serve") as pool:
            try:
                listening = pool.submit(server.run, [bound])
                while not (server.started or listening.done()):
                    wait([listening], 0.01)
                if server.started:
                    _tell(served, bound, report)
                if until_closed:
                    Thread(target=_wait_for_end_of_input, args=(end,), daemon=True).start()
                while not listening.done():
                    wait([listening], LOOK_EVERY)
            finally:
                end()
            if (error := listening.exception()) is not None:
                raise ServingError(
                    f"The server failed: {type(error).__name__}: {error}."
                ) from error


def _prepared(
    models: Mapping[str, TrainedModel], bound: socket.socket, host: str
) -> tuple[list[ServedModel], Listener]:
    """Return the models as they are served, and a server of them that does not run yet."""
    import uvicorn

    from pycifar.serving.app import application
    from pycifar.serving.connections import Connection, Listener
    from pycifar.serving.served_model import ServedModel

    served = [ServedModel(name, model) for name, model in models.items()]
    free_memory()  # of the exports
    _allow_many_connections()
    # It tells each form that is none, of which a client can send any number.
    logging.getLogger("python_multipart").setLevel(logging.ERROR)
    config = uvicorn.Config(
        application(served, (*LOOPBACK, host.lower()) if _is_loopback(bound) else None),
        loop="asyncio",  # by itself it takes uvloop where that is installed
        http=Connection,
        ws="none",
        log_level="error",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=IDLE,
        timeout_graceful_shutdown=int(SLOWEST_END),
        backlog=BACKLOG,
    )
    return served, Listener(config)


def _tell(served: Sequence[ServedModel], bound: socket.socket, report: Any) -> None:
    """Say what computes, and where the server is."""
    for one in served:
        say(f"{printable(one.name)} is computed by {one.runtime}.")
    address = address_of(bound)
    if report is None:
        say(f"Serving at {address}. Ctrl-C ends it.")
    else:
        report(address)


def _is_loopback(bound: socket.socket) -> bool:
    """Return whether a socket is reached from this machine alone."""
    address = ipaddress.ip_address(bound.getsockname()[0])
    if isinstance(address, ipaddress.IPv6Address):
        address = address.ipv4_mapped or address
    return address.is_loopback


def _wait_for_end_of_input(end: Any) -> None:
    while os.read(0, 1024):
        pass
    end()


def _allow_many_connections() -> None:
    """Raise the number of files that this process may open to the most that the system allows."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # some systems allow less than they say
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _in_process(models: Mapping[str, TrainedModel], host: str, port: int) -> Server:
    """Return a server in a process of its own, once it answers."""
    folder = TemporaryDirectory(prefix="pycifar-serve-")
    try:
        paths = []
        for number, (name, model) in enumerate(models.items()):
            path = Path(folder.name, f"{number}{SUFFIX}")
            save_model(model, path, include_optimizer=False)
            paths.append(f"{name}={path}")
        process = _started(["--host", host, "--port", str(port)], paths)
        about = _first_line(process)
    except BaseException:
        folder.cleanup()
        raise
    return Server(process, about["address"], about["models"], folder)


def _started(options: list[str], models: list[str]) -> subprocess.Popen[str]:
    # R imports pycifar from a folder that is not on the path of the child.
    path = os.pathsep.join([str(Path(__file__).parents[2]), *filter(None, sys.path)])
    command = [sys.executable, "-m", "pycifar", "serve", *options, "--json", "--until-closed"]
    return subprocess.Popen(
        [*command, "--", *models],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        env=os.environ | {"PYTHONPATH": path},
        start_new_session=True,  # Ctrl-C in a session is for what runs there
    )


def _let_end(process: subprocess.Popen[str], folder: TemporaryDirectory[str]) -> None:
    """Close the input of a server that nobody has any more, with which it ends."""
    if process.stdin is not None:
        process.stdin.close()
    Thread(target=_clean_up, args=(process, folder), daemon=True).start()


def _clean_up(process: subprocess.Popen[str], folder: TemporaryDirectory[str]) -> None:
    """Wait for the end of a server, and remove what is left of it."""
    process.wait()
    if process.stdout is not None:
        process.stdout.close()
    folder.cleanup()


def _first_line(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Return what a server says once it answers; raise a ServingError if it ends before."""
    assert process.stdout is not None
    assert process.stderr is not None
    timer = Timer(PATIENCE, process.kill)
    timer.start()
    try:
        line = process.stdout.readline()
    except BaseException:
        process.kill()
        raise
    finally:
        timer.cancel()
    if not line:
        _, said = process.communicate()
        reason = said.strip().removeprefix("pycifar serve: ") or "it ended without a word"
        raise ServingError(f"The server could not start: {reason}")
    Thread(target=_drain, args=(process.stderr,), daemon=True).start()
    about: dict[str, Any] = json.loads(line)
    return about


def _drain(stream: Any) -> None:
    """Read a stream to its end, so that whoever writes it never waits."""
    with contextlib.suppress(ValueError), stream:
        for _ in stream:
            pass
