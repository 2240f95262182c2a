"""Limits on what a client may ask of the server; SECURITY.md lists them."""

from __future__ import annotations

from pycifar.limits import MB

LARGEST_BODY = 20 * MB  # bytes of a request; photographs of phones have 3 to 10 MB
MOST_DISCARDED = 200 * MB  # bytes of a larger request that are read, so that it can be answered
MOST_PICTURES = 64  # in one request
MOST_BYTES = 256 * MB  # of all bodies that are in memory at a time
# Bytes of pixels that are read or computed at a time, in the size of their models: 890 pictures of
# 224×224. One request may take more if it is alone.
MOST_PIXEL_BYTES = 128 * MB
# Requests that are answered or wait. At 100 pictures a second, the last one waits 3 seconds.
MOST_REQUESTS = 256
# Pixels of a picture; the largest sensors of phones in wide use have 50 million.
MOST_PIXELS = 50_000_000
MOST_PIXELS_WEBP = 25_000_000  # its decoder takes the memory of three other formats
# A picture with more pixels than this is decoded alone. The largest takes up to 600 MB.
LARGE = 5_000_000
MOST_IMAGES = 16  # that a thread computes at a time; more are no faster on a processor
MOST_IN_A_ROW = 4  # that a thread reads before it has them computed
LARGEST_HEAD = 64 * 1024  # bytes of the address and the headers of a request
# Requests that a client may send on one connection before the first is answered.
MOST_AHEAD = 64
SLOWEST_BODY = 15.0  # seconds until a request is complete
SLOWEST_ANSWER = 60.0  # seconds until it is answered
SLOWEST_END = 30.0  # seconds for requests that have begun, after a signal to end
IDLE = 15  # seconds that a connection is kept until the head of a request is complete
