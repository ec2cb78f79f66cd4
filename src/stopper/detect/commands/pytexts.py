"""Texts that Python code hides in codings of its own."""

import base64
import binascii
import codecs
import re

from stopper.detect.commands.taint import UNKNOWN, is_literal, unmark

__all__ = ["decoded", "unbase64", "unhex"]


def unbase64(text: str) -> str:
    """What a text in Base64 holds; a mark stays what it is."""
    if not is_literal(text):
        return text
    plain = re.sub(r"[^A-Za-z0-9+/]", "", text.translate({45: 43, 95: 47}))
    plain = plain[: len(plain) - (len(plain) % 4 == 1)]
    return _clean(base64.b64decode(plain + "=" * (-len(plain) % 4)))


def decoded(text: str, coding: str) -> str:
    """What a codec of Python's own makes of a text."""
    plain = coding.lower().replace("-", "").replace("_", "")
    if plain == "rot13" and is_literal(text):
        return codecs.encode(text, "rot13")
    if plain == "hex":
        return unhex(text)
    return unbase64(text) if plain == "base64" else text


def unhex(text: str) -> str:
    """What digits in pairs hold."""
    try:
        return _clean(bytes.fromhex(text)) if is_literal(text) else text
    except (ValueError, binascii.Error):
        return UNKNOWN


def _clean(data: bytes) -> str:
    return unmark(data.decode("utf-8", "replace"), UNKNOWN)
