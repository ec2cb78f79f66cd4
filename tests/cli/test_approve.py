"""`stopper approve` and `deny`: a real request waits for the answer of a person."""

import random
import string
import sys
import time

import pytest

from stopper.testing.user import User

TIMEOUT_SECONDS = 60.0
SEND = """
import os, sys, urllib.error, urllib.request

text = sys.stdin.read()
url = os.environ["ANTHROPIC_BASE_URL"] + "/v1/messages"
body = '{"model": "claude-sonnet-5", "max_tokens": 9, "messages": [{"role": "user", "content": "%s"}]}'
try:
    request = urllib.request.Request(url, (body % text).encode())
    urllib.request.urlopen(request).read()
    print("sent")
except urllib.error.HTTPError as error:
    print(error.code, error.headers["x-stopper-reason"])
"""

ANSWERS = {
    "approve":  (b"sent\n",               b"Request 1 may leave: GitHub"),
    "deny":     (b"403 secret.denied\n",  b"Request 1 stays here: GitHub"),
}  # fmt: skip


@pytest.mark.parametrize("act", ANSWERS)
def test_a_person_decides(user: User, act: str) -> None:
    """The person is told what waits, and the request does what they say."""
    token = "gh" + "p_" + "".join(random.choices(string.ascii_letters, k=36))  # noqa: S311
    (user.state / "settings.yml").write_text("on_secret: {anthropic: hold}\n")
    printed, said = ANSWERS[act]
    with user.start(sys.executable, "-c", SEND, flags=("--name=fox",)) as process:
        assert process.stdin is not None
        process.stdin.write(token.encode())
        process.stdin.close()
        process.stdin = None
        until = time.monotonic() + TIMEOUT_SECONDS
        while (answered := user.stopper(act, "fox")).returncode and time.monotonic() < until:
            assert b"Nothing waits" in answered.stderr or b"no bottle" in answered.stderr
        assert answered.stdout.startswith(said)
        out, err = process.communicate(timeout=TIMEOUT_SECONDS)
    assert out.endswith(printed)
    assert b"stopper approve" in err
    logs = user.stopper("logs", "fox")
    assert f"The operator said: {act} 1.".encode() in logs.stdout
    assert token.encode() not in logs.stdout + err + out + answered.stdout


def test_nobody_to_answer(user: User) -> None:
    done = user.stopper("approve", "fox")
    assert done.returncode == 2
    assert b"There is no bottle 'fox'" in done.stderr
