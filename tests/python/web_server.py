"""A real web server on this machine, for tests of downloads."""

import dataclasses
import hashlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

from pycifar.datasets.cifar10 import CIFAR10_ARCHIVE
from pycifar.download import RemoteFile

CONTENT = np.random.default_rng(1).bytes(1_000_000)


class Server(ThreadingHTTPServer):
    """A web server that serves one content, and breaks off where it is told to."""

    daemon_threads = True

    def __init__(self, content):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = content
        self.resumes = True
        self.says_size = True
        self.sends_from = None  # in place of the byte that was asked for
        self.break_after = []  # bytes to send in the first, second, ... response
        self.statuses = []  # statuses of the first, second, ... response
        self.ranges = []  # what was asked for

    def handle_error(self, request, client_address):
        """A client that goes away early is no error here."""

    def remote(self, **changes):
        digest = hashlib.sha256(self.content).hexdigest()
        url = f"http://127.0.0.1:{self.server_port}/archive.tar.gz"
        remote = RemoteFile(
            url, len(self.content), digest, CIFAR10_ARCHIVE.fix, attempts=3, wait=0.001, timeout=5
        )
        return dataclasses.replace(remote, **changes)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        asked = self.headers.get("Range")
        server.ranges.append(asked)
        if server.statuses and (status := server.statuses.pop(0)) != 200:
            self.send_error(status)
            return
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and server.resumes else 0
        if start and server.sends_from is not None:
            start = server.sends_from
        partial = bool(asked) and server.resumes
        self.send_response(206 if partial else 200)
        if partial:
            end = len(server.content) - 1
            self.send_header("Content-Range", f"bytes {start}-{end}/{end + 1}")
        if server.says_size:
            self.send_header("Content-Length", str(len(server.content) - start))
        self.end_headers()
        n_sent = server.break_after.pop(0) if server.break_after else len(server.content)
        self.wfile.write(server.content[start : start + n_sent])

    def log_message(self, *_):
        pass
