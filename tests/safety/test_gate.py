"""The gate as callers have it: approvals, rates, policies, and no way to make it raise."""

import random
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from string import ascii_letters
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from stopper.core.audit import AuditRow, chain_hash
from stopper.detect.known import KnownValues
from stopper.errors import SettingsError, UsageError
from stopper.guards.audit import AuditTrail
from stopper.guards.decision import Decision
from stopper.policy.cedar import CedarPolicy
from stopper.policy.decision import (
    ALLOWED,
    Action,
    ActionType,
    Policy,
    PolicyDecision,
    block,
    escalate,
)
from stopper.policy.rego import RegoPolicy
from stopper.safety.gate import PolicyGate, issue_approval

KEY = b"k" * 32
CODE, DEPLOY, BILLING, DELETE, NETWORK = ActionType
COMMAND = {"command": "npm install"}
HOUR_MS = 3_600_000
PATIENT = timedelta(minutes=1)


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        return self.now


class Says:
    """A policy that always says the same, and keeps what it was asked."""

    def __init__(self, decision: PolicyDecision) -> None:
        self.decision = decision
        self.asked: list[Action] = []

    def decide(self, action: Action) -> PolicyDecision:
        self.asked.append(action)
        return self.decision


class Meddles:
    """A policy that changes what it is asked about."""

    def decide(self, action: Action) -> PolicyDecision:
        action.context["command"] = "ls"
        return ALLOWED


class Fails:
    def decide(self, action: Action) -> PolicyDecision:
        raise KeyError(action.context["command"])


class Mapped(Mapping[str, Any]):
    """A mapping whose faults are its own."""

    def __getitem__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(["command"])

    def __len__(self) -> int:
        return 1


def test_what_is_on_by_default() -> None:
    gate = PolicyGate()
    assert gate.check_action(CODE, COMMAND).allowed
    assert gate.check_action(NETWORK, {"url": "https://example.com"}).allowed
    assert gate.check_action(DELETE, {"path": "x"}).requires_approval
    for kind in (DEPLOY, BILLING):
        assert gate.check_action(kind, {}).code == "policy.disabled"


@pytest.mark.parametrize("kind", [DEPLOY, BILLING])
def test_what_is_enabled_still_needs_a_person(kind: ActionType) -> None:
    gate = PolicyGate(enable_deployments=True, enable_billing=True)
    said = gate.check_action(kind, {})
    assert (said.allowed, said.requires_approval) == (False, True)


ODD: dict[str, tuple[Any, Any, str]] = {
    "an unknown action":   ("launch",  {},                  "policy.unknown_action"),
    "no action":           (None,      {},                  "policy.unknown_action"),
    "a list for it":       ([],        {},                  "policy.unknown_action"),
    "no context":          (CODE,      None,                "policy.malformed"),
    "a list for it too":   (CODE,      ["npm"],             "policy.malformed"),
    "bytes":               (CODE,      {"command": b"ls"},  "policy.malformed"),
    "a faulty mapping":    (CODE,      Mapped(),            "policy.fault"),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "context", "code"), ODD.values(), ids=ODD)
def test_nothing_raises(kind: Any, context: Any, code: str) -> None:
    said = PolicyGate().check_action(kind, context)
    assert (said.allowed, said.requires_approval, said.code) == (False, False, code)


def test_an_action_may_be_named_by_a_text() -> None:
    assert PolicyGate().check_action("execute_code", COMMAND).allowed


RUNS: dict[str, dict[str, Any]] = {
    "a program and arguments": {"program": "rm", "args": ["-rf", "/"]},
    "a binary and words": {"bin": "rm", "argv": ["-rf", "/"]},
    "a file and arguments": {"file": "rm", "args": ["-rf", "/"]},
    "lists of words": {"commands": [["ls"], ["rm", "-rf", "/"]]},
    "words and a list": {"command": ["ls", ["rm", "-rf", "/"]]},
}


@pytest.mark.parametrize("context", RUNS.values(), ids=RUNS)
def test_no_shape_of_a_command_hides_what_it_does(context: dict[str, Any]) -> None:
    said = PolicyGate().check_action(CODE, context)
    assert (said.allowed, said.requires_approval) == (False, False)


NAMED: dict[str, tuple[str, str]] = {
    # a command                               with a list             with the network off
    "curl evil.com":                       ("network.not_allowed",   "policy.disabled"),
    "ssh evil.com":                        ("network.not_allowed",   "policy.disabled"),
    "nc evil.com 80":                      ("network.not_allowed",   "policy.disabled"),
    "git clone git@evil.com:x/y":          ("network.not_allowed",   "policy.disabled"),
    "curl https:evil.com":                 ("network.not_allowed",   "policy.disabled"),
    "aws s3 ls s3://my-bucket":            ("network.not_allowed",   "policy.disabled"),
    "curl https://ok.com/a.tar -o a.tar":  ("",                      "policy.disabled"),
    "git commit -m 'as in evil.com'":      ("",                      ""),
}  # fmt: skip


@pytest.mark.parametrize(
    ("command", "listed", "off"), [(k, *v) for k, v in NAMED.items()], ids=repr
)
def test_a_host_counts_without_a_scheme(command: str, listed: str, off: str) -> None:
    context = {"command": command}
    assert PolicyGate().check_action(CODE, context).allowed
    assert PolicyGate(allowlist=["ok.com"]).check_action(CODE, context).code == listed
    assert PolicyGate(enable_network_access=False).check_action(CODE, context).code == off


def test_a_proxy_is_a_destination() -> None:
    gate = PolicyGate(allowlist=["api.example.com"])
    context = {"url": "https://api.example.com", "proxy": "evil.com:80"}
    assert gate.check_action(NETWORK, context).code == "network.not_allowed"


def test_settings_that_do_not_read_are_named() -> None:
    wrong: dict[str, Callable[[], PolicyGate]] = {
        "allowlist": lambda: PolicyGate(allowlist=["*"]),
        "rate_limits": lambda: PolicyGate(rate_limits={CODE: "often"}),
        "launch is no kind of action; use one of: execute_code, deploy": lambda: PolicyGate(
            rate_limits={"launch": "1/day"}
        ),
        "policy mine": lambda: PolicyGate(policies={"mine": object()}),  # type: ignore[dict-item]
        "enable_code_execution: a str; use one of: True, False": lambda: PolicyGate(
            enable_code_execution="no"  # type: ignore[arg-type]
        ),
        "allowlist: a str; give a list": lambda: PolicyGate(allowlist="ok.com"),
        "allowlist: a int; give texts": lambda: PolicyGate(allowlist=[1]),  # type: ignore[list-item]
        "such as 10/minute": lambda: PolicyGate(rate_limits={CODE: 10}),  # type: ignore[dict-item]
        "policies: a list; give a dict": lambda: PolicyGate(
            policies=[Says(ALLOWED)]  # type: ignore[arg-type]
        ),
        "policy_timeout: a int; give a timedelta": lambda: PolicyGate(
            policy_timeout=1  # type: ignore[arg-type]
        ),
        "32 bytes|at least 32": lambda: PolicyGate(approval_key=b"short"),
    }
    for name, make in wrong.items():
        with pytest.raises(SettingsError, match=name):
            make()


def test_a_known_secret_goes_nowhere() -> None:
    secret = ascii_letters[3:23]
    gate = PolicyGate(known=KnownValues({"TOKEN": secret}, b"key"))
    said = gate.check_action(CODE, {"command": f"echo {secret}"})
    assert said.code == "policy.secret"
    assert secret not in said.reason


# approvals


class Approving:
    """A gate that knows approvals, and its clock."""

    def __init__(self, **given: Any) -> None:
        self.clock = Clock()
        self.gate = PolicyGate(
            **{
                "enable_deployments": True,
                "approval_key": KEY,
                "requester": "bot",
                "wall_clock": self.clock,
                **given,
            }
        )

    def approve(
        self,
        context: dict[str, Any],
        kind: ActionType = DEPLOY,
        key: Any = KEY,
        by: str = "ann",
        version: str | None = None,
    ) -> str:
        return issue_approval(
            key,
            kind,
            context,
            approver=by,
            version=self.gate.version if version is None else version,
            lifetime=timedelta(hours=1),
            clock=self.clock,
        )


def test_an_approval_is_for_one_action_once() -> None:
    one, context = Approving(), {"service": "shop", "replicas": 3}
    approval = one.approve(context)
    reordered = {"replicas": 3, "service": "shop"}
    assert one.gate.check_action(DEPLOY, reordered, approval=approval) == ALLOWED
    again = one.gate.check_action(DEPLOY, context, approval=approval)
    assert (again.allowed, again.requires_approval, again.code) == (False, True, "capability.used")


REFUSED: dict[str, tuple[Callable[[Approving], str], str]] = {
    "for another context":  (lambda one: one.approve({"service": "bank"}),              "capability.other_arguments"),
    "for another action":   (lambda one: one.approve({"service": "shop"}, DELETE),      "capability.other_tool"),
    "by another key":       (lambda one: one.approve({"service": "shop"}, key=b"x" * 32), "capability.forged"),
    "of another kind of key": (lambda one: one.approve({"service": "shop"}, key=Ed25519PrivateKey.generate()), "capability.forged"),
    "made up":              (lambda _: "yes",                                           "capability.forged"),
    "empty":                (lambda _: "",                                              "capability.missing"),
    "by who asks":          (lambda one: one.approve({"service": "shop"}, by="Bot"),    "capability.self_approved"),
    "under other rules":    (lambda one: one.approve({"service": "shop"}, version="1"), "capability.other_policy"),
    "under no rules":       (lambda one: one.approve({"service": "shop"}, version=""),  "capability.other_policy"),
}  # fmt: skip


@pytest.mark.parametrize(("make", "code"), REFUSED.values(), ids=REFUSED)
def test_an_approval_is_for_nothing_else(make: Callable[[Approving], str], code: str) -> None:
    one = Approving()
    said = one.gate.check_action(DEPLOY, {"service": "shop"}, approval=make(one))
    assert (said.allowed, said.requires_approval, said.code) == (False, True, code)


def test_nobody_approves_what_they_ask_for() -> None:
    one = Approving(requester="")
    approval = one.approve({}, by="ann")
    for requester, code in (
        (None, "capability.no_requester"),
        ("", "capability.no_requester"),
        (" Ann", "capability.self_approved"),
    ):
        said = one.gate.check_action(DEPLOY, {}, approval=approval, requester=requester)
        assert (said.allowed, said.requires_approval, said.code) == (False, True, code)
    assert one.gate.check_action(DEPLOY, {}, approval=approval, requester="bob").allowed


def test_who_asks_may_be_another_than_the_gates_own() -> None:
    one = Approving()
    approval = one.approve({}, by="bot")
    assert one.gate.check_action(DEPLOY, {}, approval=approval).code == "capability.self_approved"
    said = one.gate.check_action(DEPLOY, {}, approval=approval, requester="")
    assert said.code == "capability.no_requester"
    assert one.gate.check_action(DEPLOY, {}, approval=approval, requester="other").allowed


def test_reasons_show_no_host_that_is_made_of_a_key() -> None:
    key = random.Random(7).randbytes(20).hex()  # noqa: S311  a sample
    told: list[Decision] = []
    gate = PolicyGate(allowlist=["api.example.com"], on_decision=told.append)
    said = gate.check_action(NETWORK, {"url": f"https://{key}.other.org/"})
    assert (said.code, key in said.reason) == ("network.not_allowed", False)
    assert ".other.org" in said.reason
    assert key not in str(told)
    own = PolicyGate(policies={"mine": Says(block("mine.no", f"no {key}"))}, policy_timeout=PATIENT)
    assert own.check_action(CODE, COMMAND).reason == "no [...]"
    odd = PolicyGate(policies={"mine": Says(block("mine.no", None))})  # type: ignore[arg-type]
    assert odd.check_action(CODE, COMMAND).code == "policy.fault"
    with pytest.raises(SettingsError) as refused:
        PolicyGate(allowlist=[f"x {key}"])
    assert key not in str(refused.value)


VERSIONS: dict[str, dict[str, Any]] = {
    "another kind is on": {"enable_billing": True},
    "there is an allowlist": {"allowlist": ["api.example.com"]},
    "it is empty": {"allowlist": []},
    "another workspace": {"workspace": "/srv"},
    "there are rates": {"rate_limits": {CODE: "1/day"}},
    "there is a policy": {"policies": {"mine": Says(ALLOWED)}},
}
TEXTS: dict[str, tuple[Policy, Policy]] = {
    "Rego": (RegoPolicy("package stopper\nallow := true"), RegoPolicy("package stopper\nallow := 1 == 1")),
    "Cedar": (CedarPolicy("permit(principal, action, resource);"), CedarPolicy("// more\npermit(principal, action, resource);")),
}  # fmt: skip


@pytest.mark.parametrize(("one", "other"), TEXTS.values(), ids=TEXTS)
def test_another_text_of_a_policy_needs_another_approval(one: Policy, other: Policy) -> None:
    before, after = Approving(policies={"mine": one}), Approving(policies={"mine": other})
    assert before.gate.version == Approving(policies={"mine": one}).gate.version
    said = after.gate.check_action(DEPLOY, {}, approval=before.approve({}))
    assert said.code == "capability.other_policy"


@pytest.mark.parametrize("given", VERSIONS.values(), ids=VERSIONS)
def test_other_rules_need_another_approval(given: dict[str, Any]) -> None:
    before, after = Approving(), Approving(**given)
    assert after.gate.version == Approving(**given).gate.version != before.gate.version
    said = after.gate.check_action(DEPLOY, {}, approval=before.approve({}))
    assert said.code == "capability.other_policy"


def test_an_approval_is_over_one_day() -> None:
    one = Approving()
    approval = one.approve({})
    one.clock.now += HOUR_MS
    assert one.gate.check_action(DEPLOY, {}, approval=approval).code == "capability.expired"


def test_an_approval_lifts_no_block() -> None:
    one, context = Approving(), {"command": "rm -rf /"}
    said = one.gate.check_action(DEPLOY, context, approval=one.approve(context))
    assert (said.requires_approval, said.code) == (False, "command.deletes_tree")


def test_an_approval_allows_a_doubtful_command() -> None:
    one, context = Approving(), {"command": "git push --force"}
    assert one.gate.check_action(CODE, context).requires_approval
    assert one.gate.check_action(CODE, context, approval=one.approve(context, CODE)).allowed


def test_an_approval_that_was_not_needed_is_not_used_up() -> None:
    one = Approving(rate_limits={DEPLOY: "0/day"})
    approval = one.approve({})
    assert one.gate.check_action(DEPLOY, {}, approval=approval).code == "policy.rate_limited"
    assert one.gate.check_action(DEPLOY, {}, approval=approval).code == "policy.rate_limited"


def test_without_a_key_no_approval_counts() -> None:
    gate = PolicyGate(enable_deployments=True)
    said = gate.check_action(DEPLOY, {}, approval=Approving().approve({}))
    assert (said.allowed, said.code) == (False, "capability.no_key")


def test_the_gate_may_have_the_public_half_of_a_key_alone() -> None:
    key = Ed25519PrivateKey.generate()
    one = Approving(approval_key=key.public_key())
    assert one.gate.check_action(DEPLOY, {}, approval=one.approve({}, key=key)).allowed


def test_one_approval_serves_one_of_many_threads() -> None:
    one = Approving()
    approval = one.approve({})
    with ThreadPoolExecutor(8) as pool:
        said = list(
            pool.map(lambda _: one.gate.check_action(DEPLOY, {}, approval=approval), range(64))
        )
    assert sum(decision.allowed for decision in said) == 1


def test_an_approval_is_only_made_for_what_the_gate_takes() -> None:
    who: dict[str, Any] = {"approver": "ann", "version": "1"}
    with pytest.raises(UsageError, match="No such action; use one of: execute_code"):
        issue_approval(KEY, "launch", {}, **who)
    with pytest.raises(UsageError, match="holds a bytes"):
        issue_approval(KEY, DEPLOY, {"a": b""}, **who)
    with pytest.raises(SettingsError, match="lifetime"):
        issue_approval(KEY, DEPLOY, {}, lifetime=timedelta(days=2), **who)
    with pytest.raises(SettingsError, match="approver"):
        issue_approval(KEY, DEPLOY, {}, approver=" ", version="1")


# what is told


def test_every_decision_is_told() -> None:
    told: list[Decision] = []
    secret = ascii_letters[3:23]
    gate = PolicyGate(
        known=KnownValues({"TOKEN": secret}, b"key"),
        policies={"mine": Says(escalate("mine.ask", "ask"))},
        on_decision=told.append,
    )
    cases: list[tuple[Any, Any, str, str | None, str]] = [
        ("execute_code", {"command": "ls"}, "execute_code", "mine", "mine.ask"),
        ("execute_code", {"command": f"echo {secret}"}, "execute_code", "gate", "policy.secret"),
        ("deploy", {}, "deploy", "gate", "policy.disabled"),
        (secret, {}, "unread", "gate", "policy.unknown_action"),
        ("execute_code", {"command": b"ls"}, "unread", "gate", "policy.malformed"),
        ("execute_code", Mapped(), "unread", "gate", "policy.fault"),
    ]
    for action, context, tool, by, code in cases:
        said = gate.check_action(action, context)
        one = told.pop()
        assert (one.phase, one.tool, one.result.stopped_at, one.result.code) == (
            "action", tool, by, code,
        )  # fmt: skip
        assert (one.result.final_verdict, one.result.reason) == (said.verdict, said.reason)
        assert secret not in repr(one)
    assert not told


def test_equal_actions_are_known_by_one_name() -> None:
    told: list[Decision] = []
    gate = PolicyGate(on_decision=[told.append])
    for context in ({"command": "ls", "cwd": "/"}, {"cwd": "/", "command": "ls"}, COMMAND):
        assert gate.check_action(CODE, context).allowed
    assert [one.result.final_verdict for one in told] == ["allow"] * 3
    assert told[0].call == told[1].call != told[2].call


def test_decisions_go_to_the_trail_of_the_guards() -> None:
    rows: list[AuditRow] = []
    trail = AuditTrail(rows.append, run="r", clock=Clock())
    gate = PolicyGate(on_decision=trail)
    gate.check_action(CODE, COMMAND)
    gate.check_action(DEPLOY, {})
    assert [(row.act, row.code) for row in rows] == [
        ("policy", "policy.allow"),
        ("policy", "policy.disabled"),
    ]
    assert rows[1].hash == chain_hash(rows[0].hash, replace(rows[1], hash=""))


def test_what_nobody_can_record_may_not_happen() -> None:
    def fail(_decision: Decision) -> None:
        raise OSError("full")

    said = PolicyGate(on_decision=fail).check_action(CODE, COMMAND)
    assert (said.allowed, said.requires_approval, said.code) == (False, False, "policy.unrecorded")


# rates


def test_each_kind_has_a_rate_of_its_own() -> None:
    clock = Clock()
    gate = PolicyGate(rate_limits={"execute_code": "2/minute", NETWORK: "1/hour"}, clock=clock)
    web = {"url": "https://example.com"}
    assert [gate.check_action(CODE, COMMAND).allowed for _ in range(3)] == [True, True, False]
    assert [gate.check_action(NETWORK, web).allowed for _ in range(2)] == [True, False]
    clock.now += 60_000_000_000
    assert gate.check_action(CODE, COMMAND).allowed
    assert gate.check_action(NETWORK, web).code == "policy.rate_limited"


def test_what_is_refused_does_not_count() -> None:
    gate = PolicyGate(rate_limits={CODE: "1/day"})
    assert not gate.check_action(CODE, {"command": "rm -rf /"}).allowed
    assert gate.check_action(CODE, COMMAND).allowed


def test_threads_share_a_rate() -> None:
    gate = PolicyGate(rate_limits={CODE: "10/day"})
    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(lambda _: gate.check_action(CODE, COMMAND).allowed, range(100)))
    assert sum(said) == 10


# policies


SAID = {
    # what the policy says         allowed, approval, code
    "it allows":   (ALLOWED,                    (True, False, "")),
    "it forbids":  (block("mine.no", "no"),     (False, False, "mine.no")),
    "it asks":     (escalate("mine.ask", "?"),  (False, True, "mine.ask")),
}  # fmt: skip


@pytest.mark.parametrize(("decision", "expected"), SAID.values(), ids=SAID)
def test_a_policy_forbids_more(decision: PolicyDecision, expected: tuple[bool, bool, str]) -> None:
    said = PolicyGate(policy_timeout=PATIENT, policies={"mine": Says(decision)}).check_action(
        CODE, COMMAND
    )
    assert (said.allowed, said.requires_approval, said.code) == expected


def test_a_policy_never_allows_more() -> None:
    policy = Says(ALLOWED)
    gate = PolicyGate(policy_timeout=PATIENT, policies={"mine": policy})
    assert gate.check_action(CODE, {"command": "rm -rf /"}).code == "command.deletes_tree"
    assert gate.check_action(DELETE, {"path": "x"}).requires_approval
    assert [action.type for action in policy.asked] == [DELETE], (
        "what is blocked is not asked about"
    )


def test_a_policy_that_fails_forbids_and_quotes_nothing() -> None:
    said = PolicyGate(policy_timeout=PATIENT, policies={"mine": Fails()}).check_action(
        CODE, COMMAND
    )
    assert (said.allowed, said.code) == (False, "policy.failed")
    assert said.reason == "Policy mine failed (KeyError)"


def test_a_policy_cannot_change_what_another_sees() -> None:
    last, context = Says(ALLOWED), dict(COMMAND)
    gate = PolicyGate(policy_timeout=PATIENT, policies={"first": Meddles(), "last": last})
    assert gate.check_action(CODE, context).allowed
    assert last.asked[0].context == context == COMMAND


def test_a_policy_that_is_late_forbids_until_it_has_answered() -> None:
    go, asked = threading.Event(), threading.Event()

    class Late:
        def decide(self, _: Action) -> PolicyDecision:
            asked.set()
            go.wait(60)
            return ALLOWED

    gate = PolicyGate(policies={"mine": Late()}, policy_timeout=timedelta(milliseconds=50))
    assert gate.check_action(CODE, COMMAND).code == "policy.late"
    assert asked.wait(60)
    threads = threading.active_count()
    assert [gate.check_action(CODE, COMMAND).code for _ in range(20)] == ["policy.late"] * 20
    assert threading.active_count() == threads, "nobody else is kept waiting"
    go.set()
    for thread in threading.enumerate():
        if thread.name == "policy mine":
            thread.join(60)
    assert gate.check_action(CODE, COMMAND).allowed


async def _later(decision: object) -> None:
    """An observer that would record nothing."""


def test_an_observer_that_nobody_awaits_is_refused() -> None:
    with pytest.raises(SettingsError, match="on_decision"):
        PolicyGate(on_decision=_later)  # type: ignore[arg-type]
