"""What the gate rules out would change nothing."""

import base64
import gzip
from collections.abc import Callable, Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stopper.detect.allowance import Allowance
from stopper.detect.armour import lettered
from stopper.detect.base85 import ascii85, base85
from stopper.detect.columns import columned
from stopper.detect.escapes import unescaped
from stopper.detect.framed import framed
from stopper.detect.gate import PATTERNS, Decoder, needed
from stopper.detect.inflate import compressed
from stopper.detect.lists import backslashed, dumped, hidden, numbered, pieced, uuencoded
from stopper.detect.literals import merged_literals
from stopper.detect.parts import parted
from stopper.detect.rewrite import joined, quoted_printable, regrouped, shown
from stopper.detect.strides import strided
from stopper.detect.variables import assembled
from stopper.detect.woven import woven

SPLIT = Decoder.LINES | Decoder.LABELS | Decoder.LITERALS | Decoder.MARKUP


def _unhurried(
    decode: Callable[[bytes, Allowance], Iterable[object]],
) -> Callable[[bytes], Iterable[object]]:
    return lambda data: decode(data, Allowance())


DECODERS: dict[str, tuple[int, Callable[[bytes], Iterable[object]]]] = {
    "quoted-printable": (Decoder.QUOTED, lambda data: [quoted_printable(data)]),
    "unseen": (Decoder.UNSEEN, lambda data: [shown(data)]),
    "joined": (SPLIT, joined),
    "regrouped": (Decoder.GROUPS, lambda data: regrouped(data, Decoder.GROUPS)),
    "framed": (Decoder.UNSEEN, _unhurried(framed)),
    "literals": (Decoder.VARIABLES, _unhurried(merged_literals)),
    "strides": (Decoder.GROUPS, _unhurried(strided)),
    "parts": (Decoder.PARTS, _unhurried(parted)),
    "letters": (Decoder.LETTERS, _unhurried(lettered)),
    "ascii85": (Decoder.ASCII85, _unhurried(ascii85)),
    "base85": (Decoder.BASE85, _unhurried(base85)),
    "numbers": (Decoder.NUMBERS, _unhurried(numbered)),
    "pieces": (Decoder.PIECES, _unhurried(pieced)),
    "dumps": (Decoder.DUMPS, _unhurried(dumped)),
    "hidden": (Decoder.HIDDEN, _unhurried(hidden)),
    "escapes": (Decoder.ESCAPES | Decoder.FOREIGN, lambda data: [unescaped(data)]),
    "tables": (Decoder.TABLES, _unhurried(columned)),
    "variables": (Decoder.VARIABLES, _unhurried(assembled)),
    "uuencoded": (Decoder.UUENCODED, _unhurried(uuencoded)),
    "backslashed": (Decoder.BACKSLASHED, _unhurried(backslashed)),
    "woven": (Decoder.WOVEN, _unhurried(woven)),
    "compressed": (Decoder.PACKED, lambda data: [] if data[:1] == b"x" else compressed(data, 9999)),
}
SECRET = b"ghp_0123456789abcdefABCDEF0123456789abcd"
PIECES = st.sampled_from(
    [b"=41", b"=\n", b"= \r\n", b"\0", b"a", b"abcdefghijklmnop", b"\n", b"\r\n", b"\\\n", b"   ", b".", b'"', b"'", b"+", b" ", b"41 ",
     b"4142 ", b"0x41, ", b"a b ", b"==", base64.b64encode(SECRET), SECRET.hex().encode(), base64.b32encode(SECRET),
     base64.a85encode(SECRET), base64.b85encode(SECRET), gzip.compress(SECRET), b"\xff", b"\xe2\x80\x8b", b"||", b"<>", b"\\", b"_-/",
     b"103, ", b"chr(104).", b"147 ", b"U+0067 ", "\U000e0067".encode() * 4, "\ufe01\U000e0150".encode() * 3, b"<b>", b"</i>", b"]]><![CDATA[", b"\x1b[31m", b" _\n", b"01100111", b"01101000 ", b'"aB", ', b"'c1',", b"00000010: 6768 705f  ", b"0000 67 68 70 5f", b"begin 644 a\n", b"M,C R-2TP,2TP,2!S=&%R\n", b"G h p ", b"x +=", b"PK\3\4", b"\\'67", b"\\68 ", b"\\0000", b"0o147, ", b"0b1101000,", b"(byte)0x67, ", b"067h, ", b"[char]103+", b'{"i": 1, "c": 103}, ', b"chr(104)||", b"// a1B2c\n", SECRET[::-1], base64.b64encode(SECRET)[::-1], SECRET.hex()[::-1].encode(), b"k += x9Y8\n", b"7aB, ",
     b"user,password\n", b"bob,hunter2x\n", b"|token|\n", b"a  api key\n", b"b  k3y45678\n", b"a='ghp_01'\n", b"b=6789abcd0123456789\n", b"a+b", b"${a}", b"['ab1', 'cd']",
     b'"key_part1": "ghp_0123456789"', b', "key_part2": "abcdefABCDEF01"', b" --first a1b2c3d4e5f6", b" --second a1b2c3d4e5f6", b"g.h.p._.a.1.b.2.c.3.", b"...", b"gh-p_-a1-b2-c3-d4-", b"ghp_ 0123 4567 89ab ",
     b"CONCAT('a1', 'b'", b"join('', ['a', 'b2'", b"'.join(['c', 'd'", b"'{}{}', ", b"'%s%s', 'a1'", b")", b"].join('')", b"\x120abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmn", b"z85 wPa<4wPa<4wPa<4wPa<4wPa<4wPa<4"]
)  # fmt: skip
TEXTS = st.lists(PIECES | st.binary(max_size=3), max_size=24).map(b"".join)


@pytest.mark.parametrize("name", DECODERS)
@settings(max_examples=200, deadline=None)
@given(data=TEXTS)
def test_a_decoder_that_changes_something_is_needed(name: str, data: bytes) -> None:
    decoder, decode = DECODERS[name]
    if any(found for found in decode(data)):
        assert needed(data) & decoder


def test_ordinary_text_needs_little() -> None:
    assert needed(b"The quick brown fox, as we know it, jumps over it all.") == 0
    assert needed(b"") == 0


def test_every_decoder_has_patterns() -> None:
    assert sum(PATTERNS) == Decoder.ALL
