"""Reads request bodies: the fields that bound a cost, how much text there is, what is no text."""

import re
from typing import Any

import msgspec
from msgspec import Struct

from stopper.errors import MeterError

__all__ = [
    "MAX_CHOICES",
    "MAX_MODEL_CHARS",
    "MAX_OUTPUT",
    "Parts",
    "count_of",
    "decode_body",
    "encode_body",
    "flag_of",
    "kind_of",
    "label",
    "model_of",
    "objects",
]

MAX_OUTPUT = 10**7
"""The largest limit of output tokens that is taken at its word; no model gives that many."""

MAX_CHOICES = 128
"""The most choices (`n`) that a request may ask for."""

MAX_MODEL_CHARS = 256
"""The longest name of a model."""

_MAX_NAMED = 4
_LABEL = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_BODY = msgspec.json.Decoder(dict[str, Any])
_ENCODER = msgspec.json.Encoder()


class Parts(Struct):
    """What a request holds besides text, gathered where the API reads it as such.

    Text must never hide in here: `payload` is subtracted from the text, so it counts only bytes
    that sit exactly where the provider takes them for an image and nothing else. `prompts` are
    tokens of the provider's own.
    """

    media: int = 0
    payload: int = 0
    prompts: int = 0
    named: dict[str, None] = {}

    def image(self, payload: object) -> None:
        """An image, whose tokens have a known most; `payload` is its base64 text where given."""
        self.media += 1
        if isinstance(payload, str):
            self.payload += len(payload)

    def opaque(self, name: str, payload: object = None) -> None:
        """A file or recording: how many tokens it holds does not show from its size."""
        self.image(payload)
        self.name(name)

    def name(self, name: str) -> None:
        """Something whose cost the request does not show."""
        self.named[name] = None

    @property
    def unbounded(self) -> str:
        """The first few names, for the refusal."""
        return ", ".join(list(self.named)[:_MAX_NAMED])

    def text_bytes(self, json: bytes) -> int:
        """An upper bound for the bytes of all text: the body's whole JSON without the images.

        Keys, digits and brackets count, because a model reads those of tools and their calls: a
        count of strings alone could be passed by with a schema made of brackets.
        """
        return len(json) - self.payload


def decode_body(body: bytes) -> dict[str, Any]:
    """The JSON object in `body`; MeterError for all else, and for nesting deeper than the stack."""
    try:
        return _BODY.decode(body)
    except (ValueError, RecursionError) as error:
        raise MeterError(f"the body is no JSON object: {error}") from None


def encode_body(body: dict[str, Any]) -> bytes:
    """Compact JSON; MeterError where it is nested too deep or a number is too long."""
    try:
        return _ENCODER.encode(body)
    except (ValueError, RecursionError) as error:
        raise MeterError(f"the body cannot be encoded again: {error}") from None


def model_of(body: dict[str, Any]) -> str:
    """The required `model`."""
    model = body.get("model")
    if not isinstance(model, str) or not 0 < len(model) <= MAX_MODEL_CHARS:
        raise MeterError(f"`model` must be a text of 1 to {MAX_MODEL_CHARS} characters")
    return model


def flag_of(body: dict[str, Any], key: str) -> bool:
    """An optional boolean, False where absent or null."""
    value = body.get(key)
    if value is None or isinstance(value, bool):
        return value is True
    raise MeterError(f"`{key}` must be true or false")


def count_of(body: dict[str, Any], key: str, most: int) -> int | None:
    """An optional whole number from 1 to `most`, None where absent or null."""
    value = body.get(key)
    if value is None:
        return None
    if type(value) is not int or not 1 <= value <= most:
        raise MeterError(f"`{key}` must be a whole number from 1 to {most}")
    return value


def objects(
    holder: dict[str, Any], key: str, instead: type[str] | None = None
) -> list[dict[str, Any]]:
    """An optional list of objects, empty where absent or null, or where it is text `instead`."""
    value = holder.get(key)
    if value is None or (instead is not None and isinstance(value, instead)):
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise MeterError(f"`{key}` must be a list of objects")
    return value


def kind_of(holder: dict[str, Any]) -> str:
    """The `type` of a part, item or tool, empty where absent or null."""
    kind = holder.get("type")
    if kind is None or isinstance(kind, str):
        return kind or ""
    raise MeterError("`type` must be a text")


def label(word: str) -> str:
    """A caller's word as it may stand in a message: short and plain, or not at all."""
    return word if _LABEL.fullmatch(word) else "unnamed"
