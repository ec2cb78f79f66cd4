"""What a hostile megabyte costs detection: `python -m bench.detect_hostile`, about half an hour.

Each kind is one short thing again and again: samples of every rule, alike or each with other
values; everything in every encoding; signs, pieces and beginnings; much of it in compressed bytes,
as long as is still unpacked; known values of every length, whole and in parts; and texts made
against one decoder each, of parts at random. Times are the processor's, for 1 MB, at once and as a
stream.
"""

import argparse
import gzip
import random
import string
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from itertools import chain, count, cycle, islice, repeat
from typing import Final

import brotli

from bench import detect_sets
from bench.detect_encodings import ENCODINGS
from stopper.detect.inspection import Inspector, packaged_detector, packaged_rules
from stopper.detect.known import KnownValues
from stopper.detect.live import LiveInspector
from stopper.detect.rules import fill

__all__ = ["kinds", "main"]

MEGABYTE: Final = 10**6
CHUNK: Final = 16_384
LIMIT: Final = 1.0
_SHOWN: Final = 20
_VARIANTS: Final = 2000
_EVERY: Final = 7  # of the secrets in the labelled set
_ZIPPED: Final = (30_000, 200_000, 900_000)
"""Bytes in each of the compressed streams that make up a text."""

_KNOWN: Final = (8, 24, 3200, 16_000)
"""Characters of the known values."""

LETTERS: Final = string.ascii_lowercase
MIXED: Final = string.ascii_letters + string.digits

SIGNS: Final = (
    b"-", b"_", b"/", b"@", b"=", b".", b":", b"'", b'"', b"\\", b"%", b"&", b"#", b"<", b"{[",
    b"$", b"\0", b"\xff", b"\xc3\xa9", b" ", b"\n", b"aA1", b"A1", b"a1-B2-", b"a1B2c3D4 ",
    b"aB3|", b"aB3cD ", b"aB3cDe.", b"'aB3' + ", b'"aB3",', b"<b>aB3</b>", b"$a$b", b"65,66,",
    b"0x41,", b"0x41 ", b"41:", b"41 ", b"\\x41", b"\\101", b"\\u0041", b"\\ud83d\\ude00",
    b"&#65;", b"%41", b"%2541", b"=41", b"=41=42", b"=\n", b"01000001 ", b"chr(65)+", b"{1}{0}",
    b"CONCAT('aB3','cD4',", b"${a}${b}", b"a=aB3;b=$a;", b"k += 'aB3'\n", b"sk-ant-", b"ghp_",
    b"AKIA", b"xoxb-1-", b"eyJ", b"eyJhbGciOi.ey", b"-----BEGIN PRIVATE KEY-----\n", b"-----END",
    b"Bearer ", b"password ", b"password=", b'"key": "', b"key_1='aB3' key_2='cD4' ",
    b"password = 'hunter2a'\n", b"://a:b@", b"https://u:", b"https://user:hunter22@host.com/ ",
    b"user,password\nab,cdefgh12\n", b"| a | aB3dE5gH |\n", b"4111-1111-", b"4111 1111 1111 1111,",
    b"\x1f\x8b\x08", b"x\x9c", b"PK\x03\x04", b"(\xb5/\xfd", b"\\x1f\\x8b\\x08", b"<~",
    b"begin 644 a\n", b"z85 ", b"=?utf-8?b?YUI?= ", b"drowssap :", b"terces", b"\xe2\x80\x8ba",
    b"\xef\xbd\x81", b"\x12(aB3dE5gH7jK9mN1pQ3sT5vX7aB3dE5gH7jK9mN1p", b'{"a":"B1"},',
    b"- 'aB3'\n- 'join(\"\")'\n",
    b'"hashed_secret": "0123456789abcdef0123456789abcdef01234567"\n',
)  # fmt: skip


def main() -> int:
    """Print the kinds that cost most; 1 when one takes longer than a second."""
    parser = argparse.ArgumentParser(prog="python -m bench.detect_hostile", description=__doc__)
    parser.add_argument("--step", type=int, default=1, help="try only every so many kinds")
    parser.add_argument("--only", default="", help="try only kinds whose name holds this")
    options = parser.parse_args()
    detector = packaged_detector(b"key of the benchmark")
    detector.engine.complete()
    known = KnownValues({value[:6]: value for value in _known_values()}, b"key of the benchmark")
    inspector = Inspector(detector, known)
    tried = 0
    costs: list[tuple[float, str]] = []
    for name, text in islice(kinds(), 0, None, options.step):
        if options.only in name:
            tried += 1
            for way, look in (("at once", inspector.inspect), ("streamed", _streamed(inspector))):
                costs.append((_seconds(look, text), f"{way}  {name}"))
            _progress(f"{tried} kinds, the worst so far {max(costs)[0]:.2f} s")
    _progress("")
    for cost, name in sorted(costs, reverse=True)[:_SHOWN]:
        print(f"{cost:5.2f} s  {name}")
    over = sum(cost > LIMIT for cost, _ in costs)
    print(f"1 MB of {tried} kinds, at once and streamed: {over} of {len(costs)} over a second")
    return 1 if over else 0


def kinds() -> Iterator[tuple[str, bytes]]:
    """The name and the text of each kind."""
    pieces = dict(_pieces())
    for name, piece in pieces.items():
        yield name, _repeated(piece)
    for rule in packaged_rules():
        for hit in rule.hits[:1]:
            rows = (fill(hit, str(number)) for number in range(_VARIANTS))
            yield f"rule {rule.id}, other values", _repeated("\n".join((*rows, "")).encode())
    for name, piece in pieces.items():
        if name.startswith(("sign", "encoding")):
            for size in _ZIPPED:
                yield f"gzip of {size:,} bytes of {name}", _zipped(piece, size)
    for name, piece in _of_known_values():
        yield f"known value {name}", _repeated(piece)
    for name, parts in _aimed(random.Random(6)):  # noqa: S311  samples
        yield f"against {name}", _filled(parts)


def _known_values() -> list[str]:
    noise = random.Random(7)  # noqa: S311  samples
    return ["".join(noise.choices(MIXED, k=length)) for length in _KNOWN]


def _of_known_values() -> Iterator[tuple[str, bytes]]:
    """Each value whole, all but its end, in every encoding, and cut over the fields of a body."""
    for value in _known_values():
        size = len(value)
        yield f"of {size}, whole", value.encode()
        yield f"of {size}, but for its end", f"{value[:-1]}!".encode()
        yield f"of {size}, half of it", f'"{value[: size // 2]}" '.encode()
        for name, encode in ENCODINGS.items():
            yield f"of {size}, {name}", _bytes(encode(value)) + b"\n"
        for part in (1, 5, 60):
            cut = [value[at : at + part] for at in range(0, size, part)]
            yield f"of {size}, fields of {part}", "".join(f'"{one}",' for one in cut).encode()
            named = (f'{{"n{at % 64}":"{one}"}},' for at, one in enumerate(cut))
            yield f"of {size}, named fields of {part}", "".join(named).encode()


def _aimed(noise: random.Random) -> Iterator[tuple[str, Iterator[str]]]:
    """What costs one decoder most, as parts without an end."""

    def some(alphabet: str, *sizes: int) -> str:
        return "".join(noise.choices(alphabet, k=noise.choice(sizes)))

    def words(signs: str) -> Iterator[str]:
        return (f"{some(MIXED, 1, 2, 3)}1B{noise.choice(signs)}" for _ in count())

    wide = ",".join(["user"] + ["pw"] * 1360) + "\n"
    yield "tables, wide", chain([wide], repeat("," * 1360 + "\n"))
    yield "tables, short", cycle([wide, *["," * 1360 + "\n"] * 4, "x\n"])
    yield "words apart, in a line", words(",;:")
    yield "words apart, behind many signs", words("!#(*@~,^")
    yield "words apart, in lines", words(",;:\n")
    nested = "%41"
    for number in range(8):
        sign, spelled = ("&", "%26") if number % 2 else ("%", "&#37;")
        nested = nested.replace(sign, spelled, 1)
    lines = (
        f"{some(MIXED, 64)}\n{some(LETTERS, 9)} = '{some(MIXED, 9)}' {nested}\n" for _ in count()
    )
    yield "escapes inside each other", chain([r"\x41414141 "], lines)
    tokens = (f"{some(MIXED, 4)}-{some(MIXED, 18)}_{some(MIXED, 5)}\n" for _ in count())
    yield "tokens from their end", tokens
    names = [some(LETTERS, 5) for _ in range(500)]
    given = [f'{name}="{some(MIXED, 3)}1"\n' for name in names]
    yield "variables", chain(given, (f"${{{noise.choice(names)}}}" for _ in count()))
    dumps = b64encode(gzip.compress(_repeated(b'"0000 141'))).decode()
    used = (f"${{{noise.choice(names)}}}" for _ in count())
    yield "variables, and dumps below", chain([f"{dumps}\n"], given, used)
    yield "dumps of one byte", repeat('"0000 141')
    yield "lists that are joined", chain(['join("", x)\n'], repeat("'1','2';"))
    yield "single letters", chain(repeat("a, ", MEGABYTE // 3 - 1), repeat(","))
    yield "lines of ascii85", repeat("9jqo^" * 12 + "\r\n")
    yield "headers without rows", repeat("a,pwd\nx\n")
    yield "dumps in one line", repeat('"0000 41414141 ')
    yield "pieces behind many", chain(repeat("ab;", MEGABYTE // 3 - 9), repeat("aB3;x1Y;q9Z;"))
    yield "values of their own", (f"pw='{some(MIXED, 11)}7'\n" for _ in count())
    yield "streams that break off", repeat(_broken())
    hits = [fill(rule.hits[0], "a")[:-1] for rule in packaged_rules()]
    yield "what rules begin with", (f"\naZ9{noise.choice(hits)}" for _ in count())


def _broken() -> str:
    """Brotli of a megabyte that lacks its end, in base64."""
    packed = brotli.compress(bytes(MEGABYTE), quality=5)[:-1]
    return f"{b64encode(packed.ljust(24, bytes(1))).decode()}\n"


def _filled(parts: Iterator[str]) -> bytes:
    text = bytearray()
    while len(text) < MEGABYTE:
        text += _bytes(next(parts))
    return bytes(text[:MEGABYTE])


def _pieces() -> Iterator[tuple[str, bytes]]:
    for sign in SIGNS:
        yield f"sign {sign[:30]!r}", sign
    for rule in packaged_rules():
        for number, hit in enumerate(rule.hits[:2]):
            yield f"rule {rule.id}, sample {number + 1}", f"{fill(hit, 'h')}\n".encode()
    tokens = list(detect_sets.bare_secrets("h"))[::_EVERY]
    for name, encode in ENCODINGS.items():
        yield f"encoding {name}, all in one", _bytes(encode("\n".join(tokens))) + b"\n"
        yield f"encoding {name}, in lines", b"\n".join(_bytes(encode(token)) for token in tokens)


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")


def _repeated(piece: bytes) -> bytes:
    return (piece * (MEGABYTE // len(piece) + 1))[:MEGABYTE]


def _zipped(piece: bytes, size: int) -> bytes:
    """Streams that each hold so many bytes, as many as they are long: noise fills them up."""
    noise = random.Random(5)  # noqa: S311  samples
    text = bytearray()
    inner = (piece * (size // len(piece) + 1))[:size]
    for number in range(MEGABYTE // size + 1):
        packed = gzip.compress(b"%d\n%b" % (number, inner), 6)
        text += packed + noise.randbytes(max(0, size - len(packed)))
    return bytes(text[:MEGABYTE])


def _streamed(inspector: Inspector) -> Callable[[bytes], object]:
    def look(text: bytes) -> None:
        live = LiveInspector(inspector, joins_fields=True)
        for start in range(0, len(text), CHUNK):
            live.feed(text[start : start + CHUNK])
        live.finish()

    return look


def _seconds(look: Callable[[bytes], object], text: bytes) -> float:
    """Processor time; what took long is timed again, since other load shows in it, too."""
    best = float("inf")
    for _ in range(3):
        begin = time.process_time()
        look(text)
        best = min(best, time.process_time() - begin)
        if best < LIMIT * 0.9:
            break
    return best


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
