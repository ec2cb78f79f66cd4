"""Policies are found by their names, and only those that were named."""

import sys
from datetime import timedelta
from pathlib import Path

import pytest

from stopper.core.located import MAX_BYTES
from stopper.errors import SettingsError
from stopper.policy.cedar import CedarPolicy
from stopper.policy.decision import ActionType
from stopper.policy.rego import RegoPolicy
from stopper.safety import PolicyGate, load_policies

PLUGIN = """
class Mine:
    def __init__(self, text):
        self.text = text

    def decide(self, action):
        from stopper.safety import PolicyDecision
        return PolicyDecision(False, self.text, code="mine.no")

class Broken:
    def __init__(self, text):
        raise RuntimeError("no")

class Mute:
    def __init__(self, text):
        pass
"""
POINTS = """[stopper.policies]
mine = {module}:Mine
broken = {module}:Broken
mute = {module}:Mute
gone = {module}_that_is_not_there:Mine
"""


@pytest.fixture(name="folder")
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package with four policies, of which one works."""
    module = f"installed_policy_{tmp_path.name}"
    (tmp_path / f"{module}.py").write_text(PLUGIN, encoding="utf-8")
    info = tmp_path / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(POINTS.format(module=module))
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_without_names_nothing_is_loaded(folder: Path) -> None:
    assert load_policies({}, folder) == {}
    assert not [name for name in sys.modules if name.startswith("installed_policy")]


def test_a_policy_of_another_package_decides(folder: Path) -> None:
    (folder / "mine.txt").write_text("not on my watch", encoding="utf-8")
    policies = load_policies({"mine": "mine.txt"}, folder)
    gate = PolicyGate(policies=policies, policy_timeout=timedelta(minutes=1))
    said = gate.check_action(ActionType.EXECUTE_CODE, {"command": "ls"})
    assert (said.allowed, said.reason, said.code) == (False, "not on my watch", "mine.no")


def test_a_policy_may_need_no_file(folder: Path) -> None:
    assert list(load_policies({"mine": ""}, folder)) == ["mine"]


def test_both_kinds_of_policy_as_code_are_installed(tmp_path: Path) -> None:
    (tmp_path / "a.cedar").write_text("permit(principal, action, resource);", encoding="utf-8")
    (tmp_path / "b.rego").write_text("package stopper\nallow := true", encoding="utf-8")
    loaded = load_policies({"cedar": "a.cedar", "rego": "b.rego"}, tmp_path)
    assert [type(one) for one in loaded.values()] == [CedarPolicy, RegoPolicy]


FAULTS = {
    # name, file                                 what the error says
    "an unknown name":       ("cedr", "",        r"policy cedr: no installed package has it.*cedar"),
    "one that breaks":       ("broken", "",      r"policy broken: cannot be loaded"),
    "one that is no policy": ("mute", "",        r"policy mute: a Mute has no decide"),
    "one that is not there": ("gone", "",        r"policy gone: cannot be loaded"),
    "a file that is gone":   ("mine", "x.txt",   r"policy mine: .*x\.txt cannot be read"),
    "a folder for a file":   ("mine", ".",       r"policy mine: .* cannot be read"),
    "a file of bytes":       ("mine", "bytes",   r"policy mine: .*bytes cannot be read"),
    "a file that is too long": ("mine", "long",  r"policy mine: .*long is longer than"),
    "a policy that does not read": ("rego", "bytes.rego", r"policy rego: no Rego policy that reads"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "file", "said"), FAULTS.values(), ids=FAULTS)
def test_what_cannot_be_loaded_is_a_clear_error(
    folder: Path, name: str, file: str, said: str
) -> None:
    (folder / "bytes").write_bytes(b"\xff")
    (folder / "bytes.rego").write_bytes(b"allow if {")
    (folder / "long").write_text("x" * (MAX_BYTES + 1))
    with pytest.raises(SettingsError, match=said):
        load_policies({name: file}, folder)


def test_a_library_that_is_missing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cedarpy", None)
    with pytest.raises(SettingsError, match=r"policy cedar: .*pip install 'stopper\[cedar\]'"):
        load_policies({"cedar": ""}, tmp_path)
