"""The gate in front of the application: who may come in, how many, and with how much."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException

from pycifar.serving.limits import LARGEST_BODY, MOST_BYTES, MOST_DISCARDED, MOST_REQUESTS

# The page loads nothing from elsewhere, and no other page shows it.
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


class Gate:
    """Admits requests to an application, within the limits of the server.

    Args:
        app: the application.
        hosts: the names by which clients may call the server; None allows any. A page of a stranger
            can point a name of its own at this machine, and its requests then have that name.
    """

    def __init__(self, app: Any, hosts: Sequence[str] | None) -> None:
        self._app, self._hosts = app, hosts
        self._requests = 0  # that are in work
        self._bytes = 0  # of bodies that are in memory

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        refusal = self._refusal(headers)
        if refusal is not None:
            await _answer(send, *refusal)
            return
        held = 0

        async def counted() -> Any:
            """Return the next part of the body, unless the body or all of them grow too large."""
            nonlocal held
            message = await receive()
            size = len(message.get("body", b""))
            held += size
            self._bytes += size
            if held > LARGEST_BODY:
                await _discard(message, receive)
                raise HTTPException(413, _too_large())
            if self._bytes > MOST_BYTES:
                raise HTTPException(503, "The server is busy.", {"retry-after": "1"})
            return message

        async def with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_raw(HEADERS)]
            await send(message)

        self._requests += 1
        try:
            await self._app(scope, counted, with_headers)
        finally:
            self._requests -= 1
            self._bytes -= held

    def _refusal(self, headers: dict[bytes, str]) -> tuple[int, str] | None:
        """Return the status and the sentence for a request that does not get in, or None."""
        if self._hosts is not None:
            origin = headers.get(b"origin")
            named = [f"//{headers.get(b'host', '')}", *([] if origin is None else [origin])]
            if any(_host_in(address) not in self._hosts for address in named):
                return 403, "This server answers to this machine alone."
        length = headers.get(b"content-length", "0")
        if length.isdigit() and int(length) > MOST_DISCARDED:
            return 413, _too_large()
        if self._requests >= MOST_REQUESTS:
            return 503, "The server is busy."
        return None


async def _discard(message: Any, receive: Any) -> None:
    """Read the rest of a body, as far as that is bearable.

    A browser that is answered while it sends takes the answer for a failure of the connection.
    """
    discarded = 0
    while message.get("more_body") and discarded < MOST_DISCARDED:
        message = await receive()
        discarded += len(message.get("body", b""))


def _too_large() -> str:
    return f"A request may have {LARGEST_BODY // 2**20} MB."


def _host_in(address: str) -> str:
    """Return the host in an address, without its port: of "http://[::1]:80" it is "::1"."""
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def _raw(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in headers.items()]


async def _answer(send: Any, status: int, message: str) -> None:
    """Answer a request that does not get in, whose body is not read."""
    body = json.dumps({"error": message}).encode()
    headers = {"content-type": "application/json", "connection": "close", "retry-after": "1"}
    headers |= {"content-length": str(len(body)), **HEADERS}
    await send({"type": "http.response.start", "status": status, "headers": _raw(headers)})
    await send({"type": "http.response.body", "body": body})
