"""Files full of what looks like tokens and is none: locks, sums, logs, certificates, numbers."""

import random
from base64 import b64encode
from collections.abc import Callable
from uuid import UUID

import pytest

from stopper.detect.inspection import Inspector, packaged_detector
from stopper.detect.live import LiveInspector

INSPECTOR = Inspector(packaged_detector(b"ordinary"))
SIZE = 150_000
CHUNK = 16_384
R = random.Random()  # noqa: S311  no secrets


def digits(count: int) -> str:
    return f"{R.getrandbits(4 * count):0{count}x}"


def base64(count: int) -> str:
    return b64encode(R.randbytes(count)).decode()


def uuid() -> str:
    return str(UUID(int=R.getrandbits(128)))


ROWS: dict[str, Callable[[], str]] = {
    "hashes of requirements": lambda: f"    --hash=sha256:{digits(64)} \\\n",
    "a lock of Poetry": lambda: (
        f'    {{file = "name-1.{R.randint(0, 9)}.0-py3-none-any.whl", hash = "sha256:{digits(64)}"}},\n'
    ),
    "a lock of npm": lambda: (
        f'    "node_modules/{digits(6)}": {{\n      "version": "1.{R.randint(0, 9)}.0",\n'
        f'      "integrity": "sha512-{base64(64)}",\n      "dev": true\n    }},\n'
    ),
    "go.sum": lambda: (
        f"example.com/x/{digits(5)} v1.2.{R.randint(0, 9)} h1:{base64(32)}\n"
        f"example.com/x/{digits(5)} v1.2.0/go.mod h1:{base64(32)}\n"
    ),
    "a lock of Cargo": lambda: (
        f'[[package]]\nname = "a{digits(4)}"\nversion = "1.0.1"\nchecksum = "{digits(64)}"\n\n'
    ),
    "a lock of Yarn": lambda: (
        f'a@^1:\n  version "1.0"\n  resolved "https://host.example/a-1.0.tgz#{digits(40)}"\n'
        f"  integrity sha512-{base64(64)}\n\n"
    ),
    "sums": lambda: f"{digits(R.choice((32, 64)))}  usr/share/{digits(5)}.svg\n",
    "a log of git": lambda: (
        f"commit {digits(40)}\nAuthor: Ann <ann@host.example>\n\n    Fix {digits(3)} in parser\n\n"
    ),
    "rows of ids": lambda: f"{uuid()},{R.randint(0, 999)},paid\n",
    "lines of JSON": lambda: f'{{"id": "{uuid()}", "parent_id": "{uuid()}", "text": "a\\nb"}}\n',
    "names of resources": lambda: (
        f'  "arn": "arn:aws:secretsmanager:us-east-1:{R.randint(10**11, 10**12 - 1)}:secret:db-'
        f'{digits(4)}-{digits(6)}",\n  "id": "{digits(17)}",\n'
    ),
    "a log of a server": lambda: (
        f'192.0.2.{R.randint(0, 255)} - - [22/Nov/2026:10:00:10 +0000] "GET /items/{digits(8)}'
        f'?page_token={digits(20)} HTTP/1.1" 200 {R.randint(100, 9999)} "-" "Mozilla/5.0"\n'
    ),
    "certificates": lambda: (
        "-----BEGIN CERTIFICATE-----\n"
        + "\n".join(base64(48) for _ in range(20))
        + "\n-----END CERTIFICATE-----\n"
    ),
    "bytes as numbers": lambda: ",".join(str(R.randint(0, 255)) for _ in range(100)) + ",",
    "vectors": lambda: "[" + ",".join(f"{R.uniform(-1, 1):.6f}" for _ in range(100)) + "],\n",
    "images": lambda: f'<img src="data:image/png;base64,{base64(3000)}">\n',
    "a table": lambda: f"({R.randint(1, 999)},'ann{digits(3)}','2026-11-02 10:00:00'),\n",
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_whole_and_as_a_stream(row: Callable[[], str]) -> None:
    R.seed(22)
    text = "".join(row() for _ in range(SIZE // len(row()))).encode()
    inspection = INSPECTOR.inspect(text)
    assert (inspection.findings, inspection.unprovable) == ((), "")
    live = LiveInspector(INSPECTOR)
    parts = [live.feed(text[at : at + CHUNK]) for at in range(0, len(text), CHUNK)]
    for released in (*parts, live.finish()):
        assert (released.findings, released.unprovable) == ((), "")
