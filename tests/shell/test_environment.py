"""Names decide what a command may know; values that were held back are not shown either."""

import secrets
from pathlib import Path

import pytest

from stopper.shell import DEFAULT_ENV_BLOCKLIST, run_quick
from stopper.shell.environment import filtered

NAMES = {
    # variable                  does it pass
    "AWS_SECRET_ACCESS_KEY":    False,
    "aws_session_token":        False,
    "OPENAI_API_KEY":           False,
    "GithubToken":              False,
    "PGPASSWORD":               False,
    "DATABASE_URL":             False,
    "SENTRY_DSN":               False,
    "BASH_ENV":                 False,
    "BASH_FUNC_ls%%":           False,
    "PATH":                     True,
    "HOME":                     True,
    "ENV":                      True,
    "AWS_REGION":               True,
}  # fmt: skip


@pytest.mark.parametrize(("name", "passes"), NAMES.items(), ids=NAMES)
def test_names(name: str, passes: bool) -> None:
    passed, held = filtered({name: "v"}, {}, DEFAULT_ENV_BLOCKLIST)
    assert (name in passed) is passes
    assert not passed.keys() & held.keys()


def test_a_list_of_ones_own() -> None:
    host = {"MY_PIN": "1", "PIN": "2", "SPINE": "3", "API_KEY": "4"}
    assert filtered(host, {}, ["pin"])[0] == {"API_KEY": "4"}
    assert filtered(host, {}, ["*_PIN"])[0].keys() == host.keys() - {"MY_PIN"}
    assert filtered(host, {}, [])[0] == host
    assert filtered(host, {"API_KEY": "5"}, ["API_KEY"]) == ({**host, "API_KEY": "5"}, {})


def test_the_command_sees_nothing_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    value = secrets.token_hex(20)
    monkeypatch.setenv("STAGING_API_KEY", value)
    assert "STAGING" not in run_quick("env").stdout
    given = run_quick("printenv STAGING_API_KEY", env={"STAGING_API_KEY": "mine"}, policy="warn")
    assert given.stdout == "mine\n"


def test_a_value_that_was_held_back_is_redacted_wherever_it_stands(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    value = secrets.token_urlsafe(24).strip("-_")
    monkeypatch.setenv("ODD_SECRET", value)
    monkeypatch.setenv("SHORT_SECRET", "abc")
    (folder / "notes").write_text(f"it is {value} and abc\n")
    result = run_quick("cat notes; base64 -w0 notes")
    assert value not in result.stdout
    assert "it is [REDACTED:ODD_SECRET] and abc" in result.stdout
    assert result.redactions >= 2
