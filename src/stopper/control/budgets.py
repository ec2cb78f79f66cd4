"""Budgets as people write them: set, listed with what is left, removed."""

from datetime import datetime

from msgspec import Struct

from stopper.control.suggest import did_you_mean, listed
from stopper.core.budget import Budget, Unit, Window, format_amount, window_end
from stopper.core.hold import Account
from stopper.core.scope import Scope, ScopeKind
from stopper.errors import SettingsError, UsageError
from stopper.settings import Names, parse_budget
from stopper.stores.ledger import Ledger, Run

__all__ = [
    "BudgetReport",
    "budget_text",
    "drop_budgets",
    "list_budgets",
    "nobody_named",
    "parse_scope",
    "read_budget",
    "set_budget",
]


class BudgetReport(Struct, frozen=True):
    """A budget's account in its window, and when the next window starts.

    `bottle` is the name of a run's bottle. `over` is true for a run that will use no more of it.
    """

    account: Account
    renewed: datetime | None
    bottle: str | None = None
    over: bool = False


def parse_scope(text: str) -> Scope:
    """Read a scope; raises UsageError saying what is allowed, and what may have been meant."""
    try:
        return Scope.parse(text)
    except ValueError as error:
        _, colon, name = text.partition(":")
        known = {f"{kind}{colon}{name}" for kind in ScopeKind} - {text}
        raise UsageError(f"{error}.{did_you_mean(text, known)}") from None


def read_budget(scope: str, amount: str, provider: str | None, names: Names) -> Budget:
    """Read `bottle:fox` with `5M/day` or `claude=5M/day`; raises UsageError or SettingsError."""
    where = parse_scope(scope)
    if provider is not None:
        if "=" in amount:
            raise UsageError(f"{amount!r} names a provider, and so does --provider: keep one")
        amount = f"{provider}={amount}"
    try:
        return parse_budget(amount, where, names, "AMOUNT")
    except SettingsError as error:
        raise UsageError(f"{error}{_eaten(amount)}") from None


def budget_text(budget: Budget) -> str:
    """`200,000 tokens a day of anthropic`."""
    noun = " tokens" if budget.unit is Unit.TOKENS else ""
    window = "" if budget.window is Window.LIFETIME else f" a {budget.window}"
    provider = f" of {budget.provider}" if budget.provider else ""
    return f"{format_amount(budget.unit, budget.limit)}{noun}{window}{provider}"


def set_budget(ledger: Ledger, budget: Budget, now: datetime) -> Account:
    """Add a budget, or change its limit; gives its account."""
    ledger.set_budget(budget, now)
    accounts = {account.budget.key: account for account in ledger.accounts(None, now)}
    return accounts[budget.key]


def list_budgets(ledger: Ledger, now: datetime) -> list[BudgetReport]:
    """All budgets, by key, those of runs that are over included."""
    newest: dict[Scope, Run] = {}
    for run in ledger.runs():
        newest.setdefault(run.path[0], run)
    return [
        _report(account, newest.get(account.budget.scope), now)
        for account in ledger.accounts(None, now)
    ]


def drop_budgets(ledger: Ledger, what: str, now: datetime) -> list[Budget]:
    """Remove the budget with this key, or all of this scope; raises UsageError where none is."""
    budgets = ledger.budgets()
    doomed = [b for b in budgets if what in (b.key, str(b.scope))]
    if not doomed:
        keys = [b.key for b in budgets]
        meant = did_you_mean(what, [*keys, *(str(b.scope) for b in budgets)])
        have = f"Set are: {listed(keys)}." if keys else "None is set."
        raise UsageError(f"There is no budget {what!r}.{meant} {have}")
    return [b for b in doomed if ledger.drop_budget(b.key, now)]


def nobody_named(ledger: Ledger, scope: Scope) -> str | None:
    """A warning where nothing has run in a scope yet, because its name may be mistyped."""
    if scope.kind is ScopeKind.GLOBAL:
        return None
    known = {s.name for run in ledger.runs() for s in run.path if s.kind is scope.kind}
    if scope.name in known:
        return None
    return (
        f"No {scope.kind} {scope.name!r} has run yet; the budget waits for it."
        f"{did_you_mean(scope.name, known)}"
    )


def _report(account: Account, run: Run | None, now: datetime) -> BudgetReport:
    renewed = window_end(account.budget.window, now)
    if run is None:
        return BudgetReport(account, renewed)
    over = run.ended is not None and run.status != "frozen"
    return BudgetReport(account, renewed, run.bottle, over)


def _eaten(amount: str) -> str:
    """What to say when a shell took `$2` out of `$2.50`."""
    if not amount.rpartition("=")[2].startswith("."):
        return ""
    return ". If it began with a dollar sign, the shell took it: use single quotes, as in '$2.50'"
