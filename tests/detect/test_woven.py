"""Pieces of one token, whatever stands between them again and again."""

import random
import string
from base64 import b64encode
from collections.abc import Iterator

import pytest

from stopper.detect.allowance import Allowance
from stopper.detect.decode import decoded_views
from stopper.detect.inspection import Inspector, packaged_detector
from stopper.detect.live import LiveInspector
from stopper.detect.woven import woven

TOKEN = "tkn_" + "".join(random.Random(3).choices(string.ascii_letters + string.digits, k=44))  # noqa: S311  a sample
PARTS = [TOKEN[at : at + 12] for at in range(0, len(TOKEN), 12)]
SHORT = [TOKEN[at : at + 8] for at in range(0, len(TOKEN), 8)]


def lines(template: str, parts: list[str] = PARTS) -> str:
    return "\n".join(template.format(number, part) for number, part in enumerate(parts))


def names() -> Iterator[tuple[str, str]]:
    return zip("pqrs", PARTS, strict=True)


TEXTS = {
    "a comment": lines("// {1}"),
    "a comment of another kind": lines("REM {1}"),
    "a comment with an end": lines("<!-- {1} -->"),
    "lines that were added": lines("+{1}"),
    "lines that were taken away": lines("-{1}"),
    "a container's output": lines("web-1  | {1}"),
    "a log": lines("2026-02-03T10:11:{0:02}.1Z INFO  worker[4]: {1}"),
    "what grep prints": lines("notes/a.txt:{0}:{1}"),
    "what nl prints": lines("     {0}\t{1}"),
    "a table": lines("| {0} | {1} |"),
    "lines that go on": lines("  {1} \\"),
    "additions in a shell": lines("k+={1}"),
    "additions in PHP": lines("$k .= '{1}';"),
    "constants": "\n".join(f"const {name} = '{part}';" for name, part in names()),
    "a line of shell": "; ".join(f"{name}={part}" for name, part in names()),
    "a query": "https://host.example/?" + "&".join(f"{name}={part}" for name, part in names()),
    "names of hosts": lines("nslookup {0}.{1}.q.host.example"),
    "headers": lines("X-Trace-{0}: {1}"),
    "lines of JSON": lines('{{"seq": {0}, "chunk": "{1}"}}'),
    "events": lines('data: {{"delta": {{"text": "{1}"}}}}\n'),
    "a recording": lines('[1.{0}, "o", "{1}"]'),
    "the last word of a log": lines("2025-05-02 11:03:0{0} INFO worker[412] chunk {0}/7 {1}"),
    "calls": "new Builder()" + "".join(f'.append("{part}")' for part in PARTS),
    "more than nine": lines('{{"seq": {0}, "chunk": "{1}"}}', [TOKEN[at : at + 4] for at in range(0, 48, 4)]),
    "an operator": " ++ ".join(f'"{part}"' for part in PARTS),
    "quotes of both kinds": "".join(f"'{part}'" if number % 2 else f'"{part}"' for number, part in enumerate(PARTS)),
    "bold type": "**" + "****".join(PARTS) + "**",
    "groups of eight": " ".join(SHORT),
    "lines of eight": "\n".join(SHORT),
    "a word on each other line": "\nCONTINUATION\n".join(PARTS),
    "texts in a drawing": "".join(f"<text x='{9 * number}' y='9'>{part}</text>" for number, part in enumerate(SHORT)),
    "words of a standard": " DELIMITED BY SIZE ".join(f"'{part}'" for part in PARTS),
    "padded base64": ",".join(b64encode(TOKEN[at : at + 4].encode()).decode() for at in range(0, 48, 4)),
}  # fmt: skip


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("around", ["{}", "see below\n\n{}\n\nthanks", '{{"output": "{}"}}'])
def test_pieces_come_together(around: str, text: str) -> None:
    given = around.format(text.replace('"', '\\"').replace("\n", "\\n") if "{{" in around else text)
    view = next(view for view in decoded_views(given) if TOKEN.encode() in view.data)
    at = view.data.find(TOKEN.encode())
    start, end = view.origin(at, at + len(TOKEN))
    assert given[:start] + given[end:] != given
    assert view.guessed or not {"base64", "concatenated"}.isdisjoint(view.path)


def test_each_piece_leads_to_where_it_stands() -> None:
    text = lines("// {1}")
    (opened,) = woven(text.encode(), Allowance())
    at = opened.text.find(TOKEN.encode())
    assert opened.back(at, at + len(TOKEN)) == (3, len(text))
    assert opened.back(at + 12, at + 24) == (19, 31)


PLAIN = {
    "no piece is odd": "// return\n// nothing\n// else\n// at all here\n",
    "two are no row": "// a1B2c3D4e5\n// f6G7h8I9j0\n\nend",
    "the gaps differ": "a1B2c3D4e5, f6G7h8I9j0; k1L2m3N4o5: p6",
    "words are not of one length": "a1B2c3D4e5 is what k1L2m3N4 was before",
    "they are tokens by themselves": f"{TOKEN} and {TOKEN[::-1]}0 and {TOKEN}",
    "identifiers of a log": "\n".join(f"{number:08x}-0000-4000-8000-000000000000 done" for number in range(9)),
}  # fmt: skip


@pytest.mark.parametrize("text", PLAIN.values(), ids=PLAIN)
def test_other_texts_are_left_alone(text: str) -> None:
    assert not list(woven(text.encode(), Allowance()))


def test_names_of_resources_are_no_pieces() -> None:
    name = "arn:aws:secretsmanager:us-east-1:789230811806:secret:db-94b2-10C67f"
    assert not list(woven(f'"{name}"\n'.encode(), Allowance()))
    (opened,) = woven(
        f"arn:aws:lambda:eu-west-1:123456789012:{':'.join(PARTS)}".encode(), Allowance()
    )
    assert TOKEN.encode() in opened.text


def test_more_rows_than_any_text_should_have() -> None:
    """It is said that there is more, and not that there is nothing."""
    text = "".join(
        f"a1B2c3D{number},e4F5g6H{number},i7J8k9L{number};\n\n\n" for number in range(9999)
    )
    assert decoded_views(text).unprovable == "chains"
    assert not decoded_views(text + " " * 3_000_000).unprovable


def test_a_stream_shares_them_over_all_looks() -> None:
    live = LiveInspector(Inspector(packaged_detector(b"a key for tests")))
    rows = [f"a1B2c3D{number},e4F5g6H{number},i7J8k9L{number};\n\n\n" for number in range(9999)]
    chunks = ["".join(rows[at : at + 400]).encode() for at in range(0, len(rows), 400)]
    said = [live.feed(chunk).unprovable for chunk in chunks]
    assert said[0] == ""
    assert said[-1] == "chains"
