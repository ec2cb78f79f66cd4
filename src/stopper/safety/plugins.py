"""Policies of others: loaded where the settings name them, and never waited for too long."""

import threading
from collections.abc import Mapping
from datetime import timedelta
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Final

from stopper.core.located import MAX_BYTES, meant
from stopper.errors import SettingsError
from stopper.policy.decision import Action, Policy, PolicyDecision, block

__all__ = ["DEFAULT_TIMEOUT", "GROUP", "Watched", "load_policies"]

GROUP: Final = "stopper.policies"
"""The group of entry points that name policies: callables that take the text of a file."""

DEFAULT_TIMEOUT: Final = timedelta(seconds=1)


def load_policies(named: Mapping[str, str], folder: Path = Path()) -> dict[str, Policy]:
    """Load these policies and no others, each with the text of its file, if it has one.

    Names are those of entry points in the group `stopper.policies`, files lie in `folder`; the
    setting `policies` has both. SettingsError says which cannot be loaded, and what to do.
    """
    known = {point.name: point for point in entry_points(group=GROUP)} if named else {}
    return {name: _load(name, file, folder, known) for name, file in named.items()}


class Watched:
    """A policy that forbids when it raises, is late, or gives anything else than a decision.

    Each decision has a thread of its own. While one of them is late still, all further actions are
    forbidden at once, so that no more threads pile up than there are callers.
    """

    def __init__(self, name: str, policy: Policy, timeout: timedelta = DEFAULT_TIMEOUT) -> None:
        if not callable(getattr(policy, "decide", None)):
            raise SettingsError(f"policy {name}: a {type(policy).__name__} has no decide(action)")
        self.name = name
        self._policy = policy
        self._timeout = timeout.total_seconds()
        self._late: threading.Thread | None = None

    def decide(self, action: Action) -> PolicyDecision:
        """What the policy says, or why it said nothing."""
        if self._late is not None and self._late.is_alive():
            return self._refused("policy.late", "has not answered an earlier question yet")
        answers: list[PolicyDecision] = []
        thread = threading.Thread(
            target=lambda: answers.append(self._ask(action)),
            name=f"policy {self.name}",
            daemon=True,
        )
        thread.start()
        thread.join(self._timeout)
        if not answers:
            self._late = thread
            return self._refused("policy.late", "did not answer in time")
        return answers[0]

    def _ask(self, action: Action) -> PolicyDecision:
        try:
            decision = self._policy.decide(action)
        except BaseException as error:  # noqa: BLE001  a policy's fault is a refusal
            return self._refused("policy.failed", f"failed ({type(error).__name__})")
        if not isinstance(decision, PolicyDecision):
            return self._refused("policy.failed", "gave no decision")
        return decision

    def _refused(self, code: str, what: str) -> PolicyDecision:
        return block(code, f"Policy {self.name} {what}")


def _load(name: str, file: str, folder: Path, known: Mapping[str, EntryPoint]) -> Policy:
    if name not in known:
        names = ", ".join(sorted(known)) or "none"
        raise SettingsError(
            f"policy {name}: no installed package has it{meant(name, list(known))}; "
            f"installed: {names}"
        )
    try:
        policy = known[name].load()(_text(name, folder / file) if file else "")
    except SettingsError as error:
        raise SettingsError(f"policy {name}: {error}") from None
    except Exception as error:
        raise SettingsError(f"policy {name}: cannot be loaded ({error!r})") from error
    if not isinstance(policy, Policy):
        raise SettingsError(f"policy {name}: a {type(policy).__name__} has no decide(action)")
    return policy


def _text(name: str, path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(MAX_BYTES + 1)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{path} cannot be read ({type(error).__name__}); give a file"
        ) from None
    if len(text) > MAX_BYTES:
        raise SettingsError(f"{path} is longer than {MAX_BYTES} characters; write less for {name}")
    return text
