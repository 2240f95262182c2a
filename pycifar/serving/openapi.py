"""The description of the interface, as OpenAPI 3.1 has it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pycifar
from pycifar.serving.limits import LARGEST_BODY, MOST_PICTURES

_TEXT, _NUMBER = {"type": "string"}, {"type": "number"}
_MAYBE_TEXT, _MAYBE_NUMBER = {"type": ["string", "null"]}, {"type": ["number", "null"]}
_TEXTS = {"type": "array", "items": _TEXT}
_BYTES = {"type": "string", "format": "binary"}

_PREDICTION = {
    "type": "object",
    "required": ["name", "class", "probability", "probabilities", "set", "error"],
    "properties": {
        "name": {**_MAYBE_TEXT, "description": "The name of the file in a form."},
        "class": {**_MAYBE_TEXT, "description": "The most probable class."},
        "probability": _MAYBE_NUMBER,
        "probabilities": {
            "type": ["object", "null"],
            "additionalProperties": _NUMBER,
            "description": "By class, 0 to 1.",
        },
        "set": {
            "type": ["array", "null"],
            "items": _TEXT,
            "description": "The prediction set: the classes that it may be, where the model is "
            "calibrated.",
        },
        "error": {**_MAYBE_TEXT, "description": "Why the picture could not be read."},
        "too_large": {"type": "boolean"},
        "heatmap": {
            **_MAYBE_TEXT,
            "description": "With explain=true: a PNG with opacity, as an address data:, that shows "
            "where the network looks.",
        },
        "heatmap_missing": {**_TEXT, "description": "Why there is none."},
    },
}
_PREDICTIONS = {
    "type": "object",
    "required": ["model", "milliseconds", "predictions"],
    "properties": {
        "model": _TEXT,
        "milliseconds": {**_NUMBER, "description": "From the request to the answer."},
        "predictions": {"type": "array", "items": _PREDICTION},
    },
}
_MODEL = {
    "type": "object",
    "properties": {
        "name": _TEXT,
        "architecture": _TEXT,
        "class_names": _TEXTS,
        "height": {"type": "integer", "description": "In pixels, to which pictures are resized."},
        "width": {"type": "integer"},
        "resize": {"type": "object", "additionalProperties": _TEXT},
        "parameters": {"type": "integer"},
        "coverage": {**_MAYBE_NUMBER, "description": "Of the prediction sets."},
        "fingerprint": {**_TEXT, "description": "The SHA-256 of the weights."},
        "runtime": {**_TEXT, "description": "What computes it."},
    },
}
_ERROR = {"type": "object", "required": ["error"], "properties": {"error": _TEXT}}

REFUSALS = {
    400: "The request is not as described.",
    403: "The request comes from another machine or page.",
    404: "There is no such model.",
    408: "The body came too slowly.",
    405: "The address takes another method.",
    413: f"The body has more than {LARGEST_BODY // 2**20} MB, there are more than "
    f"{MOST_PICTURES} pictures, or a picture has too many pixels.",
    415: "The body is said to be something else than a picture or a form.",
    422: "No picture could be read.",
    503: "The server is busy; try again in a second.",
    504: "The answer took too long.",
}


def description(names: Sequence[str]) -> dict[str, Any]:
    """Return the description of the server.

    Args:
        names: of the models that are served.
    """
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "pycifar",
            "version": pycifar.__version__,
            "summary": "Predicts the classes of pictures.",
        },
        "paths": {
            "/predict": {"post": _predict(list(names))},
            "/models": {"get": _get("The models that are served.", _models())},
            "/health": {"get": _get("Whether the server works.", _status())},
        },
    }


def _predict(names: list[str]) -> dict[str, Any]:
    images = {f"image/{kind}": {"schema": _BYTES} for kind in ("jpeg", "png", "webp", "gif", "bmp")}
    form = {"type": "object", "additionalProperties": _BYTES}
    return {
        "operationId": "predict",
        "summary": "Predict one picture, or several in a form.",
        "parameters": [
            _parameter("model", {**_TEXT, "enum": names, "default": names[0]}),
            _parameter("explain", {"type": "boolean", "default": False}),
        ],
        "requestBody": {
            "required": True,
            "content": {
                **images,
                "application/octet-stream": {"schema": _BYTES},
                "multipart/form-data": {"schema": form},
            },
        },
        "responses": {
            "200": _answer("At least one picture was read.", _PREDICTIONS),
            **{
                str(status): _answer(what, {"anyOf": [_ERROR, _PREDICTIONS]})
                for status, what in REFUSALS.items()
            },
        },
    }


def _parameter(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": schema}


def _get(summary: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"summary": summary, "responses": {"200": _answer(summary, schema)}}


def _models() -> dict[str, Any]:
    return {"type": "object", "properties": {"models": {"type": "array", "items": _MODEL}}}


def _status() -> dict[str, Any]:
    return {"type": "object", "properties": {"status": {"const": "ok"}}}


def _answer(text: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": text, "content": {"application/json": {"schema": schema}}}
