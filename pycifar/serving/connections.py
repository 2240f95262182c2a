"""Connections: how long one is kept that asks nothing, or that takes no answer."""

from __future__ import annotations

import time
from typing import Any

import uvicorn

from pycifar.serving.limits import IDLE, SLOWEST_ANSWER

TICKS = 10  # of uvicorn, a tenth of a second each, between two looks at all connections


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
