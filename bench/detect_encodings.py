"""The encodings that detection undoes, each applied to a text."""

import base64
import gzip
import html
import json
import quopri
import zlib
from collections.abc import Callable, Mapping
from typing import Final

import brotli
import zstandard

__all__ = ["ENCODINGS"]

WIDE: Final = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}
LOOKALIKES: Final = str.maketrans("aceopxyAEKMOT", "асеорхуАЕКМОТ")  # noqa: RUF001  that is the point
BINARY: Final = b"\x00\xff\x10"
BOUNDARY: Final = "boundary-of-parts"
SHORT_LINE: Final = 20
PAGE: Final = "INFO starting with what was left yesterday\n%s\nINFO ready, waiting for requests\n"


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _wrapped(text: str) -> str:
    """As mail wraps it, with a page around."""
    return base64.encodebytes((PAGE % text).encode()).decode()


def _narrow(text: str) -> str:
    encoded = _base64(text.encode())
    return "\n".join(encoded[at : at + SHORT_LINE] for at in range(0, len(encoded), SHORT_LINE))


def _percent(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode())


def _escaped(text: str) -> str:
    return "".join(f"\\u{ord(char):04x}" for char in text)


def _multipart(text: str) -> str:
    head = 'Content-Disposition: form-data; name="f"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
    return f"--{BOUNDARY}\r\n{head}{_wrapped(text)}\r\n--{BOUNDARY}--\r\n"


ENCODINGS: Final[Mapping[str, Callable[[str], str | bytes]]] = {
    "base64": lambda text: _base64(text.encode()),
    "base64, one byte before": lambda text: _base64(b"x" + text.encode() + b"y"),
    "base64, two bytes before": lambda text: _base64(b"xx" + text.encode() + b"yy"),
    "base64, binary around": lambda text: _base64(BINARY + text.encode() + BINARY),
    "base64, url-safe": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "base64, unpadded": lambda text: _base64(text.encode()).rstrip("="),
    "base64, wrapped": _wrapped,
    "base64, in short lines": _narrow,
    "base64, wrapped in JSON": lambda text: json.dumps({"data": _wrapped(text)}),
    "base64, twice": lambda text: _base64(_base64(text.encode()).encode()),
    "base64, three times": lambda text: _base64(_base64(_base64(text.encode()).encode()).encode()),
    "base64, as a data URL": lambda text: f"data:text/plain;base64,{_base64(text.encode())}",
    "base64 of gzip": lambda text: _base64(gzip.compress(text.encode(), mtime=0)),
    "base64 of hex": lambda text: _base64(text.encode().hex().encode()),
    "base32": lambda text: base64.b32encode(text.encode()).decode(),
    "base85": lambda text: base64.b85encode(text.encode()).decode(),
    "ascii85": lambda text: base64.a85encode(text.encode(), adobe=True).decode(),
    "hex": lambda text: text.encode().hex(),
    "hex, upper case": lambda text: text.encode().hex().upper(),
    "hex, spaced": lambda text: text.encode().hex(" "),
    "hex, with colons": lambda text: text.encode().hex(":"),
    "hex of base64": lambda text: _base64(text.encode()).encode().hex(),
    "hex escapes": lambda text: "".join(f"\\x{byte:02x}" for byte in text.encode()),
    "bits": lambda text: " ".join(f"{byte:08b}" for byte in text.encode()),
    "decimal escapes": lambda text: "".join(f"\\{byte:03d}" for byte in text.encode()),
    "octal escapes": lambda text: "".join(f"\\{byte:03o}" for byte in text.encode()),
    "percent": _percent,
    "percent, twice": lambda text: _percent(text).replace("%", "%25"),
    "unicode escapes": _escaped,
    "unicode escapes in JSON": lambda text: '{"a":"' + _escaped(text) + '"}',
    "HTML, decimal": lambda text: "".join(f"&#{ord(char)};" for char in text),
    "HTML, hexadecimal": lambda text: "".join(f"&#x{ord(char):x};" for char in text),
    "HTML, named": lambda text: html.escape(f'"{text}"'),
    "quoted-printable": lambda text: "".join(f"={byte:02X}" for byte in text.encode()),
    "quoted-printable, wrapped": lambda text: quopri.encodestring(text.encode()).decode(),
    "nested JSON": lambda text: json.dumps({"a": json.dumps({"b": f"x\n{text}\ny"})}),
    "nested JSON, three levels": lambda text: json.dumps(json.dumps(json.dumps(f"\n{text}\n"))),
    "multipart": _multipart,
    "gzip": lambda text: gzip.compress(text.encode(), mtime=0),
    "zlib": lambda text: zlib.compress(text.encode()),
    "brotli": lambda text: brotli.compress(text.encode()),
    "zstandard": lambda text: zstandard.compress(text.encode()),
    "UTF-16": lambda text: text.encode("utf-16-le"),
    "full width": lambda text: text.translate(WIDE),
    "zero width": "\u200b".join,
    "soft hyphens": "\u00ad".join,
    "look-alikes": lambda text: text.translate(LOOKALIKES),
    "joined literals": lambda text: f'"{text[: len(text) // 2]}" + "{text[len(text) // 2 :]}"',
}
"""From what it is called to what makes it of a text."""
