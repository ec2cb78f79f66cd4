"""Secrets stay in: a real bottle tries to send its environment, its files and its canary away.

A server that records every byte is the provider and the one allowed host; it is the judge. Then
everything that Stopper has written or said is searched for the same secrets.
"""

import json
import re
import secrets
import string
from base64 import b64decode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Final

import pytest

from stopper.testing.user import User

AGENT: Final = Path(__file__).with_name("leaking_agent.py")
LETTERS: Final = string.ascii_letters + string.digits
REPLY: Final = json.dumps(
    {
        "id": "m",
        "type": "message",
        "role": "assistant",
        "model": "mock",
        "content": [{"type": "text", "text": "well"}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 5, "output_tokens": 1},
    }
).encode()

SENT = {
    # what the agent tries                      expected code, or 200
    "the environment":                          "secret.blocked",
    "the environment, chunked":                 "secret.blocked",
    "the environment in base64":                "secret.blocked",
    "the environment, packed, in base64":       "secret.blocked",
    "the environment in hex":                   "secret.blocked",
    "the environment reversed":                 "secret.blocked",
    "the environment, percent-encoded":         "secret.blocked",
    "the environment, called gzip":             "secret.blocked",
    "a file of secrets":                        "secret.blocked",
    "a token in a query":                       "secret.blocked",
    "a token in a header":                      "secret.blocked",
    "a token in a path":                        "secret.blocked",
    "a canary in a cookie":                     "secret.blocked",
    "a token in the name of a host":            "network.not_allowed",
    "a token in a tunnel":                      "network.not_allowed",
    "a token in a path of the gateway":         "meter.unknown_path",
    "a prompt with the environment":            "200",
    "a prompt with a file":                     "200",
    "a prompt with a canary in base64":         "200",
    "a model with the name of a token":         "200",
    "a prompt without secrets":                 "200",
}  # fmt: skip


class Recorder(ThreadingHTTPServer):
    """Answers everything as a provider would, and keeps all that it was sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.received: list[bytes] = []

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Recorder

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        self.server.received += [self.requestline.encode(), str(self.headers).encode(), body]
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(REPLY)))
        self.end_headers()
        self.wfile.write(REPLY)

    do_GET = do_POST  # noqa: N815  as http.server calls it

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    """One that listens until the test is over."""
    with Recorder() as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def test_nothing_secret_leaves_and_nothing_tells_it(
    tmp_path: Path, recorder: Recorder, namespaces: None
) -> None:
    """What is no prompt is refused, prompts have marks, and no output, row or file holds a value."""
    values = {
        "DEPLOY_TOKEN": letters(32),
        "GITHUB_TOKEN": "gh" + "p_" + letters(36),
        "SIGNING_KEY": letters(20) + "/+!" + letters(20),
        "DB_PASSWORD": letters(18),
    }
    user = User(tmp_path, recorder.url, values)
    (user.workspace / ".env").write_text(f"DB_PASSWORD='{values['DB_PASSWORD']}'\nDEBUG=1\n")
    (user.workspace / "agent.py").write_bytes(AGENT.read_bytes())
    (user.workspace / letters(30)).touch()
    flags = [f"--env={name}" for name in values if name != "DB_PASSWORD"]
    done = user.run("python3", "agent.py", recorder.url, flags=[*flags, f"--allow={recorder.url}"])
    assert done.returncode == 0, done.stderr.decode()
    told = json.loads(done.stdout)
    assert told["codes"] == SENT
    canary = b64decode(told["canary"]).decode()
    assert canary not in values.values()
    everything = b"\n".join(recorder.received)
    assert everything.count(b"[REDACTED:") >= 6
    assert everything.count(b"POST /v1/messages") == sum(code == "200" for code in SENT.values())
    said = b"\n".join([done.stderr, told["replies"].encode(), *outputs(user), *files(user.home)])
    assert b"secret.blocked" in said
    for name, value in [*values.items(), ("STOPPER_CANARY", canary)]:
        assert value.encode() not in everything, name
        assert value.encode() not in said, name
        assert value[: len(value) * 2 // 3].encode() not in said, name


ASKS: Final = """
import os, sys
from urllib.error import HTTPError
from urllib.request import urlopen
for url in sys.argv[1:]:
    try:
        print(urlopen(url, os.environ.get("DBPW", "x").encode()).status)
    except HTTPError as error:
        print(error.headers["x-stopper-reason"], error.read().decode())
"""


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
def test_this_machine_is_reached_through_the_egress(
    tmp_path: Path, recorder: Recorder, namespaces: None, name: str
) -> None:
    """By a rule that names it; so is a provider by its base, which lies on loopback as well."""
    user = User(tmp_path, recorder.url)
    rule = f"{name}:{recorder.server_port}"
    urls = [f"http://{rule}/x", "http://127.0.0.1:3128/v1/messages"]
    done = user.run("python3", "-c", ASKS, *urls, flags=[f"--allow={rule}"])
    assert done.stdout.split()[:1] == [b"200"], done.stderr.decode()
    assert b"meter.unreadable" in done.stdout
    assert [line for line in recorder.received if line.startswith(b"POST /x ")]


def test_a_random_variable_of_any_name_stays_in(
    tmp_path: Path, recorder: Recorder, namespaces: None
) -> None:
    """It is refused, the log has its fingerprint, and with that the settings let it pass."""
    secret = f"{letters(4)}-{letters(3)}!{letters(16)}"
    user = User(tmp_path, recorder.url, {"DBPW": secret})
    flags = ["--name=leaking", "--env=DBPW", f"--allow={recorder.url}"]
    done = user.run("python3", "-c", ASKS, recorder.url, flags=flags)
    assert b"secret.blocked" in done.stdout
    assert not recorder.received
    said = re.search(rb"DBPW \(([0-9a-f]{32})\)", user.stopper("logs", "leaking").stdout)
    assert said is not None
    (user.state / "settings.yml").write_text(f"allow_secrets: [{said[1].decode()}]")
    done = user.run("python3", "-c", ASKS, recorder.url, flags=flags)
    assert done.stdout == b"200\n"
    assert recorder.received[-1] == secret.encode()


def letters(size: int) -> str:
    """So many characters at random."""
    return "".join(secrets.choice(LETTERS) for _ in range(size))


def outputs(user: User) -> Iterator[bytes]:
    """What every command says about the run."""
    for command in (["logs"], ["logs", "--json"], ["ps", "--all"], ["ps", "--all", "--json"],
                    ["usage"], ["usage", "--json"], ["status"], ["approve"]):  # fmt: skip
        done = user.stopper(*command)
        yield done.stdout + done.stderr


def files(folder: Path) -> Iterator[bytes]:
    """Every file that was written, the ledger's among them; and how each is called."""
    for path in folder.rglob("*"):
        yield str(path).encode()
        if path.is_file():
            yield path.read_bytes()
