"""Tokens that nobody has stated: an upper bound for a request, and what a cut reply has used."""

import re
from functools import lru_cache
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from typing import Any, Final, Protocol
from zlib import adler32

from stopper.meter.wire import Ask, Live

__all__ = [
    "MAX_EXACT_BYTES",
    "Learnt",
    "Tokenizer",
    "count_tokens",
    "estimate_output",
    "exact_encoding",
    "floor_output",
    "load_encoding",
    "weigh",
]

MAX_EXACT_BYTES: Final = 128 * 1024
"""Longer texts are weighed, not tokenized: the tokenizer takes about 4 ms for this many bytes."""

REQUEST_TOKENS: Final = 32
"""What providers put around a conversation: its start, the names of roles, the start of a reply."""

IMAGE_TOKENS: Final = 5_000
"""The most tokens of an image: 4,784 at Anthropic, 2,240 at Gemini, 3,779 at most of OpenAI's."""

_IMAGE_TOKENS_OF: Final = (("gpt-4o-mini", 48_169), ("gpt-5.", 10_000), ("gpt-6", 10_000))
"""OpenAI models with more: 2,833 and 5,667 for each of 8 tiles; 10,000 patches at full detail."""

CHARS_PER_TOKEN: Final = 3
"""How much text a token of output is thought to have before a model's own replies have taught it.

English has more than 4, code 3 to 4: a reply that was cut is rather counted too high than too low.
"""

SURE_CHARS_PER_TOKEN: Final = 32
"""No text worth reading has more characters a token on average; single tokens of blanks do."""

MAX_LEARNT_MILLI: Final = 500
"""The most tokens a byte, in thousandths, that calibration may teach.

A short request is mostly what the provider puts around it, so its ratio says nothing about text.
"""

_LEARNT_MARGIN_PERCENT: Final = 110
_MILLI: Final = 1000


class Tokenizer(Protocol):
    """Counts what a vocabulary makes of a text."""

    def count(self, text: str, /) -> int:
        """How many tokens `text` is."""


class Learnt(Protocol):
    """What finished replies of a model have taught; None before there were enough."""

    @property
    def milli_tokens_per_byte(self) -> int | None:
        """The most input tokens that a byte of text had, in thousandths."""

    @property
    def milli_chars_per_token(self) -> int | None:
        """The mean characters that a token of output had, in thousandths."""


def count_tokens(ask: Ask, provider: str, learnt: Learnt) -> int:
    """An upper bound for the input tokens of a request, images and the provider's prompts included.

    It tokenizes the request's JSON where the model's tokenizer is known (JSON has all of the text
    and more), and weighs its bytes otherwise. Never more than a token a byte of text.
    """
    text = _without_images(ask.json, ask.text_bytes)
    encoding = exact_encoding(ask.model) if provider != "azure" else None
    if encoding and len(text) <= MAX_EXACT_BYTES:
        tokens = load_encoding(encoding).count(text.decode())
    else:
        tokens = max(weigh(text), _learnt(len(text), learnt))
    around = REQUEST_TOKENS + ask.prompts
    if ask.media:
        around += ask.media * _image_tokens(ask.model)
    return min(tokens, len(text)) + around


def estimate_output(live: Live, learnt: Learnt) -> int:
    """The output tokens of a reply that never said: by its text, and at least one a delta."""
    ratio = learnt.milli_chars_per_token or CHARS_PER_TOKEN * _MILLI
    return max(live.deltas, -(-live.chars * _MILLI // ratio))


def floor_output(live: Live) -> int:
    """Output tokens that a reply has surely reached: fewer than it has, never more."""
    return max(live.deltas, live.chars // SURE_CHARS_PER_TOKEN)


@lru_cache(maxsize=256)
def exact_encoding(model: str) -> str | None:
    """The tokenizer of an OpenAI model, by its name with or without a vendor before it."""
    name = model.removeprefix("openai/").removeprefix("ft:")
    if name.startswith(_O200K):
        return "o200k_base"
    return "cl100k_base" if name.startswith(_CL100K) else None


@lru_cache(maxsize=2)
def load_encoding(name: str) -> Tokenizer:
    """The tokenizer of an encoding; the first call takes 0.1 s and 70 MB, so call it beforehand."""
    tokenizer: Tokenizer = _bindings().tokenizer_for_encoding(name)
    return tokenizer


def weigh(text: bytes) -> int:
    """An upper bound for the tokens of UTF-8 text, by what each kind of byte costs.

    The weights are fitted to whichever of the o200k, cl100k, Qwen and Claude 2 vocabularies needs
    most tokens. Prose, code and JSON come out at 1.3 to 1.7 of o200k; base64, digits, random
    letters and rare characters at their real number or above, and hexadecimal at 0.85 where each
    digit is a token. Only text that is made to defeat it, such as random words of the most common
    letters, comes out lower, at 0.55: the reply's own numbers then raise the hold or end it.
    """
    return -(-_sum(text.translate(_WEIGHTS)) // _UNIT)


# As tiktoken's own table has it.
_O200K = ("gpt-4o", "gpt-4.1", "gpt-4.5", "gpt-5", "gpt-oss", "chatgpt-4o", "o1", "o3", "o4-mini")
_CL100K = ("gpt-4", "gpt-3.5", "text-embedding-3", "text-embedding-ada-002")


@lru_cache(maxsize=1)
def _bindings() -> Any:
    """bpe-openai's compiled part alone: all of the package reads each vocabulary a second time."""
    package = find_spec("bpe_openai")
    folders = package.submodule_search_locations if package else ()
    spec = PathFinder.find_spec("_bindings", folders)
    if spec is None or spec.loader is None:
        raise ImportError("bpe-openai is not installed as Stopper knows it: install it again")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_UNIT = 64
_KINDS: tuple[tuple[bytes, float], ...] = (
    # bytes that occur together       tokens a byte
    (bytes(range(0x20)),              1.00),  # control characters
    (bytes(range(0x20, 0x80)),        0.80),  # punctuation; letters and digits follow
    (b" ",                            0.12),  # blanks join the word behind them
    (b"\\",                           0.50),  # JSON's escapes of line ends and quotes
    (b"etaoinsr",                     0.28),  # the common letters of words
    (b"hldcum",                       0.34),
    (b"fpgyb",                        0.40),
    (b"vkjxqzw",                      1.15),  # rare in words: they tell random letters
    (b"ABCDEFGHIJKLMNOPQRSTUVWXYZ",   0.90),
    (b"0123456789",                   1.00),  # a token each at Gemini, Llama and Qwen
    (bytes(range(0xC2, 0xE0)),        2.00),  # first bytes of two: a token for each of them
    (b"\xc3",                         1.40),  # Latin letters with marks
    (b"\xd0\xd1",                     1.00),  # Cyrillic
    (bytes(range(0xE0, 0xF0)),        2.75),  # first bytes of three
    (bytes(range(0xE3, 0xEA)),        2.30),  # Chinese, Japanese
    (bytes(range(0xEA, 0xEE)),        2.60),  # Korean
    (bytes(range(0xF0, 0xF5)),        3.98),  # first bytes of four
)  # fmt: skip


def _table() -> bytes:
    weights = bytearray(256)
    for kind, tokens in _KINDS:
        for byte in kind:
            weights[byte] = round(tokens * _UNIT)
    return bytes(weights)


_WEIGHTS = _table()
_BLOCK = 256  # the most bytes whose sum surely stays below Adler-32's modulus
_IMAGE = re.compile(rb"[A-Za-z0-9+/_-]{1024,}={0,2}")


def _sum(data: bytes) -> int:
    """The sum of all bytes: as the low half of Adler-32, less its 1, it is 20 times faster."""
    blocks = range(0, len(data), _BLOCK)
    return sum([(adler32(data[at : at + _BLOCK]) & 0xFFFF) - 1 for at in blocks])


def _without_images(data: bytes, text_bytes: int) -> bytes:
    """Drop long base64, but never more of it than the request has images."""
    payload = len(data) - text_bytes
    if payload <= 0:
        return data
    kept = _IMAGE.sub(b"", data)
    return kept if len(data) - len(kept) <= payload else data


def _learnt(size: int, learnt: Learnt) -> int:
    milli = learnt.milli_tokens_per_byte or 0
    return -(-size * min(milli * _LEARNT_MARGIN_PERCENT // 100, MAX_LEARNT_MILLI) // _MILLI)


def _image_tokens(model: str) -> int:
    name = model.removeprefix("openai/")
    for prefix, tokens in _IMAGE_TOKENS_OF:
        if name.startswith(prefix):
            return tokens
    return IMAGE_TOKENS
