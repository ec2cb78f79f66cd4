from datetime import timedelta
from pathlib import Path

import pytest

from stopper.core.budget import Enforce
from stopper.data import load_providers
from stopper.detect.allow import parse_rule
from stopper.errors import SettingsError
from stopper.settings import (
    TABLE,
    CountTokens,
    Settings,
    Shutdown,
    Unknown,
    explain,
    load_settings,
    provider_names,
)

SEED = """\
budget:
  claude: 5000000
  codex: 2000000
shutdown: cutoff  # default cutoff policy: cutoff | freeze | kill
"""
EVERYTHING = """\
budget: {claude: [5M, $10/day], all: $100/month}
shutdown: kill
enforce: all
weights: {cache_read: 0.1}
unknown_model: count
unbounded: count
allow: ['*.example.com', 'git.example.com:443 at 10.1.2.3']
websockets: wss.example.com
upstreams: {openai: {url: 'http://127.0.0.1:9/v1', key_env: LLM_KEY}, claude: 'http://a.com'}
hold_lifetime: 10m
hold_wait: 5s
count_tokens: provider
disconnect: {codex: drain}
unmetered_paths: openai GET /v1/files/*
on_secret: {claude: warn, api.example.com: hold}
on_secret_reply: warn
allow_secrets: [GITHUB_TOKEN to api.github.com until 2030-01-31]
policies: {cedar: agent.cedar, mine: }
"""


def _write(folder: Path, text: str) -> Path:
    (folder / "settings.yml").write_text(text, encoding="utf-8")
    return folder


def test_the_table_has_every_setting() -> None:
    """Fields and rows are the same, in the same order, and each says what it is for."""
    names = [setting.name for setting in TABLE]
    assert [*names, "origins"] == list(Settings.__struct_fields__)
    assert all(setting.about for setting in TABLE)
    assert {setting.name: setting.default for setting in TABLE}["shutdown"] is Shutdown.CUTOFF


def test_nothing_said(tmp_path: Path) -> None:
    """Without a file, variables and flags all is at its default, and nothing is open."""
    settings = load_settings({}, {}, tmp_path)
    assert settings == Settings()
    assert settings.exceptions == ()
    assert {row.origin for row in explain(settings)} == {"default"}


def test_the_seed(tmp_path: Path) -> None:
    """The file that the seed shows reads as it means."""
    settings = load_settings({}, {}, _write(tmp_path, SEED))
    assert [budget.key for budget in settings.budget] == [
        "global/anthropic/tokens/lifetime",
        "global/openai/tokens/lifetime",
    ]
    assert [budget.limit for budget in settings.budget] == [5_000_000, 2_000_000]
    assert settings.shutdown is Shutdown.CUTOFF
    assert settings.origins["shutdown"] == f"{tmp_path / 'settings.yml'}:4:11"


def test_everything(tmp_path: Path) -> None:
    """Every setting can be said in the file, and is explained in plain words."""
    file = _write(tmp_path, EVERYTHING) / "settings.yml"
    settings = load_settings({}, {}, tmp_path)
    assert settings.terms.weights.cache_read == 100
    assert settings.terms.enforce is Enforce.ALL
    assert settings.terms.lifetime == timedelta(minutes=10)
    assert (settings.unknown_model, settings.count_tokens) == (Unknown.COUNT, CountTokens.PROVIDER)
    assert {row.name: row.value for row in explain(settings)} == {
        "budget": "anthropic 5,000,000 tokens, anthropic $10.00 a day, all $100.00 a month",
        "shutdown": "kill",
        "enforce": "all",
        "weights": "input 1, output 1, cache_write 1, cache_read 0.1",
        "unknown_model": "count",
        "unbounded": "count",
        "allow": "*.example.com:443, git.example.com:443 at 10.1.2.3/32",
        "websockets": "wss.example.com:443",
        "upstreams": "openai: http://127.0.0.1:9/v1 (key from LLM_KEY), anthropic: http://a.com/",
        "hold_lifetime": "600s",
        "hold_wait": "5s",
        "count_tokens": "provider",
        "disconnect": "openai: drain",
        "unmetered_paths": "openai GET /v1/files/*",
        "on_secret": "providers: redact, anthropic: warn, others: block, api.example.com:443: hold",
        "on_secret_reply": "providers: warn, others: warn",
        "allow_secrets": "GITHUB_TOKEN to api.github.com until 2030-01-31",
        "policies": "cedar: agent.cedar, mine: none",
    }
    assert all(row.origin.startswith(f"{file}:") for row in explain(settings))


def test_what_fails_open_is_said(tmp_path: Path) -> None:
    """Every exception from failing closed is one sentence for the log."""
    settings = load_settings({}, {}, _write(tmp_path, EVERYTHING))
    assert [line.partition(":")[0] for line in settings.exceptions] == [
        "unmetered_paths",
        "unknown_model",
        "unbounded",
        "on_secret",
        "allow_secrets",
    ]


def test_flag_over_environment_over_file(tmp_path: Path) -> None:
    """Each source overrides the one below it, and the origin says which one held."""
    _write(tmp_path, "shutdown: freeze\nenforce: all\n")
    environ = {"STOPPER_SHUTDOWN": "kill", "STOPPER_HOLD_WAIT": "1s", "HOME": "/"}
    below = load_settings(environ, {}, tmp_path)
    assert (below.shutdown, below.enforce) == (Shutdown.KILL, Enforce.ALL)
    assert below.origins["shutdown"] == "STOPPER_SHUTDOWN:1:1"
    above = load_settings(environ, {"shutdown": "cutoff"}, tmp_path)
    assert above.shutdown is Shutdown.CUTOFF
    assert above.origins["shutdown"] == "--policy"


def test_a_list_in_a_flag_adds(tmp_path: Path) -> None:
    """`--allow` and `--upstream` add to what is set; an upstream of the same name gives way."""
    _write(tmp_path, "allow: a.com\nupstreams: {openai: http://a.com, gemini: http://b.com}\n")
    flags = {"allow": ["b.com"], "upstreams": ["openai=http://c.com"]}
    settings = load_settings({}, flags, tmp_path)
    assert settings.allow == (parse_rule("a.com"), parse_rule("b.com"))
    assert {name: str(one.url) for name, one in settings.upstreams.items()} == {
        "openai": "http://c.com/",
        "gemini": "http://b.com/",
    }
    assert settings.origins["allow"] == f"{tmp_path / 'settings.yml'}:1:8 and --allow"
    assert load_settings({}, {"allow": []}, tmp_path).allow == (parse_rule("a.com"),)
    alone = load_settings({}, {"allow": ["b.com"]}, tmp_path / "none")
    assert (alone.allow, alone.origins["allow"]) == ((parse_rule("b.com"),), "--allow")


def test_an_overridden_mistake_is_still_one(tmp_path: Path) -> None:
    """A flag does not hide that the file does not read."""
    _write(tmp_path, "shutdown: cutof\n")
    with pytest.raises(SettingsError, match=r"settings.yml:1:11: shutdown: read 'cutof'"):
        load_settings({}, {"shutdown": "kill"}, tmp_path)


def test_typos_name_line_and_column(tmp_path: Path) -> None:
    """An unknown key, a wrong amount and a wrong word say where, what and what else."""
    for text, said in {
        "budgt: 5M": r"settings.yml:1:1: read 'budgt', which is no setting; did you mean 'budget'",
        "\nbudget:\n  claude: 5Mx": r"settings.yml:3:11: budget.claude: '5Mx' is no amount",
        "shutdown: stop": r"settings.yml:1:11: shutdown: read 'stop'; allowed: cutoff, freeze",
        "- budget": r"settings.yml:1:1: read a list; write settings as NAME: VALUE",
    }.items():
        with pytest.raises(SettingsError, match=said):
            load_settings({}, {}, _write(tmp_path, text))


def test_variables(tmp_path: Path) -> None:
    """A variable is read as the file would be; an empty one says nothing; a typo is refused."""
    environ = {"STOPPER_BUDGET": "claude: 5M", "STOPPER_HOME": "/x", "STOPPER_ALLOW": ""}
    settings = load_settings(environ, {}, tmp_path)
    assert [budget.limit for budget in settings.budget] == [5_000_000]
    assert settings.allow == ()
    with pytest.raises(SettingsError, match="STOPPER_BUGDET: is no setting; did you mean 'budget'"):
        load_settings({"STOPPER_BUGDET": "5M"}, {}, tmp_path)
    with pytest.raises(SettingsError, match="STOPPER_ALLOW:1:2: aliases"):
        load_settings({"STOPPER_ALLOW": "*.example.com"}, {}, tmp_path)
    load_settings({"STOPPER_SOMETHING_ELSE": "1"}, {}, tmp_path)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """A folder in its place and other encodings are said plainly."""
    (tmp_path / "settings.yml").mkdir()
    with pytest.raises(SettingsError, match=r"settings.yml: cannot be read"):
        load_settings({}, {}, tmp_path)
    (tmp_path / "settings.yml").rmdir()
    (tmp_path / "settings.yml").write_bytes("allow: ü".encode("utf-16"))
    with pytest.raises(SettingsError, match=r"settings.yml: is not UTF-8"):
        load_settings({}, {}, tmp_path)


def test_names_are_those_of_the_packaged_providers() -> None:
    """Providers and their agents are known by default."""
    names = provider_names(load_providers().values())
    assert (names["claude"], names["codex"], names["openai"]) == ("anthropic", "openai", "openai")
