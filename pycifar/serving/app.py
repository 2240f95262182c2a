"""The web application: what each address answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from importlib.resources import files
from typing import Any

import numpy as np
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pycifar.arguments import joined
from pycifar.processor import usable_cores
from pycifar.serving.gate import Gate
from pycifar.serving.limits import (
    MOST_PICTURES,
    MOST_PIXEL_BYTES,
    SLOWEST_ANSWER,
    SLOWEST_BODY,
)
from pycifar.serving.openapi import description
from pycifar.serving.served_model import ServedModel
from pycifar.serving.workers import Job, Workers

PAGE = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
}

# What a body may be said to be. Clients that say nothing of it have a name for any bytes, and curl
# calls them a form.
BYTES = ("", "application/octet-stream", "application/x-www-form-urlencoded")

# What Starlette says of an address or method that there is not, and what is said here.
UNKNOWN = {
    "Not Found": "There is nothing here; /openapi.json describes what there is.",
    "Method Not Allowed": "This address is asked otherwise; /openapi.json describes how.",
}


class Service:
    """The models, and the answers about them.

    Args:
        models: the models that are served, at least one.
    """

    def __init__(self, models: Sequence[ServedModel]) -> None:
        self._models = {model.name: model for model in models}
        self._described = [model.describe() for model in models]
        # Keras computes on threads of its own, on all cores, which must not stay on one.
        self._workers = Workers(usable_cores(), all(model.threads > 1 for model in models))
        # One, because TensorFlow holds much memory for each explanation. Those that wait are
        # dropped when nobody waits for them any more.
        self._explainer = ThreadPoolExecutor(1, thread_name_prefix="pycifar-explain")
        self._pixel_bytes = 0  # that are read or computed

    def close(self) -> None:
        """Finish what has begun."""
        self._workers.close()
        self._explainer.shutdown()

    async def health(self, request: Request) -> Response:
        """Answer that the server works."""
        return JSONResponse({"status": "ok"})

    async def models(self, request: Request) -> Response:
        """Answer what is served."""
        return JSONResponse({"models": self._described})

    async def openapi(self, request: Request) -> Response:
        """Answer the description of this interface."""
        return JSONResponse(description(list(self._models)))

    async def page(self, request: Request) -> Response:
        """Answer a file of the page."""
        name, kind = PAGE[request.url.path]
        content = files("pycifar.serving").joinpath("page", name).read_bytes()
        return Response(content, media_type=kind)

    async def predict(self, request: Request) -> Response:
        """Answer the predictions of the pictures in the body."""
        started = time.perf_counter()
        model = self._model(request.query_params.get("model"))
        explained = _flag(request.query_params.get("explain"), "explain")
        pictures = await _in_time(
            _pictures(request), SLOWEST_BODY, 408, "The request was too slow."
        )
        with self._room_for(len(pictures) * model.bytes_of_image):
            predictions = await _in_time(
                self._predictions(model, pictures, explained),
                SLOWEST_ANSWER,
                504,
                "The answer took too long.",
            )
        answer = {
            "model": model.name,
            "milliseconds": round(1000 * (time.perf_counter() - started), 2),
            "predictions": predictions,
        }
        return JSONResponse(answer, status_code=_status(predictions))

    def _model(self, name: str | None) -> ServedModel:
        if name is None:
            return next(iter(self._models.values()))
        if name not in self._models:
            raise HTTPException(
                404, f"There is no such model; there are {joined([*self._models])}."
            )
        return self._models[name]

    async def _predictions(
        self, model: ServedModel, pictures: list[tuple[str | None, bytes]], explained: bool
    ) -> list[dict[str, Any]]:
        loop = asyncio.get_running_loop()
        images = np.empty((len(pictures), *model.image_shape), np.uint8)
        waiting: list[asyncio.Future[Any]] = [loop.create_future() for _ in pictures]
        for (_, content), place, future in zip(pictures, images, waiting, strict=True):
            self._workers.submit(Job(model, content, place, future))
        # `gather` takes a turn of the loop, which one picture need not wait for.
        rows = [await waiting[0]] if len(waiting) == 1 else await asyncio.gather(*waiting)
        found = []
        for (name, _), row, image in zip(pictures, rows, images, strict=True):
            is_read = isinstance(row, np.ndarray)
            record = model.record(row) if is_read else row
            if explained and is_read:
                record |= await loop.run_in_executor(self._explainer, model.explanation, image)
            found.append({"name": name, **record})
        return found

    @contextmanager
    def _room_for(self, size: int) -> Iterator[None]:
        """Count so many bytes of pixels inside the context, unless they are too many."""
        if self._pixel_bytes and self._pixel_bytes + size > MOST_PIXEL_BYTES:
            raise HTTPException(503, "The server is busy.", {"retry-after": "1"})
        self._pixel_bytes += size
        try:
            yield
        finally:
            self._pixel_bytes -= size


def _status(predictions: list[dict[str, Any]]) -> int:
    """Return 200 if at least one picture was read, else 413 or 422."""
    if any(found["error"] is None for found in predictions):
        return 200
    return 413 if all(found["too_large"] for found in predictions) else 422


def _flag(text: str | None, name: str) -> bool:
    if text not in (None, "true", "false"):
        raise HTTPException(400, f"`{name}` must be true or false.")
    return text == "true"


async def _in_time(work: Any, seconds: float, status: int, message: str) -> Any:
    try:
        async with asyncio.timeout(seconds):
            return await work
    except TimeoutError:
        raise HTTPException(status, message) from None


async def _pictures(request: Request) -> list[tuple[str | None, bytes]]:
    """Return the pictures in the body of a request, each with the name that the client gave it.

    A name is only repeated in the answer.
    """
    found: list[tuple[str | None, bytes]]
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise HTTPException(415, "A body is sent as it is, without Content-Encoding.")
    if kind != "multipart/form-data":
        if kind not in BYTES and not kind.startswith("image/"):
            raise HTTPException(
                415, "A picture is sent as image/…, as application/octet-stream, or in a form."
            )
        content = await request.body()
        found = [(None, content)] if content else []
    else:
        async with request.form(max_files=MOST_PICTURES + 1, max_fields=MOST_PICTURES) as form:
            files = [value for _, value in form.multi_items() if isinstance(value, UploadFile)]
            found = [(file.filename or None, await file.read()) for file in files]
    if not found:
        raise HTTPException(400, "There is no picture: send one as the body, or several as a form.")
    if len(found) > MOST_PICTURES:
        raise HTTPException(413, f"A request may have {MOST_PICTURES} pictures.")
    return found


async def _refused(request: Request, error: Exception) -> Response:
    """Answer an error with its sentence."""
    assert isinstance(error, HTTPException)
    detail = UNKNOWN.get(error.detail, error.detail)
    return JSONResponse({"error": detail}, error.status_code, headers=error.headers)


async def _gone(request: Request, error: Exception) -> Response:
    """Answer a client that went away while it sent, whom the answer does not reach."""
    return JSONResponse({"error": "The request was not complete."}, 400)


async def _failed(request: Request, error: Exception) -> Response:
    """Answer an error that nobody expected, without what it says of the inside."""
    return JSONResponse({"error": f"The server failed: {type(error).__name__}."}, 500)


def application(models: Sequence[ServedModel], hosts: Sequence[str] | None) -> Any:
    """Return the application as ASGI servers run it.

    Args:
        models: the models that are served, at least one.
        hosts: the names by which clients may call the server; None allows any.
    """
    service = Service(models)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        await run_in_threadpool(service.close)

    routes = [
        Route("/predict", service.predict, methods=["POST"]),
        Route("/models", service.models),
        Route("/health", service.health),
        Route("/openapi.json", service.openapi),
        *(Route(path, service.page) for path in PAGE),
    ]
    handlers: Mapping[Any, Any] = {
        HTTPException: _refused,
        ClientDisconnect: _gone,
        Exception: _failed,
    }
    return Gate(Starlette(routes=routes, exception_handlers=handlers, lifespan=lifespan), hosts)
