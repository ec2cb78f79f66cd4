"""Every encoding undone, with the span that it came from."""

import base64
import binascii
import bz2
import gzip
import json
import lzma
import random
import string
import textwrap
import zlib
from collections.abc import Callable
from io import BytesIO
from urllib.parse import quote
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

import brotli
import pytest
import zstandard

from stopper.detect.budget import PATIENT, Budget
from stopper.detect.decode import decoded_views
from stopper.detect.spelling import ROT13
from stopper.detect.view import View

SECRET = "tkn_" + "".join(random.Random(7).choices(string.ascii_letters + string.digits, k=36))  # noqa: S311  a sample
RAW = SECRET.encode()


TO_Z85 = str.maketrans(
    string.digits + string.ascii_uppercase + string.ascii_lowercase + "!#$%&()*+-;<=>?@^_`{|}~",
    string.digits + string.ascii_lowercase + string.ascii_uppercase + ".-:+=^!/*?&<>()[]{}@%$#",
)
# What gzip makes of it has a backslash, which is one more where programs print it.
ODD_TEXTS = [RAW * 3 + b" %d" % number for number in range(1000)]
CHECKED = zstandard.ZstdCompressor(write_checksum=True)
ODD_GZIP = next(packed for text in ODD_TEXTS if b"\\" in (packed := gzip.compress(text, mtime=0)))
ODD_ZSTD = next(packed for text in ODD_TEXTS if b"\\" in (packed := CHECKED.compress(text)))


def b64(data: bytes | str) -> str:
    return base64.b64encode(data if isinstance(data, bytes) else data.encode()).decode()


def grouped(text: str, size: int, separator: str) -> str:
    return separator.join(text[at : at + size] for at in range(0, len(text), size))


def each(template: str) -> str:
    return "".join(template.format(byte) for byte in RAW)


def wide(text: str) -> str:
    return "".join("\uff3f" if char == "_" else chr(ord(char) + 0xFEE0) for char in text)


def script(text: str) -> str:
    """Letters as mathematical ones, in the surrogate pairs that JSON needs for them."""
    return "".join(
        f"\\ud835\\u{0xDC1A + ord(char) - ord('a'):04x}" if char.islower() else char
        for char in text
    )


def dump(line: str, size: int) -> str:
    """As `hexdump -C` or `xxd` print it."""
    rows = [RAW[at : at + 16] for at in range(0, len(RAW), 16)]
    return "\n" + "\n".join(
        line.format(16 * at, row.hex(" ", size), row.decode()) for at, row in enumerate(rows)
    )


def octal_words() -> str:
    """As `od` prints it."""
    words = [
        first | second << 8 for first, second in zip(RAW[::2], RAW[1::2] + b"\n", strict=False)
    ]
    rows = [words[at : at + 8] for at in range(0, len(words), 8)]
    return "\n".join(
        f"{16 * at:07o} " + " ".join(f"{word:06o}" for word in row) for at, row in enumerate(rows)
    )


def named_bytes(before: bytes = b"\x80") -> str:
    """As `od -c` prints it."""
    data = before + RAW + b"\n"
    names = {"\n": "\\n", "\x80": "200"}
    cells = [f"{names.get(chr(byte), chr(byte)):>4}" for byte in data]
    return "\n".join(f"{at:07o}" + "".join(cells[at : at + 16]) for at in range(0, len(cells), 16))


def decimal_bytes() -> str:
    """As `od -tu1` prints it."""
    cells = [f"{byte:4}" for byte in RAW]
    return "\n".join(f"{at:07o}" + "".join(cells[at : at + 16]) for at in range(0, len(cells), 16))


def bits_in_rows() -> str:
    """As `xxd -b` prints it."""
    rows = [(at, RAW[at : at + 6]) for at in range(0, len(RAW), 6)]
    return "\n".join(
        f"{at:08x}: " + "".join(f"{byte:08b} " for byte in row) + " " + row.decode()
        for at, row in rows
    )


def archive(data: bytes) -> bytes:
    written = BytesIO()
    with ZipFile(written, "w", ZIP_DEFLATED) as file:
        file.writestr("other", b"nothing")
        file.writestr("folder/name", data * 3)
    return written.getvalue()


ENCODINGS: dict[str, str | bytes] = {
    "percent": each("%{:02X}"),
    "percent three times": quote(quote(each("%{:02x}"))),
    "percent of one letter": SECRET.replace("t", "%74", 1),
    "base64": b64(SECRET),
    "base64 six times": b64(b64(b64(b64(b64(b64(SECRET)))))),
    "base64 with binary around": b64(b"\xff\x01\x80" + RAW + b"\xfe\x00"),
    "base64 glued to a word": "abcxy" + b64(SECRET),
    "base64 in a path": "/upload/" + b64(SECRET),
    "base64 in a dotted path": "a.b/" + b64(SECRET) + ".png",
    "base64, url-safe": base64.urlsafe_b64encode(b"\xff\xfe\xfb" + RAW).decode(),
    "base64, unpadded": b64("ab" + SECRET).rstrip("="),
    "base64 wrapped": grouped(b64(SECRET), 20, "\n"),
    "base64 wrapped and indented": grouped(b64(SECRET), 20, "\r\n    "),
    "base64 wrapped in JSON": json.dumps({"a": grouped(b64(SECRET), 20, "\n")}),
    "base64 of UTF-16": b64(SECRET.encode("utf-16-le")),
    "base64 of fullwidth": b64(wide(SECRET)),
    "base32": base64.b32encode(RAW).decode(),
    "base32 in lower case": base64.b32encode(RAW).decode().lower().rstrip("="),
    "base32 in labels": grouped(base64.b32encode(RAW).decode().rstrip("="), 50, ".") + ".example",
    "base85": base64.b85encode(RAW).decode(),
    "base85 of ZeroMQ that says so": f"z85 = '{base64.b85encode(RAW).decode().translate(TO_Z85)}'",
    "zlib in base85, fast": base64.b85encode(zlib.compress(RAW, 1)).decode(),
    "zlib in base85, small": base64.b85encode(zlib.compress(RAW * 3, 9)).decode(),
    "ascii85 in quotes": f'x = "{base64.a85encode(RAW).decode()}";',
    "ascii85": base64.a85encode(RAW).decode(),
    "ascii85 with marks": base64.a85encode(RAW, adobe=True).decode(),
    "hex": RAW.hex(),
    "hex in upper case": RAW.hex().upper(),
    "hex at an odd place": "a" + RAW.hex(),
    "hex with colons": RAW.hex(":"),
    "hex with blanks": RAW.hex(" "),
    "hex with marks": ", ".join(f"0x{byte:02x}" for byte in RAW),
    "hex in lines": "\n ".join(RAW[at : at + 16].hex(" ") for at in range(0, len(RAW), 16)),
    "hex in lines of C": ",\n    ".join(", ".join(f"0x{byte:02X}" for byte in RAW[at : at + 8]) for at in range(0, len(RAW), 8)),
    "hex of base64": b64(SECRET).encode().hex(),
    "backslash u": each("\\u{:04x}"),
    "backslash x": each("\\x{:02x}"),
    "backslash octal": each("\\{:03o}"),
    "backslash braces": each("\\u{{{:x}}}"),
    "JSON in JSON in JSON": json.dumps(json.dumps(json.dumps(each("\\u{:04x}")))),
    "surrogate pairs": script(SECRET),
    "an escape in front": "\\n" + SECRET.replace("k", "\\u006b"),
    "decimal entities": each("&#{};"),
    "hexadecimal entities": each("&#x{:x};"),
    "entities of entities": SECRET.replace("t", "&amp;amp;#116;", 1),
    "a named entity": SECRET.replace("_", "&lowbar;"),
    "quoted-printable": each("={:02X}"),
    "a soft line break": SECRET[:20] + "=\n" + SECRET[20:],
    "gzip in base64": b64(gzip.compress(RAW)),
    "zlib in base64": b64(zlib.compress(RAW * 2)),
    "deflate in base64": b64(zlib.compress(RAW * 2)[2:-4]),
    "brotli in base64": b64(brotli.compress(RAW * 3)),
    "zstd in base64": b64(zstandard.compress(RAW * 3)),
    "gzip twice": b64(gzip.compress(gzip.compress(RAW))),
    "fullwidth": wide(SECRET),
    "zero-width spaces": "\u200b".join(SECRET),
    "soft hyphens": "\u00ad".join(SECRET),
    "tag characters": "".join(chr(0xE0000 + ord(char)) for char in SECRET),
    "combining marks": "\u0301".join(SECRET),
    "Greek": SECRET.replace("k", "\u03ba").replace("o", "\u03bf"),
    "Cyrillic": SECRET.replace("a", "\u0430").replace("e", "\u0435").replace("c", "\u0441"),
    "UTF-16, little end first": SECRET.encode("utf-16-le"),
    "UTF-16, big end first": SECRET.encode("utf-16-be"),
    "UTF-32": SECRET.encode("utf-32-le"),
    "NUL between": "\0".join(SECRET),
    "signs that nobody sees": "\x01".join(SECRET[:9]) + "\x7f" + SECRET[9:],
    "half of a surrogate pair": SECRET[:9] + "\ud800" + SECRET[9:],
    "the same, escaped": json.dumps(SECRET[:9] + "\udc00" + SECRET[9:]),
    "a byte of no character": b"in " + RAW[:9] + b"\xff" + RAW[9:],
    "two lines": SECRET[:20] + "\n" + SECRET[20:],
    "a continued line": SECRET[:20] + "\\\n" + SECRET[20:],
    "a sum of literals": f'"{SECRET[:15]}" + "{SECRET[15:]}"',
    "adjacent literals": f"'{SECRET[:15]}'\n    '{SECRET[15:]}'",
    "a sum over lines of Basic": f'"{SECRET[:15]}" & _\n    "{SECRET[15:]}"',
    "an indented line behind a backslash": SECRET[:4] + "\\\n   " + SECRET[4:],
    "mark-up between": f"<svg><tspan>{SECRET[:9]}</tspan><tspan>{SECRET[9:]}</tspan></svg>",
    "seams of character data": f"<![CDATA[{SECRET[:9]}]]><![CDATA[{SECRET[9:]}]]>",
    "colours": f"\x1b[31m{SECRET[:9]}\x1b[0m\x1b[32m{SECRET[9:]}\x1b[0m",
    "groups in JSON with line ends": json.dumps({"a": "one\ntwo", "b": RAW.hex(" ")}),
    "ascii85 with an escape in it": base64.a85encode(b"aado" + RAW).decode(),
    "dots between all, dots too": ".".join("a." + SECRET),
    "commas between all, other signs too": ",".join("%" + SECRET),
    "blanks between all, other signs too": " ".join("~" + SECRET),
    "carets between all": "^".join("x:" + SECRET),
    "hyphens in groups of four, other signs too": grouped("a~b." + SECRET, 4, "-"),
    "rot13": SECRET.translate(ROT13),
    "parts whose names are numbered": json.dumps({"key_part1": SECRET[:21], "key_part2": SECRET[21:]}),
    "three parts in letters": f"TOKEN_A={SECRET[:14]}\nTOKEN_B={SECRET[14:28]}\nTOKEN_C={SECRET[28:]}\n",
    "first and second": f"tool --first {SECRET[:17]} --second '{SECRET[17:]}'",
    "a sum with signs at the seam": f'"a:" + "{SECRET[:15]}" + "{SECRET[15:]}"',
    "groups of four": grouped(SECRET, 4, " "),
    "groups of three": grouped(SECRET, 3, "|"),
    "groups of five": grouped(SECRET, 5, "-"),
    "groups of six on lines": grouped(SECRET, 6, ",\n"),
    "groups of eight": grouped(SECRET, 8, " "),
    "pieces that a format puts in order": f"\"{{1}}{{2}}{{0}}\" -f '{SECRET[26:]}', '{SECRET[:13]}', '{SECRET[13:26]}'",
    "pieces that a list is made of": f"concat('{SECRET[:20]}', '{SECRET[20:]}')",
    "gzip as a program prints it": repr(ODD_GZIP),
    "gzip as a program prints it, in JSON": json.dumps({"a": repr(ODD_GZIP)}),
    "gzip in a request, behind its head": "POST / HTTP/1.1\r\n\r\nx=" + quote(gzip.compress(RAW)),
    "zstd as a program prints it": repr(ODD_ZSTD),
    "groups of four with hyphens": grouped(SECRET, 4, "-"),
    "letters and signs on lines": "\n".join("ab-" + SECRET),
    "a list of letters": json.dumps(list(SECRET), indent=2),
    "a list of pieces": repr([SECRET[at : at + 5] for at in range(0, len(SECRET), 5)]),
    "pieces added in turn": "".join(f"\nkey += '{part}'" for part in (SECRET[:15], SECRET[15:])),
    "a list of numbers": json.dumps({"type": "Buffer", "data": list(RAW)}),
    "calls of chr": " . ".join(f"chr({byte})" for byte in RAW),
    "bits": " ".join(f"{byte:08b}" for byte in RAW),
    "bits without blanks": "".join(f"{byte:08b}" for byte in RAW),
    "code points": " ".join(f"U+{byte:04X}" for byte in RAW),
    "tags": "hello" + "".join(chr(0xE0000 + byte) for byte in RAW) + " there",
    "variation selectors": "x" + "".join(chr(0xFE00 + byte if byte < 16 else 0xE0100 + byte - 16) for byte in RAW),
    "octal numbers of a language": ", ".join(f"0o{byte:o}" for byte in RAW),
    "bits of a language": ", ".join(f"0b{byte:b}" for byte in RAW),
    "bytes that are cast": ",".join(f"(byte)0x{byte:02x}" for byte in RAW),
    "bytes of an assembler": "db " + ", ".join(f"0{byte:02X}h" for byte in RAW),
    "characters that are cast": "+".join(f"[char]{byte}" for byte in RAW),
    "calls of chr of a database": "||".join(f"CHR({byte})" for byte in RAW),
    "codes in objects": json.dumps([{"i": number, "c": byte} for number, byte in enumerate(RAW)]),
    "rich text": "{\\rtf1 " + each("\\'{:02x}") + "}",
    "rich text in JSON": json.dumps({"a": each("\\'{:02x}")}),
    "a style sheet": each("\\{:x} "),
    "the end first": SECRET[::-1],
    "base64 with its end first": b64(f"the key is {SECRET}")[::-1],
    "base64 of the end first": b64(SECRET[::-1]),
    "hex with its end first": RAW.hex()[::-1],
    "a list of octal numbers": " ".join(f"{byte:03o}" for byte in RAW),
    "a dump by bytes": dump("{:08x}  {}  |{}|", 1),
    "a dump by words": dump("{:08x}: {}  {}", 2),
    "a dump in a string": json.dumps({"body": dump("{:08x}: {}  {}", 2)[1:]}),
    "a dump by octal words": octal_words(),
    "numbers of three digits": "".join(f"{byte:03}" for byte in RAW),
    "UTF-32 in base64": b64(SECRET.encode("utf-32-le")),
    "UTF-32 in hex": SECRET.encode("utf-32-be").hex(),
    "zlib behind the segments of a path": f"https://a.example/r/{b64(zlib.compress(RAW * 2))}",
    "rot13 of an address and more": f"uggcf://n.rknzcyr/freivprf/{SECRET.translate(ROT13)}",
    "character data behind text": f"<a>{SECRET[:9]}<![CDATA[{SECRET[9:]}]]></a>",
    "words that a shell adds": f"K={SECRET[:9]}\nK+={SECRET[9:20]}\nK+={SECRET[20:]}\n",
    "ascii85 in lines": "\n".join(textwrap.wrap(base64.a85encode(b"some words in front " * 4 + RAW).decode(), 72)),
    "letters with dots and blanks": " . ".join("ab-" + SECRET),
    "letters with commas and blanks": "[" + ", ".join("ab-" + SECRET) + "]",
    "bytes in capitals": " ".join(f"0X{byte:02X}" for byte in RAW),
    "calls on the first piece": f'"{SECRET[:8]}"' + "".join(f'.concat("{SECRET[at : at + 9]}")' for at in range(8, len(SECRET), 9)),
    "numbers with hyphens": "-".join(str(byte) for byte in RAW),
    "a list of pieces of bytes": repr([RAW[at : at + 7] for at in range(0, len(RAW), 7)]),
    "a list of pieces turned round": f"''.join(reversed({[SECRET[at : at + 9] for at in range(0, len(SECRET), 9)][::-1]}))",
    "ends of lines that are deleted": f"{SECRET[:9]}\x1b[K{SECRET[9:]}",
    "percent and u": each("%u{:04x}"),
    "decimal escapes of Lua": each("\\{:03d}"),
    "escapes of style sheets": each("\\{:06x}"),
    "base32 of the other alphabet": base64.b32hexencode(RAW).decode(),
    "uuencoded": "begin 644 a file\n" + binascii.b2a_uu(RAW).decode() + "`\nend\n",
    "bzip2 in base64": b64(bz2.compress(RAW)),
    "xz in base64": b64(lzma.compress(RAW)),
    "an archive in base64": b64(archive(RAW)),
    "single letters": " ".join(SECRET),
    "od with names of bytes": "\n" + named_bytes() + "\n",
    "od with ends of lines": "\n" + named_bytes(b"[a]\nb = 1\nkey = ") + "\n",
    "od with decimal numbers": "\n" + decimal_bytes() + "\n",
    "xxd with bits": "\n" + bits_in_rows() + "\n",
    "quotes of a shell, by turns": f"export K='{SECRET[:9]}'\"{SECRET[9:20]}\"'{SECRET[20:]}'",
    "pieces that a language shovels": f"s = +''\ns << '{SECRET[:9]}' << '{SECRET[9:33]}' << '{SECRET[33:]}'\n",
    "a format that reorders": f"('{{2}}{{0}}{{3}}{{1}}' -f '{SECRET[10:20]}','{SECRET[30:]}','{SECRET[:10]}','{SECRET[20:30]}')",
    "calls with hex": " + ".join(f"chr(0x{byte:02x})" for byte in RAW),
    "short octal numbers": ", ".join(f"0{byte:o}" for byte in RAW),
    "an address from its end": f"https://a.example/{SECRET}"[::-1],
    "an address of a driver from its end": f"jdbc:db://a.example/{SECRET}"[::-1],
    "a name and its value from their end": f"API_KEY={SECRET}"[::-1],
    "rot13 that says so": f"rot13: cnff = '{SECRET.translate(ROT13)}'",
    "literals that end in signs": f'"{SECRET[:9]}@" +\n  "?{SECRET}"',
    "an address of properties": f"url=db\\://user\\:{SECRET}@host",
}  # fmt: skip

BODIES: dict[str, bytes] = {
    "gzip": gzip.compress(RAW),
    "zlib": zlib.compress(RAW),
    "brotli": brotli.compress(RAW * 3),
    "zstd": zstandard.compress(RAW * 3),
    "UTF-16 with its mark": SECRET.encode("utf-16"),
    "a byte of no character": b"word " * 900 + RAW[:9] + b"\xff" + RAW[9:] + b" word" * 900,
    "lines between others in Latin-1": b"caf\xe9\n"
    + grouped(b64(SECRET), 20, "\n").encode()
    + b"\ncaf\xe9",
    "binary with text": bytes(range(128, 256)) + b64(SECRET).encode() + bytes(range(128, 256)),
}


def seen(data: str | bytes) -> tuple[View, int, int]:
    for view in decoded_views(data):
        at = view.data.find(RAW)
        if at >= 0:
            return view, *view.origin(at, at + len(RAW))
    raise AssertionError([view.path for view in decoded_views(data)])


@pytest.mark.parametrize("encoded", ENCODINGS.values(), ids=ENCODINGS)
@pytest.mark.parametrize("before", ["", "token: ", "\u03b1 \u2014 token: "])
def test_what_is_encoded_is_seen_where_it_stands(before: str, encoded: str | bytes) -> None:
    data: str | bytes
    if isinstance(encoded, bytes):
        data = before.encode() + encoded + b" (end)"
    else:
        data = before + encoded + " (end)"
    view, start, end = seen(data)
    assert view.path
    assert 0 <= start < end <= len(data)
    rest = data[:start] + data[end:]  # type: ignore[operator]  # both are of one type
    assert not any(RAW in left.data for left in decoded_views(rest))
    if isinstance(data, bytes):
        assert end <= len(data) - len(b" (end)") + 3
    else:
        assert start >= len(before) - 3
        assert end <= len(data) - len(" (end)")


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_whole_bodies(body: bytes) -> None:
    view, start, end = seen(body)
    assert view.path
    assert 0 <= start < end <= len(body)
    assert not any(RAW in left.data for left in decoded_views(body[:start] + body[end:]))


CLEAN = {
    "nothing": "",
    "prose": "The quick brown fox jumps over the lazy dog, and then it is gone. " * 20,
    "an identifier": "return_the_first_element_that_is_longer_than(twenty_characters)",
    "a percentage": "100% of 5 % are 5%",
    "a flat object": '{"name": "value", "count": 3, "list": [1, 2, 3]}',
}


@pytest.mark.parametrize("text", CLEAN.values(), ids=CLEAN)
def test_ordinary_text_has_no_views(text: str) -> None:
    views = decoded_views(text)
    assert (len(views), views.unprovable) == (0, "")


def nested(depth: int) -> str:
    text = SECRET
    for _ in range(depth):
        text = b64(text)
    return text


def words(size: int) -> bytes:
    """So many bytes of words, of which gzip makes about a quarter."""
    letters = random.Random(4)  # noqa: S311  samples
    vocabulary = ["".join(letters.choices(string.ascii_lowercase, k=7)) for _ in range(2000)]
    return " ".join(letters.choices(vocabulary, k=size // 8)).encode()


def hexed(size: int) -> bytes:
    """So many bytes of words as hex in lines, twice as long."""
    text = words(size).hex().encode()
    return b"\n".join(text[at : at + 64] for at in range(0, len(text), 64))


SPENT: dict[str, tuple[Callable[[], str | bytes], str]] = {
    # what is given                 how it is made                                  what ran out
    "base64 too deep":              (lambda: nested(11),                            "depth"),
    "a bomb":                       (lambda: gzip.compress(bytes(50_000_000)),      "bytes"),
    "a bomb in base64":             (lambda: b64(gzip.compress(bytes(50_000_000))), "bytes"),
    "a bomb of zstd":               (lambda: zstandard.compress(bytes(50_000_000)), "bytes"),
    "a bomb of brotli":             (lambda: brotli.compress(bytes(50_000_000)),    "bytes"),
    "more magics than are tried":   (lambda: b"\x1f\x8b\x08" * 100,                 "bytes"),
    "more streams than are tried":  (lambda: gzip.compress(b"a") * 16_385,          "bytes"),
    "bombs that share a budget":    (lambda: gzip.compress(bytes(700_000)) * 2,     "bytes"),
    "more text than was packed":    (lambda: gzip.compress(words(4_000_000)),       "bytes"),
    "and text below it":            (lambda: gzip.compress(hexed(900_000)),         "bytes"),
}  # fmt: skip


@pytest.mark.parametrize(("make", "spent"), SPENT.values(), ids=SPENT)
def test_a_spent_budget_is_never_clean(make: Callable[[], str | bytes], spent: str) -> None:
    assert decoded_views(make()).unprovable == spent


def members(count: int) -> bytes:
    """An archive of so many files, with folders and empty files among them, some not packed."""
    letters, written = random.Random(3), BytesIO()  # noqa: S311  samples
    with ZipFile(written, "w", ZIP_DEFLATED) as file:
        for number in range(count):
            text = "".join(letters.choices(string.ascii_letters, k=900))
            file.mkdir(f"d{number}")
            file.writestr(f"d{number}/empty", b"")
            file.writestr(f"d{number}/stored", text, ZIP_STORED)
            file.writestr(f"d{number}/packed", text)
        file.writestr("last", RAW)
    return written.getvalue()


def damaged(packed: bytes) -> bytes:
    """Nothing can follow the byte in its middle."""
    middle = len(packed) // 2
    return packed[:middle] + b"\xff" * 8 + packed[middle + 8 :]


BEFORE = random.Random(5).randbytes(2000).hex().encode()  # noqa: S311  a sample
MANY: dict[str, Callable[[], bytes]] = {
    "behind damaged gzip": lambda: damaged(gzip.compress(BEFORE)) + gzip.compress(RAW),
    "behind a damaged archive": lambda: damaged(archive(BEFORE)) + archive(RAW),
    "behind damaged zstd": lambda: damaged(zstandard.compress(BEFORE)) + zstandard.compress(RAW),
    "behind gzip that breaks off": lambda: gzip.compress(BEFORE)[:-600] + gzip.compress(RAW),
    "files in an archive": lambda: members(200),
    "members of gzip": lambda: b"".join(gzip.compress(b"%d" % n) for n in range(2000)) + gzip.compress(RAW),
}  # fmt: skip


@pytest.mark.parametrize("make", MANY.values(), ids=MANY)
def test_the_last_of_many(make: Callable[[], bytes]) -> None:
    views = decoded_views(make())
    assert views.unprovable == ""
    assert any(RAW in view.data for view in views)


def test_what_is_unpacked_has_a_budget_of_its_own() -> None:
    """The first of it is looked at, and who waits for it sees all of it."""
    packed = gzip.compress(RAW) + gzip.compress(words(4_000_000))
    assert any(RAW in view.data for view in decoded_views(packed))
    assert decoded_views(packed).unprovable == "bytes"
    assert decoded_views(packed, PATIENT).unprovable == ""
    assert decoded_views(gzip.compress(words(1_000_000))).unprovable == ""


def test_budgets_are_the_callers() -> None:
    assert decoded_views(b64(b64(SECRET)), Budget(depth=1)).unprovable == "depth"
    assert decoded_views(b64(SECRET), Budget(growth=0, least_bytes=10)).unprovable == "bytes"


PAGE = "".join(
    f'<a class="x" title="&lt;Vec{number}&gt;" href="std/vec{number}.html?run=%3CT%3E"> · Vec</a>\n'
    for number in range(2000)
)
SPELLINGS = {
    "a page": PAGE,
    "a page in a string": json.dumps(PAGE),
    "a page in strings": json.dumps([json.dumps(line) for line in PAGE.splitlines()]),
    "a page that turns": PAGE.replace("Vec<", "v.reverse()<"),
    "a page with a sign of binaries": PAGE.replace("·", "\x7f"),
}


@pytest.mark.parametrize("text", SPELLINGS.values(), ids=SPELLINGS)
def test_a_text_is_not_looked_through_in_each_of_its_spellings(text: str) -> None:
    """A view for each kind of escape, and what may be joined in one of them."""
    views = decoded_views(text)
    assert views.unprovable == ""
    assert sum(len(view.data) for view in views) < 2.7 * len(text)


NESTED = "%41"
for number in range(8):
    sign, spelled = ("&", "%26") if number % 2 else ("%", "&#37;")
    NESTED = NESTED.replace(sign, spelled, 1)


def test_escapes_inside_each_other_come_to_an_end_where_the_text_is_long() -> None:
    assert decoded_views(f"a {NESTED} b\n" * 9).unprovable == ""
    assert decoded_views(f"a {NESTED} b\n" * 900).unprovable == "depth"


def test_what_was_joined_says_so() -> None:
    assert seen(ENCODINGS["groups of four"])[0].guessed
    assert not seen(ENCODINGS["base64"])[0].guessed


def test_a_span_counts_characters_of_a_str_and_bytes_of_bytes() -> None:
    text = "äöü " + b64(SECRET)
    assert seen(text)[1:] == (4, 4 + 54)
    assert seen(text.encode())[1:] == (7, 7 + 54)


def test_text_is_not_taken_for_a_stream_without_a_header() -> None:
    """Some bytes of any language are a beginning of brotli that has no end."""
    assert decoded_views("\u00c4?? !.\u00c4 a").unprovable == ""


@pytest.mark.parametrize("turned", [False, True])
def test_thousands_of_runs_are_all_decoded_each_to_its_place(turned: bool) -> None:
    step = -1 if turned else 1
    runs = [base64.b64encode(f"what number {at} has to say".encode())[::step] for at in range(5000)]
    text = b"\n".join(runs)
    views = decoded_views(text, PATIENT).views
    if turned:
        (back,) = [view for view in views if view.path == ("reversed",)]
        assert all(run[::-1].rstrip(b"=") in back.data for run in runs)
    plain = next(view for view in views if view.path[-1] == "base64")
    for at in range(0, 5000, 7):
        said = f"what number {at} has".encode()
        begin = plain.data.index(said)
        start, end = plain.origin(begin, begin + len(said))
        assert text.count(b"\n", 0, start) == text.count(b"\n", 0, end) == at
