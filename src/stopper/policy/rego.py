"""A policy written in Rego, decided by regopy: `pip install 'stopper[rego]'`."""

from hashlib import sha256
from typing import Any, Final

from stopper.errors import SettingsError
from stopper.policy.decision import ALLOWED, Action, PolicyDecision, block, escalate

__all__ = ["RegoPolicy"]

_PACKAGE: Final = "stopper"


class RegoPolicy:
    """Decides by the Rego package `stopper`.

    `input` has `action`, such as `"deploy"`, and `context`. `allow` has to be true. Each text in
    `deny` forbids, each in `escalate` asks a person, and is what is told. What is undefined, or
    has more than one value, forbids.
    """

    def __init__(self, text: str) -> None:
        """Compile the policy.

        SettingsError where it does not read, is in another package, or regopy is missing.
        """
        try:
            import regopy  # noqa: PLC0415  an extra
        except ImportError:
            raise SettingsError("Rego policies need regopy: pip install 'stopper[rego]'") from None
        self._regopy = regopy
        reader = self._interpreter()
        try:
            reader.add_module(_PACKAGE, text)
            self._bundle = reader.build(f"found=data.{_PACKAGE}")
        except regopy.RegoError as error:
            raise SettingsError(f"no Rego policy that reads: {error}") from None
        output = reader.query_bundle(self._bundle)
        if output.ok() and not (output.results and output.results[0].bindings):
            raise SettingsError(
                f"a Rego policy of another package decides nothing: begin with `package {_PACKAGE}`"
            )
        self.version = sha256(text.encode()).hexdigest()

    def decide(self, action: Action) -> PolicyDecision:
        """What the policy says about one action."""
        interpreter = self._interpreter()
        interpreter.set_input({"action": action.type.value, "context": action.context})
        output = interpreter.query_bundle(self._bundle)
        bindings = output.results[0].bindings if output.ok() and output.results else {}
        found = bindings.get("found")
        if not isinstance(found, dict):
            return block("policy.unreadable", "The Rego policy could not be evaluated")
        if denied := _said(found.get("deny")):
            return block("policy.forbidden", denied)
        if found.get("allow") is not True:
            return block("policy.not_permitted", "The Rego policy does not allow this")
        asked = _said(found.get("escalate"))
        return escalate("policy.approval_required", asked) if asked else ALLOWED

    def _interpreter(self) -> Any:
        """One for each decision, since it keeps its input; it writes nothing to the terminal."""
        interpreter = self._regopy.Interpreter()
        interpreter.log_level = self._regopy.LogLevel.NONE
        return interpreter


def _said(texts: Any) -> str:
    """The reasons in a set of texts; anything else but an empty one is a reason as well."""
    if isinstance(texts, list):
        return "; ".join(map(str, texts))
    return "" if texts in (None, False) else str(texts)
