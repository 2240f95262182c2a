"""Connections: what one may send before it is answered, and how long it is kept."""

from __future__ import annotations

import json
import time
from typing import Any

import httptools
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from pycifar.serving.limits import IDLE, LARGEST_HEAD, MOST_AHEAD, SLOWEST_ANSWER

TICKS = 10  # of uvicorn, a tenth of a second each, between two looks at all connections

# Statuses and sentences with which connections end.
NO_HTTP = ("400 Bad Request", "This is no request of HTTP.")
TOO_LONG = (
    "431 Request Header Fields Too Large",
    f"The address and the headers of a request may have {LARGEST_HEAD // 1024} KB.",
)
TOO_MANY = (
    "503 Service Unavailable",
    f"A connection may have {MOST_AHEAD} requests that wait for another one.",
)


class RefusedError(Exception):
    """What is sent ends the connection; its arguments are status and sentence."""


class Connection(HttpToolsProtocol):
    """A connection of uvicorn that bounds what it keeps.

    uvicorn's own, whose parser is httptools, keeps a head of any length, and any number of requests
    that are sent before the first is answered. A `RefusedError` that is raised while it parses ends
    the connection.
    """

    _head = 0  # bytes of the address and the headers of a request
    _untold = 0  # bytes that the parser has taken since it told anything of them

    def data_received(self, data: bytes) -> None:
        """Take bytes from the client."""
        if self._untold > LARGEST_HEAD:
            self._refuse(*TOO_LONG)
            return
        self._untold += len(data)
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            self._decline(data[offer.args[0] :])
        except httptools.HttpParserError as error:
            reason = error.__context__  # what was raised while it parsed
            self._refuse(*(reason.args if isinstance(reason, RefusedError) else NO_HTTP))

    def _decline(self, rest: bytes) -> None:
        """Parse a request again that offers another protocol, without its offer.

        The clients of Java offer HTTP/2. Where there is an offer, httptools parses no body.
        """
        head = b"%s %s HTTP/%s\r\n" % (
            self.parser.get_method(),
            self.url,
            self.parser.get_http_version().encode(),
        )
        for name, value in self.headers:
            if name == b"connection":
                tokens = (token.strip() for token in value.split(b","))
                value = b", ".join(token for token in tokens if token.lower() != b"upgrade")
            head += name + b": " + value + b"\r\n"
        self.parser = httptools.HttpRequestParser(self)
        self.data_received(head + b"\r\n" + rest)

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._head = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Take a part of the address."""
        self._count(url)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        self._count(name + value)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Begin to answer the request, or have it wait for those before it."""
        if self.parser.get_method() == b"CONNECT":
            raise RefusedError(*NO_HTTP)  # to a proxy, which this is not
        if self.parser.should_upgrade():
            return  # it is parsed again
        if len(self.pipeline) >= MOST_AHEAD:
            raise RefusedError(*TOO_MANY)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self._untold = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End the request."""
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def _count(self, part: bytes) -> None:
        self._untold = 0
        self._head += len(part)
        if self._head > LARGEST_HEAD:
            raise RefusedError(*TOO_LONG)

    def _refuse(self, status: str, sentence: str) -> None:
        """Answer what is not parsed, and close the connection."""
        body = json.dumps({"error": sentence})
        self.transport.write(
            f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n{body}".encode()
        )
        self.transport.close()


class Listener(uvicorn.Server):
    """A server of uvicorn that closes idle connections.

    uvicorn itself waits for ever for the first request of a connection, and for a client that does
    not take its answer.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._idle: dict[Any, tuple[Any, float]] = {}  # the last request of each, and since when

    async def on_tick(self, counter: int) -> bool:
        """Close idle connections once a second, and return whether the server is to end."""
        if counter % TICKS == 0:
            self._close_idle(time.monotonic())
        return await super().on_tick(counter)

    def _close_idle(self, now: float) -> None:
        idle = {}
        for connection in self.server_state.connections:
            request: Any = connection.cycle  # type: ignore[union-attr]
            if request is not None and not request.response_complete:
                continue  # it has limits of its own
            last, since = self._idle.get(connection, (None, now))
            if last is not request:
                since = now
            idle[connection] = (request, since)
            transport: Any = connection.transport
            if now - since > (SLOWEST_ANSWER if transport.get_write_buffer_size() else IDLE):
                transport.abort()
        self._idle = idle
