"""Serving: a web server that predicts pictures, with a page for people."""

from pycifar.serving.server import Server, serve

__all__ = ["Server", "serve"]
