# ruff: noqa: RUF001, S311  rows stay on one line, in many scripts; chance is no secret
import argparse
import inspect
import random
import string
import uuid
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopper.meter.estimate import (
    IMAGE_TOKENS,
    MAX_EXACT_BYTES,
    REQUEST_TOKENS,
    count_tokens,
    estimate_output,
    exact_encoding,
    floor_output,
    load_encoding,
    weigh,
)
from stopper.meter.wire import Ask, Live
from stopper.stores.ledger import Calibration

NOTHING = Calibration()
ENCODINGS = ("o200k_base", "cl100k_base", "voyage3_base")
CHANCE = random.Random(20_000)

PROSE = (
    "The parser reads one line at a time and keeps what it has seen in a table. When a line does "
    "not follow the grammar, it says where, and what it would have taken instead. Please look at "
    "the tests that fail, tell me why they do, and mend the code without changing what it prints. "
)
CODE = inspect.getsource(argparse)[:40_000]


def chars(alphabet: str, count: int = 20_000) -> str:
    return "".join(CHANCE.choices(alphabet, k=count))


def uuids() -> str:
    return "\n".join(str(uuid.UUID(int=CHANCE.getrandbits(128))) for _ in range(500))


WEIGHED = {
    # text                       the text                                      least, and most of what the hungriest and the thriftiest tokenizer need
    "prose":                    (PROSE * 100,                                  1.1, 1.8),
    "code as JSON":             (msgspec.json.encode({"content": CODE}).decode(), 1.1, 1.7),
    "a schema":                 (msgspec.json.encode([{"type": "object", "properties": {"path": {"type": "string", "description": PROSE}}}] * 50).decode(), 1.1, 1.8),
    "German":                   ("Die Würde des Menschen ist unantastbar. Sie zu schützen ist Verpflichtung. " * 60, 1.1, 1.9),
    "French":                   ("Les représentants du peuple français, considérant que l'ignorance et l'oubli. " * 60, 1.1, 1.9),
    "Russian":                  ("Сегодня мы поговорим о том, как работает сборщик мусора и почему это важно. " * 60, 1.1, 4.0),
    "Chinese":                  ("这是一个用于测试令牌计数的中文文本。我们希望估计值不会太低，也不会太高。" * 60, 1.1, 4.5),
    "Japanese":                 ("日本語のテキストです。推定が正しいかどうかを確認するための文章です。" * 60, 1.1, 4.5),
    "Korean":                   ("안녕하세요 세계, 이것은 추정이 올바른지 확인하기 위한 한국어 문장입니다. " * 60, 1.1, 4.5),
    "emoji":                    (chars("".join(map(chr, range(0x1F300, 0x1F600)))), 1.0, 4.5),
    "base64":                   (chars(string.ascii_letters + string.digits + "+/"), 1.0, 1.3),
    "base32":                   (chars(string.ascii_uppercase + "234567"),     1.0, 1.7),
    "hexadecimal":              (chars("0123456789abcdef"),                    0.8, 1.5),
    "UUIDs":                    (uuids(),                                      0.8, 1.5),
    "digits":                   (chars(string.digits),                         1.0, 3.1),
    "random small letters":     (chars(string.ascii_lowercase),                1.0, 1.2),
    "random letters":           (chars(string.ascii_letters),                  1.0, 1.3),
    "rare letters":             (chars("qxzjkvw"),                             1.0, 1.9),
    "punctuation":              (chars(string.punctuation),                    1.0, 1.4),
    "rare Chinese characters":  (chars("".join(map(chr, range(0x4E00, 0x9FFF)))), 0.95, 1.9),
    "rare characters":          (chars("".join(map(chr, range(0x80, 0x800)))), 1.0, 1.6),
    "control characters":       (chars("".join(map(chr, range(1, 0x20)))),     1.0, 1.1),
}  # fmt: skip


@pytest.mark.parametrize(("text", "least", "most"), WEIGHED.values(), ids=WEIGHED)
def test_weight(text: str, least: float, most: float) -> None:
    """Above what the hungriest tokenizer needs, and not too far above the thriftiest."""
    counts = [load_encoding(name).count(text) for name in ENCODINGS]
    weight = weigh(text.encode())
    assert weight >= least * max(counts)
    assert weight <= most * min(counts)


@given(st.text(), st.text())
def test_weight_grows_with_the_text(one: str, two: str) -> None:
    """More text never weighs less, and two texts weigh what they weigh apart, but for rounding."""
    whole, parts = weigh((one + two).encode()), weigh(one.encode()) + weigh(two.encode())
    assert parts - 1 <= whole <= parts


def test_weight_of_long_text() -> None:
    """Of a long text every byte counts, the heaviest ones too."""
    part = ("\U0001f702" * 64).encode()
    assert weigh(part * 1000) == 1000 * weigh(part)


def ask(body: dict[str, Any], *, model: str = "claude-sonnet-4-5", images: int = 0, payload: int = 0, prompts: int = 0) -> Ask:  # fmt: skip
    json = msgspec.json.encode(body)
    size = len(json) - payload
    return Ask(model, stream=True, max_output=1, text_bytes=size, body=body, json=json, media=images, prompts=prompts)  # fmt: skip


ENCODING_OF = {
    "gpt-4o":                 "o200k_base",
    "gpt-4o-mini-2024-07-18": "o200k_base",
    "gpt-4.1-nano":           "o200k_base",
    "gpt-5.2-codex":          "o200k_base",
    "o4-mini":                "o200k_base",
    "openai/gpt-oss-120b":    "o200k_base",
    "ft:gpt-4o-mini:me::x":   "o200k_base",
    "gpt-4":                  "cl100k_base",
    "gpt-4-turbo":            "cl100k_base",
    "gpt-3.5-turbo":          "cl100k_base",
    "text-embedding-3-small": "cl100k_base",
    "gpt-9":                  None,
    "claude-sonnet-4-5":      None,
    "anthropic/claude-3":     None,
}  # fmt: skip


@pytest.mark.parametrize(("model", "encoding"), ENCODING_OF.items(), ids=ENCODING_OF)
def test_encoding_of_a_model(model: str, encoding: str | None) -> None:
    """Only names whose tokenizer is published have one."""
    assert exact_encoding(model) == encoding


CHATS = {
    "one word":            [{"role": "user", "content": "hi"}],
    "prose":               [{"role": "user", "content": PROSE * 20}],
    "many short messages": [{"role": "user", "content": "ok"}, {"role": "assistant", "content": "yes"}] * 50,
    "Chinese":             [{"role": "user", "content": "这是一个用于测试令牌计数的中文文本。" * 50}],
}  # fmt: skip


@pytest.mark.parametrize("messages", CHATS.values(), ids=CHATS)
def test_exact_count_covers_what_openai_documents(messages: list[dict[str, str]]) -> None:
    """OpenAI counts 3 tokens a message, its role and content, and 3 for the reply to come."""
    count = load_encoding("o200k_base").count
    real = 3 + sum(3 + count(m["role"]) + count(m["content"]) for m in messages)
    bound = count_tokens(ask({"messages": messages}, model="gpt-4o"), "openai", NOTHING)
    assert real <= bound <= real * 1.25 + 8 * len(messages) + REQUEST_TOKENS


COUNTS = {
    # what is asked                        the request                                                          provider     least, most
    "nothing":                            (ask({}),                                                            "anthropic",  REQUEST_TOKENS, REQUEST_TOKENS + 2),
    "an image by URL":                    (ask({"u": "x"}, images=1),                                          "anthropic",  IMAGE_TOKENS, IMAGE_TOKENS + REQUEST_TOKENS + 9),
    "an image's own bytes are not text":  (ask({"i": "Q2h1" * 9_000}, images=1, payload=36_000),               "anthropic",  IMAGE_TOKENS, IMAGE_TOKENS + REQUEST_TOKENS + 9),
    "text like an image is text":         (ask({"i": "Q2h1" * 9_000}),                                         "anthropic",  18_000, 36_100),
    "more such text than images":         (ask({"i": "Q2h1" * 9_000, "t": "Q2h1" * 900}, images=1, payload=36_000), "anthropic", 18_000, 45_000),
    "an image for a small model":         (ask({"u": "x"}, images=1, model="gpt-4o-mini"),                     "openai",     48_169, 48_300),
    "an image for a new model":           (ask({"u": "x"}, images=1, model="openai/gpt-5.4"),                  "openrouter", 10_000, 10_100),
    "the provider's prompts":             (ask({}, prompts=600),                                               "anthropic",  600, 600 + REQUEST_TOKENS + 2),
    "brackets are a token each at most":  (ask({"t": [[]] * 1_000}),                                           "anthropic",  2_000, 3_100),
    "OpenAI's tokenizer":                 (ask({"t": PROSE * 100}, model="gpt-4o"),                            "openai",     6_100, 6_400),
    "a deployment may be any model":      (ask({"t": PROSE * 100}, model="gpt-4o"),                            "azure",      8_500, 9_500),
    "too long for the tokenizer":         (ask({"t": PROSE * (MAX_EXACT_BYTES // len(PROSE) + 1)}, model="gpt-4o"), "openai", 35_000, 55_000),
}  # fmt: skip


@pytest.mark.parametrize(("request_", "provider", "least", "most"), COUNTS.values(), ids=COUNTS)
def test_count(request_: Ask, provider: str, least: int, most: int) -> None:
    """The bound lies between the last two columns."""
    assert least <= count_tokens(request_, provider, NOTHING) <= most


LEARNT = {
    # what was learnt                     milli tokens a byte    tokens for about 10,000 bytes
    "nothing":                           (None,                  (3_100, 3_400)),
    "less than is weighed":              (100,                   (3_100, 3_400)),
    "more than is weighed":              (400,                   (4_400, 4_500)),
    "a ratio of short requests":         (90_000,                (5_000, 5_100)),
}  # fmt: skip


@pytest.mark.parametrize(("milli", "tokens"), LEARNT.values(), ids=LEARNT)
def test_learnt(milli: int | None, tokens: tuple[int, int]) -> None:
    """Calibration raises a bound, with a margin and up to a limit, and never lowers it."""
    text = (PROSE * 60)[:10_000]
    assert tokens[0] <= count_tokens(ask({"t": text}), "anthropic", Calibration(milli)) <= tokens[1]


OUTPUTS = {
    # what was seen               deltas, chars       chars a token    estimate, floor
    "nothing":                   (Live(0, 0),         None,            0,        0),
    "a delta of nothing much":   (Live(1, 1),         None,            1,        1),
    "a token a delta":           (Live(100, 380),     None,            127,      100),
    "few large deltas":          (Live(4, 3_000),     None,            1_000,    93),
    "a model that is terse":     (Live(4, 3_000),     2_000,           1_500,    93),
    "a model that is wordy":     (Live(4, 3_000),     4_500,           667,      93),
    "more deltas than that":     (Live(900, 3_000),   4_500,           900,      900),
}  # fmt: skip


@pytest.mark.parametrize(("live", "milli", "estimate", "floor"), OUTPUTS.values(), ids=OUTPUTS)
def test_output(live: Live, milli: int | None, estimate: int, floor: int) -> None:
    """What a cut reply has used, and what it has used at the very least."""
    learnt = Calibration(None, milli and milli)
    assert (estimate_output(live, learnt), floor_output(live)) == (estimate, floor)
