"""What guards of this kind have got wrong elsewhere, each as a row that must hold here.

The numbers are those of a list of statements; C1 is `test_runtime_guards_document.py`, C12 and C13
are the ledger's contract too, and C19 is `tests/shell/test_govern.py`.
"""

import asyncio
import base64
import datetime as dt
import json
import random
import string
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from stopper.core.audit import AuditRow
from stopper.detect.secrets import scan_token_patterns
from stopper.errors import SettingsError
from stopper.guards import (
    AuditTrail,
    BudgetGuard,
    ConcurrencyGuard,
    Decision,
    EnforcementLevel,
    GuardBlocked,
    GuardChain,
    GuardResult,
    NetworkPolicyGuard,
    OutputSizeGuard,
    PlanShapeGuard,
    RedactMode,
    RetrySafetyGuard,
    SchemaStrictnessGuard,
    SensitiveDataGuard,
    SideEffectGuard,
    TruncationMode,
    allow,
    create_default_guard_chain,
    issue_capability,
    repair,
)
from stopper.guards.kinds import KINDS
from stopper.patch import safe_write_file

Args = dict[str, Any]
RANDOM = random.Random(17)  # noqa: S311  samples
GITHUB = "ghp_" + "".join(RANDOM.choices(string.ascii_letters + string.digits, k=36))
AWS = "AKIA" + "".join(RANDOM.choices(string.ascii_uppercase + "234567", k=16))
BODY = "\n".join("".join(RANDOM.choices(string.ascii_letters, k=64)) for _ in range(4))
PEM = f"-----BEGIN PRIVATE KEY-----\n{BODY}\n-----END PRIVATE KEY-----"
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
KEY = bytes(range(32))


def no_schema(_: str) -> Args:
    return SCHEMA


def given(name: str) -> Args:
    return {"get_schema": no_schema} if name == "schema_strictness" else {}


TOKENS = {
    # what it is             text                                                        words of its reason
    "AWS":                  ("key=AKIA" + "IOSFODNN7EXAMPLE",                            "AWS access key found"),
    "GitHub":               ("token: ghp_" + "A" * 36,                                   "GitHub token found"),
    "GitHub, fine-grained": ("pat=github_pat_" + "A" * 82,                               "GitHub fine-grained token found"),
    "Anthropic":            ("auth: sk-ant-" + "A" * 93,                                 "Anthropic API key found"),
    "OpenAI":               ("key=sk-" + "A" * 48,                                       "OpenAI API key found"),
    "Stripe":               ("stripe: sk_live_" + "A" * 24,                              "Stripe live key found"),
    "a bearer token":       ("Authorization: Bearer " + "A" * 60,                        "Bearer JWT found"),
    "OpenAI, of a project": ("key=sk-proj-" + "A" * 48,                                  "OpenAI project key found"),
    "Hugging Face":         ("token=hf_" + "A" * 34,                                     "HuggingFace token found"),
    "Databricks":           ("dapi" + "a" * 32,                                          "Databricks token found"),
    "Slack":                ("xoxb-" + "0" * 11 + "-" + "0" * 11 + "-" + "A" * 24,       "Slack token found"),
    "npm":                  ("npm_" + "A" * 36,                                          "npm token found"),
    "SendGrid":             ("SG." + "A" * 22 + "." + "B" * 43,                          "SendGrid API key found"),
    "PyPI":                 ("pypi-" + "A" * 80,                                         "PyPI token found"),
    "Vault":                ("hvs." + "A" * 24,                                          "Vault token found"),
    "AWS, made up":         (f"x {AWS}",                                                 "AWS access key found"),
    "GitHub, made up":      (f"x {GITHUB}",                                              "GitHub token found"),
    "clean text":           ("hello world",                                              None),
    "nothing to see":       ("nothing to see",                                           None),
}  # fmt: skip


@pytest.mark.parametrize(("text", "reason"), TOKENS.values(), ids=TOKENS)
def test_c2_tokens_have_a_reason_and_block(text: str, reason: str | None) -> None:
    found = scan_token_patterns(text)
    if found is None:
        assert reason is None
        return
    assert (found.severity, found.reason) == ("block", reason)
    assert text.replace("=", " ").rpartition(" ")[2] not in repr(found)


def test_c3_a_repaired_output_reaches_the_caller() -> None:
    chain = GuardChain(
        [
            OutputSizeGuard(truncation_mode=TruncationMode.TRUNCATE),
            SensitiveDataGuard(redact_mode=RedactMode.REDACT),
        ]
    )
    result = chain.check_output("t", {}, {"key": GITHUB, "text": "x" * 200_000})
    assert result.repaired_output["key"] == "[REDACTED]"
    assert len(json.dumps(result.repaired_output)) <= 100_000
    with chain.guarded("t", {}) as call:
        assert call.finish(GITHUB) == "[REDACTED]"


def test_c4_guards_with_a_memory_tick_in_a_chain() -> None:
    chain = create_default_guard_chain()
    verdicts = [chain.check_all("get_rows", {"a": 1}).blocked for _ in range(500)]
    assert verdicts == [False] * 3 + [True] * 497
    chain = GuardChain([ConcurrencyGuard(global_max=1)])
    with chain.guarded("a") as call:
        with pytest.raises(GuardBlocked), chain.guarded("a"):
            pytest.fail("two at once")
        call.finish(None)


CALLS: list[tuple[str, Args]] = [
    ("get_user", {"n": 1}), ("get_user", {}), ("delete_user", {"n": 1}), ("fetch", {"n": "x"}),
    ("fetch", {"n": 1, "url": "http://0x7f000001/"}), ("post", {"n": 1, "text": GITHUB}),
]  # fmt: skip


@pytest.mark.parametrize(("tool", "args"), CALLS)
def test_c5_with_and_without_await_guards_agree(tool: str, args: Args) -> None:
    one, other = (create_default_guard_chain(get_schema=no_schema) for _ in range(2))
    awaited = asyncio.run(one.check_all_async(tool, args))
    assert awaited.details == other.check_all(tool, args).details


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("level", [EnforcementLevel.OFF, EnforcementLevel.WARN])
def test_c6_off_and_warn_never_block(name: str, level: EnforcementLevel) -> None:
    field = "enforcement_level" if name == "side_effect" else "mode"
    chain = GuardChain([KINDS[name].guard(**{field: level}, **given(name))])
    bad = {
        "url": "http://localhost/",
        "text": AWS,
        "_ref": "forged",
        "sql": "DROP TABLE t",
        "x": "${y}",
    }
    for number in range(30):
        assert not chain.check_all(f"delete_{number}", bad).blocked
        assert not chain.check_output("t", {}, {"key": AWS, "rows": list(range(2000))}).blocked
        with chain.guarded("delete_all", bad) as call:
            call.finish({"key": AWS, "rows": list(range(2000))})


def test_c7_guards_before_a_repair_look_again() -> None:
    class Fills:
        def check(self, _tool: str, args: Args) -> GuardResult:
            if "url" in args:
                return allow()
            return repair({**args, "url": "http://127.0.0.1/"}, "test.fill", "filled in")

    assert GuardChain([NetworkPolicyGuard(), Fills()]).check_all("fetch", {}).blocked


def test_c8_a_truncated_output_fits_and_is_json() -> None:
    circle: Args = {"when": dt.datetime(2026, 1, 1, tzinfo=dt.UTC)}
    circle["self"] = circle
    guard = OutputSizeGuard(max_bytes=1000, truncation_mode=TruncationMode.TRUNCATE)
    for output in ([circle] * 9, {"rows": [{"text": "é" * 999}] * 999}, "x" * 10**6):
        result = guard.check_output("t", {}, output)
        assert result.repaired
        assert len(json.dumps(result.repaired_output).encode()) <= 1000


SHAPES: dict[str, Any] = {
    "a value":        {"a": GITHUB},
    "a key":          {GITHUB: 1},
    "bytes":          {"a": GITHUB.encode()},
    "a tuple":        {"a": ("x", GITHUB)},
    "nested JSON":    {"a": json.dumps({"b": json.dumps({"c": GITHUB})})},
    "base64":         {"a": base64.b64encode(GITHUB.encode()).decode()},
    "a whole PEM":    {"a": f"x\n{PEM}\ny"},
}  # fmt: skip


@pytest.mark.parametrize("args", SHAPES.values(), ids=SHAPES)
def test_c9_c10_nothing_of_a_secret_is_left(args: Args) -> None:
    assert SensitiveDataGuard().check("t", args).blocked
    result = SensitiveDataGuard(redact_mode=RedactMode.REDACT).check("t", args)
    assert result.repaired
    left = repr(result.repaired_args)
    for part in (GITHUB, GITHUB[8:], base64.b64encode(GITHUB.encode()).decode(), *BODY.split("\n")):
        assert part not in left


def test_c9_a_secret_across_the_cut_is_redacted_first() -> None:
    text = "x" * 9_980 + f" {GITHUB} " + "y" * 200_000
    cuts = OutputSizeGuard(truncation_mode=TruncationMode.TRUNCATE)
    chain = GuardChain([cuts, SensitiveDataGuard(redact_mode=RedactMode.REDACT)])
    assert GITHUB[:8] not in repr(chain.check_output("t", {}, {"a": text}).repaired_output)


NEAR = [
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0177.0.0.1/",
    "http://0/",
    "http://localhost./",
    "http://169.254.169.254./",
    "http://2852039166/",
    "http://①②⑦.⓪.⓪.①/",
    "http://100.64.0.1/",
    "http://metadata/",
    "http://[::ffff:127.0.0.1]/",
    "//127.0.0.1/",
]


@pytest.mark.parametrize("url", NEAR)
def test_c11_addresses_in_disguise(url: str) -> None:
    assert NetworkPolicyGuard().check("fetch", {"url": url}).blocked


def test_c11_places_in_disguise() -> None:
    guard = NetworkPolicyGuard()
    for args in (
        {"host": "169.254.169.254"},
        {"server": "127.0.0.1:6379"},
        {"url": ("http://10.0.0.1/",)},
    ):
        assert guard.check("fetch", args).blocked
    assert guard.check("fetch", {"url": "https://127.example.com/"}).allowed


def test_c12_spenders_at_once_never_exceed_the_limit() -> None:
    chain = GuardChain([BudgetGuard(max_calls_per_run=50)])
    with ThreadPoolExecutor(8) as pool:
        went = sum(pool.map(lambda n: not chain.check_all("t", {"n": n}).blocked, range(400)))
    assert went == 50


@pytest.mark.parametrize("limit", [float("nan"), float("inf"), -1.0])
def test_c13_limits_that_are_none_are_refused(limit: float) -> None:
    with pytest.raises(SettingsError):
        BudgetGuard(max_dollars_per_run=limit)


def test_c14_a_permission_is_for_one_call_once_and_a_while() -> None:
    now = [1000]
    guard = SideEffectGuard(
        capability_key=KEY, require_capability_token=True, requester="bot", clock=lambda: now[0]
    )
    token = issue_capability(
        KEY, "send", {"to": "ann"}, lifetime_ms=100, approver="ann", clock=lambda: now[0]
    )
    other = issue_capability(
        KEY, "send", {"to": "ann"}, lifetime_ms=100, approver="ann", clock=lambda: now[0]
    )

    def sent(to: str, by: str) -> bool:
        return not guard.check("send", {"to": to, "_capability_token": by}).blocked

    assert not sent("bob", token)
    assert sent("ann", token)
    assert not sent("ann", token)
    own = issue_capability(
        KEY, "send", {"to": "ann"}, lifetime_ms=100, approver="Bot", clock=lambda: now[0]
    )
    assert not sent("ann", own)
    now[0] += 100
    assert not sent("ann", other)


def test_c15_a_guard_that_fails_blocks_with_a_reserved_reason() -> None:
    class Fails:
        def check(self, _tool: str, _args: Args) -> GuardResult:
            raise KeyError(GITHUB)

    result = GuardChain([Fails()]).check_all("t", {})
    assert (result.blocked, result.code) == (True, "guard.error")
    assert GITHUB not in repr(result)


def test_c16_the_order_of_keys_makes_no_other_call() -> None:
    guard = RetrySafetyGuard(max_same_signature_retries=1)
    assert guard.check("t", {"a": {"x": 1, "y": 2}, "b": 3}).allowed
    assert guard.check("t", {"b": 3, "a": {"y": 2, "x": 1}}).code == "retry.too_many"


def test_c17_a_long_chain_is_caught_and_a_wide_join_is_not() -> None:
    guard = PlanShapeGuard()
    line = [
        {"tool": "t", "id": f"{n}", "depends_on": [f"{n - 1}"] if n else []} for n in range(100)
    ]
    join = [{"tool": "t", "id": f"{n}"} for n in range(30)]
    join.append({"tool": "t", "id": "last", "depends_on": [f"{n}" for n in range(30)]})  # type: ignore[dict-item]
    assert "chain" in guard.check_plan(line).reason
    assert guard.check_plan(join).allowed


def test_c18_a_write_keeps_mode_link_and_bytes(tmp_path: Path) -> None:
    file, link = tmp_path / "run", tmp_path / "link"
    file.write_bytes(b"\x00\xff")
    file.chmod(0o755)
    link.symlink_to(file)
    safe_write_file(link, b"\x00\xfe", tmp_path / "backups")
    assert link.is_symlink()
    assert (file.read_bytes(), file.stat().st_mode & 0o777) == (b"\x00\xfe", 0o755)


def recorded() -> tuple[GuardChain, list[AuditRow], list[Decision]]:
    rows: list[AuditRow] = []
    told: list[Decision] = []
    chain = create_default_guard_chain(on_decision=[AuditTrail(rows.append), told.append])
    return chain, rows, told


def test_c20_no_record_holds_a_secret() -> None:
    chain, rows, told = recorded()
    for args in ({"text": GITHUB}, {GITHUB: 1}, {"url": f"https://u:{GITHUB}@localhost/"}):
        assert chain.check_all("post", args).blocked
        assert chain.check_output("post", {}, args).blocked
    assert len(rows) == len(told) == 6
    assert GITHUB not in repr(rows) + repr(told)


def test_a_type_is_never_guessed_before_a_secret_is_seen() -> None:
    """A list that was written as a text is looked through after it became one."""
    schema = {"properties": {"to": {"type": "array", "items": {"type": "string"}}}}
    chain = GuardChain(
        [
            SensitiveDataGuard(),
            SchemaStrictnessGuard(get_schema=lambda _: schema, coerce_types=True),
            NetworkPolicyGuard(),
        ]
    )
    assert chain.check_all("t", {"to": json.dumps([GITHUB])}).blocked
    assert chain.check_all("t", {"to": json.dumps(["http://10.0.0.1/"])}).blocked
