"""The safeguards document's examples as written, and what its original got wrong."""

import asyncio
import os
import secrets
from collections.abc import Callable
from pathlib import Path

import pytest

from stopper.shell import (
    DEFAULT_ENV_BLOCKLIST,
    DEFAULT_OUTPUT_LINES,
    DEFAULT_TIMEOUT,
    CommandResult,
    run_governed_command_async,
    run_quick,
)

B64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def drawn(alphabet: str, count: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(count))


def test_default_configuration() -> None:
    assert DEFAULT_OUTPUT_LINES == 160
    assert DEFAULT_TIMEOUT == 120
    assert [*DEFAULT_ENV_BLOCKLIST[:3]] == ["AWS_SECRET", "API_KEY", "TOKEN"]


def test_convenience_wrappers(folder: Path) -> None:
    (folder / "package.json").write_text('{"scripts": {"build": "echo built"}}')
    (folder / "large_log.txt").write_text("".join(f"{n}\n" for n in range(500)))
    from stopper.shell import run_build, run_quick, run_with_tail  # noqa: PLC0415  as written

    # Quick command (30s timeout, 50 lines)
    result = run_quick("git status")
    assert result.exit_code == 128

    # Build command (300s timeout, 200 lines)
    result = run_build("npm run build")
    assert result.refusal is None

    # Tail mode (last N lines only)
    result = run_with_tail("cat large_log.txt", lines=100)
    assert result.stdout.splitlines()[1:] == [str(n) for n in range(400, 500)]


def test_the_command_runner(folder: Path) -> None:
    async def run_command(cmd: str, cwd: Path) -> CommandResult:
        return await run_governed_command_async(cmd, cwd=cwd)

    assert asyncio.run(run_command("pwd", folder)).succeeded


LEAKED: dict[str, Callable[[], str]] = {
    # what the original printed             how such a text is made
    "an AWS key":                           lambda: "AKIA" + drawn(B64[:26] + "234567", 16),
    "a JWT":                                lambda: "eyJ" + drawn(B64[:62], 40) + ".eyJ" + drawn(B64[:62], 80) + "." + drawn(B64[:62], 43),
    "a GitHub server token":                lambda: "ghs_" + drawn(B64[:62], 36),
    "a fine-grained GitHub token":          lambda: "github_pat_" + drawn(B64[:62], 22) + "_" + drawn(B64[:62], 59),
    "an Anthropic key":                     lambda: "sk-ant-api03-" + drawn(B64[:62], 93) + "AA",
}  # fmt: skip


@pytest.mark.parametrize("make", LEAKED.values(), ids=LEAKED)
def test_what_the_original_leaked(make: Callable[[], str], folder: Path) -> None:
    secret = make()
    (folder / "said").write_text(f"before {secret} after\n")
    result = run_quick("cat said")
    assert secret[8:28] not in result.stdout
    assert result.redactions == 1
    assert result.stdout.startswith("before [REDACTED:")
    assert result.stdout.endswith("] after\n")


CONTEXTS: dict[str, tuple[str, Callable[[], str]]] = {
    # what the original printed          text around the secret                                 the secret
    "a bearer header":                   ("Authorization: Bearer {}",                           lambda: "eyJ" + drawn(B64[:62], 60)),
    "a private key":                     ("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----", lambda: drawn(B64, 64)),
    "a database URL":                    ("postgresql://app:{}@db.example.com/app",             lambda: drawn(B64[:62], 16)),
    "an AWS secret with a slash":        ("AWS_SECRET_ACCESS_KEY={}",                           lambda: drawn(B64[:62], 18) + "/+" + drawn(B64[:62], 20)),
    "an API key of hex digits":          ("api_key={}",                                         lambda: secrets.token_hex(16)),
}  # fmt: skip


@pytest.mark.parametrize(("text", "make"), CONTEXTS.values(), ids=CONTEXTS)
def test_what_the_original_leaked_in_its_context(
    text: str, make: Callable[[], str], folder: Path
) -> None:
    secret = make()
    (folder / "said").write_text(text.format(secret) + "\n")
    assert secret[4:14] not in run_quick("cat said").stdout


def test_a_mark_tells_nothing_about_the_secret(folder: Path) -> None:
    """The original printed eight digits of a hash, which short passwords can be guessed from."""
    seen = set()
    for _ in range(2):
        (folder / "said").write_text(f"password={drawn(B64[:62], 20)}\n")
        seen.add(run_quick("cat said").stdout)
    assert len(seen) == 1
    assert seen.pop().startswith("password=[REDACTED:")


def test_it_truncates_after_redacting(folder: Path) -> None:
    secret = "ghp_" + drawn(B64[:62], 36)
    (folder / "said").write_text(f"{secret}\n")
    for chars in range(5, 60, 9):
        result = run_quick("cat said", max_chars=chars)
        assert result.redactions == 1
        assert not [at for at in range(30) if secret[at : at + 8] in result.stdout]


def test_the_environment_is_not_passed_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_API_KEY", drawn(B64[:62], 20))
    assert "MY_API_KEY" in os.environ
    assert "MY_API_KEY" not in run_quick("env").stdout


def test_an_async_timeout_keeps_the_output() -> None:
    result = asyncio.run(run_governed_command_async("echo kept; exec sleep 60", timeout=0.3))
    assert (result.stdout, result.timed_out) == ("kept\n", True)
