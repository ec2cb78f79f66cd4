"""Hostile settings: whatever stands in the file, it reads or says why not, at small cost."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as bounds
from hypothesis import strategies as st

from stopper.core.scope import GLOBAL
from stopper.errors import SettingsError
from stopper.settings import TABLE, explain, load_settings, parse_budget

NAMES = {"claude": "anthropic", "openai": "openai"}
PIECES = st.sampled_from(
    [
        *(setting.name for setting in TABLE), "claude", "openai", "all", ": ", ":\n", "\n", "  ",
        "- ", "[", "]", "{", "}", ", ", "'", '"', "&a", "*a", "!!int", "5M", "$1/day", "kill",
        "~", "#", "|", ">", "%", "@", "? ", "<<", "\t", "\x00", "\ud800", "\ufeff", "---", "a.com",
        "url", "key_env", "http://a.com", "input", "0.1", "10m", "1e9", "ü",
    ]
)  # fmt: skip
FINE = "fine"
TEXT = st.text(max_size=60) | st.lists(PIECES, max_size=20).map("".join)
HUGE = {
    "brackets":      "[" * 1_000_000,
    "braces":        "{" * 1_000_000,
    "dashes":        "- " * 500_000,
    "colons":        "a: " * 300_000,
    "keys":          "".join(f"k{number}: 1\n" for number in range(6000)),
    "a long key":    "budget" * 10_000 + ": 1",
    "a long list":   "allow: [" + "a.com," * 10_000 + "]",
    "a long text":   "shutdown: " + "x" * 65_000,
    "quotes":        "'" * 65_000,
    "comments":      "#\n" * 32_000,
    "long numbers":  "budget: " + "9" * 65_000,
    "hashes":        "allow: " + " #" * 32_000,
    "open quotes":   'allow: ["' + '",\n"' * 16_000,
    "questions":     "? " * 32_000,
    "nested dashes": "\n".join(" " * depth + "-" for depth in range(300)),
}  # fmt: skip


@bounds(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TEXT | st.binary(max_size=60))
def test_a_file_reads_or_says_why_not(tmp_path: Path, text: str | bytes) -> None:
    """SettingsError is the only way out, and it says where."""
    data = text.encode(errors="surrogatepass") if isinstance(text, str) else text
    (tmp_path / "settings.yml").write_bytes(data)
    assert _complaint({}, tmp_path).startswith((f"{tmp_path / 'settings.yml'}:", FINE))


@given(TEXT, st.sampled_from([setting.variable for setting in TABLE]))
def test_a_variable_reads_or_says_why_not(text: str, variable: str) -> None:
    """The same for every variable."""
    assert _complaint({variable: text}, Path("/nonexistent")).startswith((f"{variable}:", FINE))


@given(TEXT)
def test_a_budget_reads_or_says_why_not(text: str) -> None:
    """The same for the flag."""
    try:
        budget = parse_budget(text, GLOBAL, NAMES)
    except SettingsError:
        return
    assert budget.limit >= 0


@pytest.mark.parametrize("text", HUGE.values(), ids=HUGE)
def test_large_files_are_cheap(tmp_path: Path, text: str) -> None:
    """Size and depth are bounded before anything grows with them, the complaint included."""
    (tmp_path / "settings.yml").write_text(text, encoding="utf-8")
    assert len(_complaint({}, tmp_path)) < 2000


def _complaint(environ: dict[str, str], folder: Path) -> str:
    """What is wrong with the settings; those that read can be explained."""
    try:
        read = load_settings(environ, {}, folder, NAMES)
    except SettingsError as error:
        return str(error)
    assert len(explain(read)) == len(TABLE)
    return FINE
