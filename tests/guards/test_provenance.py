"""References that cannot be forged or collide, and what is known of them."""

import random
import string
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from stopper.errors import GuardError
from stopper.guards.chain import GuardChain
from stopper.guards.models import EnforcementLevel
from stopper.guards.provenance import ProvenanceConfig, ProvenanceGuard

BLOCK = EnforcementLevel.BLOCK
OUTPUT = {"data": "a text that is long enough to be told from chance"}


def still() -> int:
    return 1_703_001_234_567


def strict(**fields: Any) -> ProvenanceGuard:
    return ProvenanceGuard(clock=still, mode=BLOCK, **fields)


def test_a_reference_names_the_tool_and_the_time() -> None:
    tool, tag, at = strict().record_output("fetch_data", {}, OUTPUT).split(":")
    assert (tool, at) == ("fetch_data", "1703001234567")
    assert len(tag) == 40


def test_equal_outputs_at_one_moment_have_their_own_references() -> None:
    guard = strict()
    assert len({guard.record_output("t", {}, OUTPUT) for _ in range(1000)}) == 1000


def changed(reference: str, at: int) -> str:
    return reference[:at] + ("0" if reference[at] != "0" else "1") + reference[at + 1 :]


def test_no_letter_of_a_reference_can_be_changed() -> None:
    guard = strict()
    reference = guard.record_output("fetch", {}, OUTPUT)
    assert guard.is_genuine(reference)
    assert not [at for at in range(len(reference)) if guard.is_genuine(changed(reference, at))]
    assert not strict().is_genuine(reference), "another process has another key"
    assert not guard.is_genuine(reference + "0")
    assert not guard.is_genuine(None)
    assert not guard.is_genuine("ü:ü:1")


def test_guards_with_one_key_know_each_others_references() -> None:
    one, other = strict(key=b"k" * 32), strict(key=b"k" * 32)
    assert other.is_genuine(one.record_output("a:b", {}, 1))


def test_guards_with_one_key_never_give_one_reference_twice() -> None:
    guards = [strict(key=b"k" * 32) for _ in range(20)]
    made = [guard.record_output("t", {}, OUTPUT) for guard in guards for _ in range(5)]
    assert len(set(made)) == 100
    assert all(guards[0].is_genuine(one) for one in made)


CLAIMS: dict[str, tuple[dict[str, Any], bool]] = {
    # what we try                    arguments                               is refused
    "a forged reference":          ({"ref": "fake:invalid:123"},             True),
    "one below a name":            ({"input_ref": "fake:invalid:123"},       True),
    "one in a list":               ({"parent_refs": ["fake:invalid:123"]},   True),
    "a time of day":               ({"ref": "12:30:45"},                     False),
    "a time of day elsewhere":     ({"at": "12:30:45"},                      False),
    "a branch":                    ({"ref": "main"},                         False),
    "an address with a port":      ({"ref": "[fe80:1::2]:443"},              False),
    "a URL":                       ({"ref": "https://a.example:443/x"},      False),
    "anything said to be one":     ({"_ref": "main"},                        True),
    "a number said to be one":     ({"_ref": 1},                             True),
    "none of them":                ({"_ref": None},                          False),
    "nothing among some":          ({"_ref": [None]},                        True),
    "the same shape elsewhere":    ({"text": "fake:invalid:123"},            False),
    "one in a map":                ({"x": {"ref": "fake:invalid:123"}},      True),
    "one in a list of maps":       ({"x": [{"_ref": "zz"}]},                 True),
    "one in a tuple, deep":        ({"x": ({"y": [[{"a_ref": ["fake:x:1"]}]]},)}, True),
    "one in a mapping":            ({"x": MappingProxyType({"_ref": "zz"})}, True),
    "one as bytes":                ({"x": {"_ref": b"zz"}},                  True),
    "a list said to be of them":   ({"_ref": ["a", 1]},                      True),
    "a map said to be one":        ({"_ref": {"id": "x"}},                   True),
    "a branch in a map":           ({"x": {"ref": "refs/heads/main"}},       False),
    "a schema's reference":        ({"x": {"$ref": "#/a:b:1"}},              False),
    "a map below such a name":     ({"x": {"_source": {"title": "y"}}},      False),
    "no arguments":                ({},                                      False),
}  # fmt: skip


@pytest.mark.parametrize(("args", "is_refused"), CLAIMS.values(), ids=CLAIMS)
def test_claims(args: dict[str, Any], is_refused: bool) -> None:
    assert strict().check("t", args).code == ("provenance.forged" if is_refused else "")


def test_what_is_too_deep_is_not_passed_over() -> None:
    circle: dict[str, Any] = {}
    circle["a"] = circle
    assert strict().check("t", circle).code == "guard.too_much"


def test_a_genuine_reference_passes_wherever_it_stands() -> None:
    guard = strict()
    reference = guard.record_output("fetch", {}, OUTPUT)
    for args in ({"ref": reference}, {"_ref": reference}, {"x": [{"refs": [reference]}]}):
        assert guard.check("t", args).allowed
    guard.reset()
    assert guard.check("t", {"_ref": reference}).allowed, "forgotten, and genuine still"
    assert guard.get_provenance(reference) is None


def test_an_output_that_is_handed_on_has_to_be_attributed() -> None:
    guard = strict(max_unattributed_uses=1)
    reference = guard.record_output("fetch", {}, OUTPUT)
    handed = {"nested": [{"text": OUTPUT["data"]}]}
    assert guard.check("t", {"text": "a text of one's own, as long as any"}).allowed
    assert guard.check("t", handed | {"_ref": reference}).allowed
    assert guard.check("t", handed).allowed, "one use may go without"
    assert guard.check("t", handed).code == "provenance.unattributed"
    assert strict(require_attribution=False).check("t", handed).allowed


def test_lineage() -> None:
    guard = strict()
    one, two = guard.record_output("a", {}, 1), guard.record_output("b", {}, 2)
    child = guard.record_output("c", {}, 3, parent_refs=[one, two, one])
    last = guard.record_output("d", {}, 4, parent_refs=[child, one])
    assert [record["tool"] for record in guard.get_lineage(last)] == ["d", "c", "a", "b"]
    assert guard.get_lineage("fake:invalid:123") == []
    with pytest.raises(GuardError, match="'fake:invalid:123' is no reference"):
        guard.record_output("c", {}, 3, parent_refs=["fake:invalid:123"])
    loose = strict(track_lineage=False)
    parent = loose.record_output("a", {}, 1)
    assert len(loose.get_lineage(loose.record_output("b", {}, 1, [parent]))) == 1


def test_hashes_tell_equal_from_changed_and_nothing_else() -> None:
    guard = strict()
    one = guard.record_output("a", {"x": 1, "y": 2}, OUTPUT)
    two = guard.record_output("a", {"y": 2, "x": 1}, {"data": "other"})
    first, second = guard.get_provenance(one), guard.get_provenance(two)
    assert first
    assert second
    assert first["args_hash"] == second["args_hash"]
    assert first["content_hash"] != second["content_hash"]
    assert guard.is_unchanged(one, OUTPUT)
    assert not guard.is_unchanged(one, {"data": "other"})
    assert OUTPUT["data"] not in repr(first)
    assert first["timestamp"] == still()


def test_history_is_bounded() -> None:
    guard = strict(max_history_size=10)
    references = [guard.record_output("a", {}, f"{number:020}") for number in range(1000)]
    assert [guard.get_provenance(one) is not None for one in references] == [False] * 990 + [
        True
    ] * 10
    assert guard.check("t", {"text": f"{0:020}"}).allowed
    assert guard.check("t", {"text": f"{999:020}"}).blocked


def test_odd_outputs_are_recorded() -> None:
    guard = strict()
    circle: list[Any] = []
    circle.append(circle)
    for output in (circle, object(), None, b"\xff", "\ud800" * 20, {1: {2: 3}}):
        assert guard.is_genuine(guard.record_output("\ud800", {}, output))


def test_in_a_chain_outputs_are_recorded_with_their_parents() -> None:
    guard = ProvenanceGuard()
    chain = GuardChain([guard])
    first = chain.check_output("fetch", {}, OUTPUT).details["provenance"]["ref"]
    with chain.guarded("use", {"ref": first}) as call:
        call.finish(7)
    last = chain.check_output("use", {"ref": first}, 8).details["provenance"]["ref"]
    assert [record["tool"] for record in guard.get_lineage(last)] == ["use", "fetch"]


def test_levels() -> None:
    forged = {"ref": "fake:invalid:123"}
    assert ProvenanceGuard().check("t", forged).warned, "as documented, it warns by default"
    off = ProvenanceGuard(ProvenanceConfig(mode=EnforcementLevel.OFF))
    assert off.check("t", forged).verdict.value == "allow"
    assert off.check_output("t", {}, 1).details == {}


def test_what_cannot_be_told_apart_is_not_taken_for_unchanged() -> None:
    guard = ProvenanceGuard()

    def bomb() -> list[Any]:
        value: list[Any] = ["x"]
        for _ in range(60):
            value = [value, value]
        return value

    for output in (object(), {"n": Path("x")}, "\ud800", bomb()):
        reference = guard.record_output("t", {}, output)
        assert not guard.is_unchanged(reference, output)
    reference = guard.record_output("t", {}, {"n": 2**70})
    assert guard.is_unchanged(reference, {"n": 2**70})
    assert not guard.is_unchanged(reference, {"n": 2**71})


def test_no_parent_passes_behind_many_others() -> None:
    guard = ProvenanceGuard()
    parent = guard.record_output("t", {}, "x")
    with pytest.raises(GuardError):
        guard.record_output("t", {}, "y", [parent] * 200 + ["t:0:1"])


def test_a_key_that_stands_for_a_tool_is_in_no_reference() -> None:
    key = "ghp_" + "".join(random.choices(string.ascii_letters + string.digits, k=36))  # noqa: S311
    guard = ProvenanceGuard(mode=BLOCK)
    reference = guard.check_output(key, {}, OUTPUT).details["ref"]
    assert reference.startswith("[...]:")
    assert guard.is_genuine(reference)
    assert key not in repr(guard.get_provenance(reference))
    assert guard.check("t", {"ref": reference}).allowed
    other = ProvenanceGuard(mode=BLOCK).check_output(key, {}, OUTPUT).details["ref"]
    assert guard.check("t", {"ref": other}).code == "provenance.forged"
