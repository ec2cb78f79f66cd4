"""Modes, environments, the operator's word, and capabilities that are used once."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from stopper.core.reason import Refusal
from stopper.errors import SettingsError
from stopper.guards.capability import (
    MAX_LIFETIME_MS,
    Capability,
    Key,
    UsedCapabilities,
    UsedStore,
    issue_capability,
)
from stopper.guards.chain import GuardChain
from stopper.guards.classify import SideEffectClass
from stopper.guards.models import EnforcementLevel, Guard, GuardResult, allow, block
from stopper.guards.schema import SchemaStrictnessGuard
from stopper.guards.side_effect import (
    Environment,
    ExecutionMode,
    SideEffectConfig,
    SideEffectGuard,
)

KEY = bytes(range(32))
OTHER = bytes(range(1, 33))
ARGS = {"id": 7}
NOW = 1_000_000


class Time:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> int:
        return self.now


CALLS: dict[str, tuple[dict[str, Any], str, str]] = {
    # what we try                     configuration                                             tool           code
    "a read in read-only mode":      ({"mode": ExecutionMode.READ_ONLY},                        "get_user",    ""),
    "a write in read-only mode":     ({"mode": ExecutionMode.READ_ONLY},                        "update_user", "side_effect.mode"),
    "a write":                       ({},                                                       "update_user", ""),
    "a deletion":                    ({},                                                       "delete_user", "side_effect.mode"),
    "a deletion where allowed":      ({"mode": ExecutionMode.DESTRUCTIVE_ALLOWED},              "delete_user", ""),
    "a deletion in production":      ({"mode": ExecutionMode.DESTRUCTIVE_ALLOWED, "environment": Environment.PROD}, "delete_user", "side_effect.production"),
    "a write forbidden there":       ({"environment": Environment.PROD, "prod_blocked_classes": {SideEffectClass.WRITE}}, "update_user", "side_effect.production"),
    "the operator knows it is mild": ({"explicit_classifications": {"delete_user": "write"}},   "delete_user", ""),
    "the operator knows it is bad":  ({"explicit_classifications": {"weather": "destructive"}}, "weather",     "side_effect.mode"),
    "an unknown tool":               ({},                                                       "weather",     ""),
    "an unknown tool, distrusted":   ({"unknown_tools": SideEffectClass.DESTRUCTIVE},           "weather",     "side_effect.mode"),
}  # fmt: skip


@pytest.mark.parametrize(("fields", "tool", "code"), CALLS.values(), ids=CALLS)
def test_modes(fields: dict[str, Any], tool: str, code: str) -> None:
    guard = SideEffectGuard(**fields)
    assert guard.check(tool, {}).code == code
    assert asyncio.run(guard.check_async(tool, {})).code == code
    if code:
        for level, verdict in ((EnforcementLevel.OFF, "allow"), (EnforcementLevel.WARN, "warn")):
            mild = SideEffectGuard(**fields, enforcement_level=level)
            assert mild.check(tool, {}).verdict.value == verdict


def test_what_runs_code_is_judged_by_what_it_runs() -> None:
    guard = SideEffectGuard(mode=ExecutionMode.READ_ONLY)
    assert guard.check("run_sql", {"sql": "SELECT 1"}).allowed
    assert guard.check("run_sql", {"sql": "INSERT INTO t VALUES (1)"}).blocked
    assert guard.check("run_sql", {}).details["classification"] == "destructive"
    assert guard.check("get_rows", {"sql": "DROP TABLE t"}).blocked


def test_a_chain_finds_what_is_nested() -> None:
    chain = GuardChain([SideEffectGuard(environment=Environment.PROD)])
    calls: list[tuple[str, dict[str, Any]]] = [
        ("bash", {"command": "rm", "args": ["-rf", "/"]}),
        ("get_output", {"params": {"command": b"rm -rf /"}}),
        ("mcp__sqlite__read_query", {"query": "DROP TABLE users"}),
    ]
    for tool, args in calls:
        assert chain.check_all(tool, args).code == "side_effect.production"
        assert asyncio.run(chain.check_all_async(tool, args)).code == "side_effect.production"


def test_hints_only_tighten() -> None:
    guard = SideEffectGuard(get_annotations=lambda _: {"readOnlyHint": True})
    assert guard.check("delete_user", {}).blocked
    guard = SideEffectGuard(get_annotations=lambda _: {"destructiveHint": True})
    assert guard.check("get_user", {}).blocked


def test_the_operators_word_may_be_awaited() -> None:
    async def getter(_: str) -> str:
        await asyncio.sleep(0)
        return "destructive"

    guard = SideEffectGuard(get_classification=getter)
    assert guard.check("get_user", {}).blocked
    assert asyncio.run(guard.check_async("get_user", {})).blocked


def test_a_word_that_is_no_class_blocks() -> None:
    chain = GuardChain([SideEffectGuard(get_classification=lambda _: "harmless")])
    assert chain.check_all("get_user").code == "guard.unavailable"


def test_mode_and_environment_can_change() -> None:
    guard = SideEffectGuard()
    guard.set_mode(ExecutionMode.DESTRUCTIVE_ALLOWED)
    assert guard.check("delete_user", {}).allowed
    guard.set_environment(Environment.PROD)
    assert guard.check("delete_user", {}).blocked


def strict(
    key: Key = KEY, clock: Callable[[], int] | None = None, **fields: Any
) -> SideEffectGuard:
    return SideEffectGuard(
        capability_key=key,
        clock=clock or Time(),
        require_capability_token=True,
        requester="bot",
        **fields,
    )


def token(
    key: Key = KEY,
    tool: str = "update_user",
    at: int = NOW,
    lifetime: int = 1000,
    by: str = "ann",
    policy: str = "",
) -> str:
    return issue_capability(
        key, tool, ARGS, lifetime_ms=lifetime, approver=by, policy=policy, clock=lambda: at
    )


def broken(text: str) -> str:
    at = len(text) // 2
    return text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]


TOKENS: dict[str, tuple[Any, str]] = {
    # what we try               token                                      code
    "a good one":              (token(),                                   ""),
    "none":                    (None,                                      "capability.missing"),
    "any truthy text":         ("yes",                                     "capability.forged"),
    "a number":                (1,                                         "capability.missing"),
    "of another key":          (token(OTHER),                              "capability.forged"),
    "of another kind":         (token(Ed25519PrivateKey.generate()),       "capability.forged"),
    "with a letter changed":   (broken(token()),                           "capability.forged"),
    "without its signature":   (token().rpartition(".")[0] + ".",          "capability.forged"),
    "with more behind":        (token() + "AAAA",                          "capability.forged"),
    "beyond ASCII":            ("cap-h1.ü.ü",                              "capability.forged"),
    "a megabyte":              ("cap-h1." + "A" * 1_000_000,               "capability.forged"),
    "expired":                 (token(at=NOW - 1000),                      "capability.expired"),
    "from far in the future":  (token(at=NOW + MAX_LIFETIME_MS),           "capability.expired"),
    "for another tool":        (token(tool="create_user"),                 "capability.other_tool"),
    "of who asks":             (token(by="bot"),                           "capability.self_approved"),
    "of who asks, loudly":     (token(by="  \uff22OT "),                   "capability.self_approved"),
    "of a gate":               (token(policy="1"),                         "capability.other_policy"),
}  # fmt: skip


@pytest.mark.parametrize(("given", "code"), TOKENS.values(), ids=TOKENS)
def test_tokens(given: Any, code: str) -> None:
    result = strict().check("update_user", ARGS | {"_capability_token": given})
    assert result.code == (code or "capability.taken")
    assert result.repaired_args == (None if code else ARGS)


def test_a_token_is_for_its_arguments_alone() -> None:
    assert strict().check("update_user", {"id": 8, "_capability_token": token()}).code == (
        "capability.other_arguments"
    )
    assert strict().check("update_user", {"_capability_token": token()}).code == (
        "capability.other_arguments"
    )


def test_a_token_may_be_for_a_large_number() -> None:
    args = {"id": 10**30}
    permission = issue_capability(
        KEY, "update_user", args, lifetime_ms=1000, approver="ann", clock=Time()
    )
    guard = strict()
    for given, code in ((10**31, "capability.other_arguments"), (10**30, "capability.taken")):
        result = guard.check("update_user", {"id": given, "_capability_token": permission})
        assert result.code == code


def test_a_token_is_used_once_and_until_it_expires() -> None:
    clock = Time()
    guard = strict(clock=clock)
    with_token = ARGS | {"_capability_token": token()}
    clock.now += 999
    assert guard.check("update_user", with_token).repaired
    assert guard.check("update_user", with_token).code == "capability.used"
    clock.now += 1
    assert guard.check("update_user", with_token).code == "capability.expired"


def test_reads_need_no_token_and_off_needs_none() -> None:
    assert strict().check("get_user", {}).allowed
    assert strict(enforcement_level=EnforcementLevel.OFF).check("update_user", {}).allowed
    assert strict(enforcement_level=EnforcementLevel.WARN).check("update_user", {}).warned


def test_a_public_key_reads_and_does_not_issue() -> None:
    private = Ed25519PrivateKey.generate()
    guard = strict(private.public_key())
    assert guard.check("update_user", ARGS | {"_capability_token": token(private)}).repaired
    with pytest.raises(SettingsError, match="public key"):
        token(private.public_key())


def test_keys_and_lifetimes_have_bounds() -> None:
    with pytest.raises(SettingsError, match="capability_key"):
        SideEffectGuard(require_capability_token=True)
    with pytest.raises(SettingsError, match="at least 32"):
        strict(b"short")
    with pytest.raises(SettingsError, match="lifetime_ms"):
        token(lifetime=MAX_LIFETIME_MS + 1)


class Sees:
    """Keeps what it was shown."""

    def __init__(self) -> None:
        self.args: list[dict[str, Any]] = []

    def check(self, _tool: str, args: dict[str, Any]) -> GuardResult:
        self.args.append(args)
        return allow()


def test_in_a_chain_no_other_guard_and_no_tool_gets_the_token() -> None:
    first, last = Sees(), Sees()
    chain = GuardChain([first, strict(), last])
    with_token = ARGS | {"_capability_token": token()}
    result = chain.check_all("update_user", with_token)
    assert result.repaired
    assert result.repaired_args == ARGS
    assert first.args == last.args == [ARGS]
    assert chain.check_all("update_user", with_token).code == "capability.used"


class Full:
    """Says yes, and no when it comes to it."""

    def check(self, _tool: str, _args: dict[str, Any]) -> GuardResult:
        return allow()

    def admit(self, _tool: str, _args: dict[str, Any]) -> GuardResult:
        return block("test.full", "someone else was faster")


def test_a_chain_says_whose_argument_it_took_out() -> None:
    with_token = ARGS | {"_capability_token": token()}
    result = GuardChain([("who", strict())]).check_all("update_user", with_token)
    assert (result.stopped_at, result.code) == ("who", "capability.taken")
    assert result.reason == "The capability token was taken out"
    assert result.details["who"]["classification"] == "write"

    class Takes(Full):
        consumes = frozenset({"_own"})

        def admit(self, _tool: str, _args: dict[str, Any]) -> GuardResult:
            return allow()

    chain = GuardChain([Takes(), strict()])
    result = chain.check_all("update_user", ARGS | {"_own": 1, "_capability_token": token()})
    assert (result.stopped_at, result.code, result.repaired_args) == (
        "takes", "guard.consumed", ARGS,
    )  # fmt: skip
    assert result.reason.endswith("alone was taken out; The capability token was taken out")
    warned = strict(enforcement_level=EnforcementLevel.WARN)
    result = GuardChain([warned]).check_all("update_user", ARGS | {"_capability_token": "x"})
    assert (result.stopped_at, result.code) == ("side_effect", "capability.taken")
    assert result.details["side_effect"]["code"] == "capability.forged"


REPAIRED: dict[str, tuple[dict[str, Any], str]] = {
    # a call that is repaired to {"id": 7}      what it is called with     code
    "a token for what it becomes":              ({"id": 7},                "schema.coerced"),
    "a token for what it came with":            ({"id": "7"},              "capability.other_arguments"),
    "a token for something else":               ({"id": 8},                "capability.other_arguments"),
}  # fmt: skip


@pytest.mark.parametrize("is_first", [False, True])
@pytest.mark.parametrize(("permitted", "code"), REPAIRED.values(), ids=REPAIRED)
def test_a_token_is_for_what_the_call_becomes(
    permitted: dict[str, Any], code: str, is_first: bool
) -> None:
    schema = {"properties": {"id": {"type": "integer"}}}
    coerces = SchemaStrictnessGuard(coerce_types=True, get_schema=lambda _: schema)
    guards: list[Guard] = [strict(), coerces] if is_first else [coerces, strict()]
    permission = issue_capability(
        KEY, "update_user", permitted, lifetime_ms=1000, approver="ann", clock=Time()
    )
    result = GuardChain(guards).check_all(
        "update_user", {"id": "7", "_capability_token": permission}
    )
    assert result.code == code
    assert result.repaired_args == (None if result.blocked else {"id": 7})
    if not result.blocked:
        assert result.reason.endswith("; The capability token was taken out")


def test_guards_that_share_a_store_take_a_token_once_and_give_it_back() -> None:
    used, with_token = UsedCapabilities(), ARGS | {"_capability_token": token()}
    one, other = strict(used=used), strict(used=used)
    assert GuardChain([one, Full()]).check_all("update_user", with_token).code == "test.full"
    assert GuardChain([other]).check_all("update_user", with_token).repaired
    assert one.check("update_user", with_token).code == "capability.used"
    warns = strict(used=used, enforcement_level=EnforcementLevel.WARN)
    assert GuardChain([warns, Full()]).check_all("update_user", with_token).code == "test.full"
    assert one.check("update_user", with_token).code == "capability.used"


class Breaks(UsedCapabilities):
    """Cannot be reached."""

    def use(self, _capability: Capability, _now_ms: int) -> Refusal | None:
        raise OSError


class Other(UsedCapabilities):
    """Has a reason of its own."""

    def use(self, _capability: Capability, _now_ms: int) -> Refusal | None:
        return Refusal("test.frozen")


@pytest.mark.parametrize(
    ("store", "code"), [(Breaks(), "guard.unavailable"), (Other(), "test.frozen")]
)
def test_a_token_that_cannot_be_used_up_permits_nothing(store: UsedStore, code: str) -> None:
    with_token = ARGS | {"_capability_token": token()}
    assert GuardChain([strict(used=store)]).check_all("update_user", with_token).code == code


def test_a_shadow_takes_no_token_away_and_uses_none_up() -> None:
    guard, with_token = strict(), ARGS | {"_capability_token": token()}
    for chain in (GuardChain().shadow(guard), GuardChain().shadow(guard).add(Full())):
        for given, code in (
            (with_token, ""),
            (with_token | {"id": 8}, "capability.other_arguments"),
            (ARGS, "capability.missing"),
        ):
            result = chain.check_all("update_user", given)
            assert (result.code, result.repaired) == ("test.full" if len(chain) > 1 else "", False)
            assert result.results["side_effect"].code == code
    chain = GuardChain().shadow(guard).add(("real", guard))
    assert chain.check_all("update_user", with_token).repaired
    for _ in range(2):
        assert GuardChain().shadow(guard).add(Full()).check_all("update_user", with_token).blocked
        result = chain.check_all("update_user", with_token)
        assert result.code == result.results["side_effect"].code == "capability.used"


def test_a_token_stays_good_where_another_guard_says_no() -> None:
    guard = strict()
    with_token = ARGS | {"_capability_token": token()}
    assert GuardChain([guard, Full()]).check_all("update_user", with_token).blocked
    assert GuardChain([guard]).check_all("update_user", with_token).repaired


def test_configurations_are_read() -> None:
    config = SideEffectConfig(prod_blocked_classes={SideEffectClass.WRITE})
    assert config.prod_blocked_classes == {SideEffectClass.WRITE}
    with pytest.raises(SettingsError, match="one of: dev, staging, prod"):
        SideEffectGuard(environment="production")
