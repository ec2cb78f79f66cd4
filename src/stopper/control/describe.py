"""What a planned run may do, in plain words: what `--dry-run` prints."""

from collections.abc import Iterator

from stopper.bottle.sandbox import Isolation, Kind
from stopper.control.home import Home
from stopper.control.planned import Planned
from stopper.core.budget import Budget, Enforce, Unit, Window, format_amount, governing
from stopper.settings import explain

__all__ = ["budget_text", "describe"]

_SETTINGS = frozenset({"budget", "allow", "upstreams"})


def describe(planned: Planned, home: Home) -> list[tuple[str, str, str]]:
    """Rows of what, value and origin: the effective policy, nothing left out."""
    return [*_bottle(planned), *_egress(planned), *_budgets(planned, home), *_settings(planned)]


def budget_text(budget: Budget) -> str:
    """`200,000 tokens a day of anthropic`."""
    noun = " tokens" if budget.unit is Unit.TOKENS else ""
    window = "" if budget.window is Window.LIFETIME else f" a {budget.window}"
    provider = f" of {budget.provider}" if budget.provider else ""
    return f"{format_amount(budget.unit, budget.limit)}{noun}{window}{provider}"


def _bottle(planned: Planned) -> Iterator[tuple[str, str, str]]:
    plan = planned.plan
    yield "bottle", planned.run.bottle, ""
    yield "agent", plan.profile, ""
    yield "command", " ".join(plan.command), ""
    yield "isolation", plan.isolation, ""
    if plan.isolation is Isolation.OBSERVE:
        return
    yield "workspace", plan.workspace, ""
    for mount in plan.mounts:
        if mount.kind is Kind.WRITE and mount.target != plan.workspace:
            yield "may write", mount.target, ""
    shown = [mount for mount in plan.mounts if mount.kind is Kind.READ]
    yield "may read", ", ".join(m.target for m in shown if m.source == m.target), ""
    yield "hidden in it", ", ".join(m.target for m in shown if m.source != m.target), ""
    yield "nested sandboxes", "allowed" if plan.userns else "not allowed", ""
    yield "variables", ", ".join(sorted(plan.environment)), ""


def _egress(planned: Planned) -> Iterator[tuple[str, str, str]]:
    for name, mount in planned.table.mounts.items():
        credential = mount.credential
        key = (
            "the agent's own"
            if credential is None
            else ("put in" if credential.secret else "missing")
        )
        yield "provider", f"{name} at {mount.base}, key: {key}", ""
    for rule in planned.table.rules:
        yield "may reach", str(rule), planned.settings.origins.get("allow", "")
    yield "anything else", "refused", ""


def _budgets(planned: Planned, home: Home) -> Iterator[tuple[str, str, str]]:
    known = {budget.key: budget for budget in home.ledger.budgets()}
    known |= {budget.key: budget for budget in (*planned.settings.budget, *planned.budgets)}
    for name in planned.table.mounts:
        found = governing(known.values(), planned.run.path, name, planned.settings.enforce)
        text = ", ".join(f"{budget_text(budget)} ({budget.scope})" for budget in found)
        yield f"governs {name}", text or "no budget: metered only", ""
    if planned.settings.enforce is Enforce.ALL:
        yield "enforce", "all budgets on the path bind", ""


def _settings(planned: Planned) -> Iterator[tuple[str, str, str]]:
    for row in explain(planned.settings):
        if row.name not in _SETTINGS:
            yield row.name, row.value, row.origin
