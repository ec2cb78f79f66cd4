"""Whatever happens in whatever order, every ledger agrees with a model that only sums."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from msgspec import Struct

from stopper.core.budget import Budget, Enforce, Unit, Window, governing, window_start
from stopper.core.hold import Denial, Need
from stopper.core.scope import GLOBAL, Scope, ScopeKind, path_of
from stopper.core.usage import Quality, Usage, Weights
from stopper.stores.ledger import Grant, Grow, Hold, Op, Outcome, Release, Run, Settle, UsageRow
from stopper.stores.memory import MemoryLedger
from stopper.stores.sqlite import SqliteLedger

START = datetime(2026, 2, 27, 23, 58, 30, tzinfo=UTC)
LIFETIME = timedelta(minutes=3)
WEIGHTS = Weights(output=1500)
PATHS = {
    "r1": path_of("r1", "a1", "b1", ("p",)),
    "r2": path_of("r2", "a2", "b2", ("p",)),
    "r3": path_of("r3", "a1", "b3"),
}
PROVIDERS = ("anthropic", "openai")

BUDGETS = st.builds(
    Budget,
    st.sampled_from([GLOBAL, *(Scope(ScopeKind.BOTTLE, b) for b in ("b1", "p")), PATHS["r1"][1]]),
    st.sampled_from(Unit),
    st.integers(0, 400),
    st.sampled_from(Window),
    st.sampled_from([None, *PROVIDERS]),
)
NEEDS = st.builds(
    Need,
    st.integers(0, 40),
    st.integers(0, 40),
    st.sampled_from([0, 1000, 1500]),
    st.sampled_from([0, 700_000, 2_000_000]),
    st.sampled_from([True, True, True, False]),
)
PAUSES = st.sampled_from([0, 1, 29, 61, 179, 180, 86_400]).map(lambda s: timedelta(seconds=s))


class Part(Struct):
    """A hold, or the row that stands for it."""

    run: str
    provider: str
    created: datetime
    tokens: int
    micros: int | None
    output: int = 0
    expires: datetime = START
    ending: str = ""
    quality: Quality = Quality.UNKNOWN

    def amount(self, unit: Unit) -> int:
        return self.tokens if unit is Unit.TOKENS else self.micros or 0


class Model:
    """The ledger as one would write it down: holds, rows, budgets, and sums over them."""

    def __init__(self, enforce: Enforce) -> None:
        self.enforce = enforce
        self.holds: dict[str, Part] = {}
        self.rows: dict[str, Part] = {}
        self.budgets: dict[str, Budget] = {}
        self.written = 0

    def account(self, budget: Budget, now: datetime) -> tuple[int, int]:
        start = window_start(budget.window, now)

        def total(parts: dict[str, Part]) -> int:
            return sum(
                part.amount(budget.unit)
                for part in parts.values()
                if budget.scope in PATHS[part.run]
                and budget.provider in (None, part.provider)
                and window_start(budget.window, part.created) == start
            )

        return total(self.rows), total(self.holds)

    def fits(self, part: Part, need: Need, output: int, *, settled: bool = False) -> bool:
        """Whether a request fits beside all other holds, or, `settled`, if those took nothing."""
        binding = governing(self.budgets.values(), PATHS[part.run], part.provider, self.enforce)
        for budget in binding:
            spent, held = self.account(budget, part.created)
            taken = spent if settled else spent + held
            if budget.unit is Unit.MICROS and not need.priced:
                return False
            if taken + need.amount(budget.unit, output) > budget.limit:
                return False
        return True

    def apply(self, op: Op, now: datetime) -> Outcome | str:
        """The outcome; of a denial only whether it may be worth waiting."""
        match op:
            case Hold():
                return self.hold(op, now)
            case Grow():
                return self.grow(op)
            case Settle(row):
                self.settle(row, now)
            case Release():
                if not self.holds.pop(op.id, None) and self.lost(op.id):
                    self.put(op.id, 0, 0, "unsent", Quality.MEASURED)
        return None

    def hold(self, op: Hold, now: datetime) -> Outcome | str:
        old = self.holds.get(op.id)
        if old is not None:
            return Grant(op.id, old.output, old.tokens, old.micros or 0)
        part = Part(op.run, op.provider, now, 0, None, expires=now + LIFETIME)
        floor = min(op.least, op.asked)
        for output in range(op.asked, floor - 1, -1):
            if self.fits(part, op.need, output):
                part.output = output
                part.tokens = op.need.amount(Unit.TOKENS, output)
                part.micros = op.need.amount(Unit.MICROS, output) if op.need.priced else None
                self.holds[op.id] = part
                return Grant(op.id, output, part.tokens, op.need.amount(Unit.MICROS, output))
        return f"waiting: {self.fits(part, op.need, floor, settled=True)}"

    def grow(self, op: Grow) -> Outcome | str:
        part = self.holds.pop(op.id, None)
        if part is None:
            return None
        held = part.micros or 0
        need = Need(max(op.tokens, part.tokens), max(op.micros, held), 0, 0)
        fits = self.fits(part, need, 0)
        waiting = self.fits(part, need, 0, settled=True)
        self.holds[op.id] = part
        if not fits:
            return f"waiting: {waiting}"
        part.tokens = need.tokens
        part.micros = None if part.micros is None and not need.micros else need.micros
        return Grant(op.id, 0, need.tokens, need.micros)

    def settle(self, row: UsageRow, now: datetime) -> None:
        hold = self.holds.pop(row.hold, None)
        if hold is not None:
            self.rows[row.hold] = Part(row.run, row.provider, hold.created, 0, 0)
        elif row.hold not in self.rows:
            self.rows[row.hold] = Part(row.run, row.provider, now, 0, 0)
        elif not self.lost(row.hold):
            return
        tokens = WEIGHTS.tokens(row.usage)
        self.put(row.hold, tokens, row.micros, row.ending, row.usage.quality)

    def expire(self, now: datetime) -> list[str]:
        over = [id_ for id_, part in self.holds.items() if part.expires <= now]
        for id_ in over:
            part = self.rows[id_] = self.holds.pop(id_)
            self.put(id_, part.tokens, part.micros, "lost", Quality.UNKNOWN)
        return over

    def put(self, id_: str, tokens: int, micros: int | None, ending: str, quality: Quality) -> None:
        part = self.rows[id_]
        part.tokens, part.micros, part.ending, part.quality = tokens, micros, ending, quality
        self.written += 1

    def lost(self, id_: str) -> bool:
        return id_ in self.rows and self.rows[id_].ending == "lost"


class Ledgers(RuleBasedStateMachine):
    """Both back ends beside the model, as one clock goes on."""

    enforce: ClassVar = Enforce.NEAREST

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.now = START
        self.count = 0
        self.model = Model(self.enforce)
        self.memory = MemoryLedger(enforce=self.enforce, weights=WEIGHTS, lifetime=LIFETIME)
        self.sqlite = self.open()
        for id_, path in PATHS.items():
            for ledger in (self.memory, self.sqlite):
                ledger.add_run(Run(id_, str(path[2]), "agent", path, START))

    def open(self) -> SqliteLedger:
        path = Path(self.folder.name) / "stopper.db"
        return SqliteLedger(path, enforce=self.enforce, weights=WEIGHTS, lifetime=LIFETIME)

    def teardown(self) -> None:
        self.sqlite.close()
        self.folder.cleanup()

    @rule(data=st.data(), pause=PAUSES, size=st.integers(1, 5))
    def batch(self, data: st.DataObject, pause: timedelta, size: int) -> None:
        self.now += pause
        ops: list[Op] = []
        expected = []
        for _ in range(size):
            op = self.draw(data)
            ops.append(op)
            expected.append(self.model.apply(op, self.now))
        for ledger in (self.memory, self.sqlite):
            outcomes = ledger.apply(ops, self.now)
            told = [f"waiting: {o.waiting}" if isinstance(o, Denial) else o for o in outcomes]
            assert told == expected

    def draw(self, data: st.DataObject) -> Op:
        known = [*self.model.holds, *self.model.rows]
        kind = data.draw(st.sampled_from(["hold"] * 3 + ["settle"] * 3 + ["grow", "release"]))
        if kind == "hold" or not known:
            repeated = data.draw(st.integers(0, 9)) == 0
            again = [id_ for id_ in self.model.holds if repeated]
            self.count += not again
            id_ = again[-1] if again else f"h{self.count}"
            run = self.model.holds[id_].run if again else data.draw(st.sampled_from([*PATHS]))
            provider = data.draw(st.sampled_from(PROVIDERS))
            asked, least = data.draw(st.integers(0, 60)), data.draw(st.integers(1, 5))
            return Hold(id_, run, provider, "m", data.draw(NEEDS), asked, least)
        id_ = data.draw(st.sampled_from([*known[-8:], "unknown"]))
        if kind == "grow":
            return Grow(id_, data.draw(st.integers(0, 200)), data.draw(st.integers(0, 200)))
        if kind == "release":
            return Release(id_)
        part = self.model.holds.get(id_) or self.model.rows.get(id_)
        usage = Usage(
            input=data.draw(st.integers(0, 40)),
            output=data.draw(st.integers(0, 61)),
            quality=data.draw(st.sampled_from(Quality)),
        )
        return Settle(
            UsageRow(
                id_,
                part.run if part else "r1",
                part.provider if part else "openai",
                "m",
                usage,
                data.draw(st.none() | st.integers(0, 150)),
                self.now,
            )
        )

    @rule(budget=BUDGETS)
    def set_budget(self, budget: Budget) -> None:
        self.model.budgets[budget.key] = budget
        for ledger in (self.memory, self.sqlite):
            ledger.set_budget(budget, self.now)

    @precondition(lambda self: self.model.budgets)
    @rule(data=st.data())
    def drop_budget(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.model.budgets)))
        del self.model.budgets[key]
        for ledger in (self.memory, self.sqlite):
            assert ledger.drop_budget(key, self.now)

    @rule(pause=PAUSES)
    def expire(self, pause: timedelta) -> None:
        self.now += pause
        over = self.model.expire(self.now)
        for ledger in (self.memory, self.sqlite):
            assert sorted(p.hold for p in ledger.expire(self.now)) == sorted(over)

    @precondition(lambda self: self.model.holds)
    @rule(data=st.data())
    def renew(self, data: st.DataObject) -> None:
        ids = data.draw(st.sets(st.sampled_from(sorted(self.model.holds))))
        until = self.now + data.draw(PAUSES)
        for id_ in ids:
            part = self.model.holds[id_]
            part.expires = max(part.expires, until)
        for ledger in (self.memory, self.sqlite):
            ledger.renew(ids, until)

    @precondition(lambda self: self.model.rows)
    @rule(data=st.data(), tokens=st.integers(0, 99), micros=st.none() | st.integers(0, 99))
    def correct(self, data: st.DataObject, tokens: int, micros: int | None) -> None:
        id_ = data.draw(st.sampled_from(sorted(self.model.rows)))
        part = self.model.rows[id_]
        unknown = part.quality is Quality.UNKNOWN
        if unknown:
            charged = WEIGHTS.tokens(Usage(output=tokens))
            self.model.put(id_, charged, micros, part.ending, Quality.ESTIMATED)
        for ledger in (self.memory, self.sqlite):
            assert ledger.correct(id_, tokens, micros, self.now) == unknown

    @rule()
    def reopen(self) -> None:
        self.sqlite.close()
        self.sqlite = self.open()

    @invariant()
    def accounts_are_what_rows_and_holds_add_up_to(self) -> None:
        for moment in (self.now, START):
            expected = {
                key: (budget.limit, *self.model.account(budget, moment))
                for key, budget in self.model.budgets.items()
            }
            for ledger in (self.memory, self.sqlite):
                found = ledger.accounts(None, moment)
                assert {a.budget.key: (a.budget.limit, a.spent, a.held) for a in found} == expected

    @invariant()
    def nothing_is_lost(self) -> None:
        unknown = [i for i, part in self.model.rows.items() if part.quality is Quality.UNKNOWN]
        for ledger in (self.memory, self.sqlite):
            assert ledger.open_holds() == len(self.model.holds)
            assert len(ledger.rows(limit=10**6)) == self.model.written
            assert sorted(pending.hold for pending in ledger.pending()) == sorted(unknown)
            requests = sum(total.requests for total in ledger.totals(["run", "provider"]))
            assert requests == len(self.model.rows)
            assert ledger.verify_audit() is None
        assert self.memory.rows() == self.sqlite.rows()
        assert self.memory.totals(["run", "day"]) == self.sqlite.totals(["run", "day"])
        assert list(self.memory.audit()) == list(self.sqlite.audit())


class LedgersWhereAllBind(Ledgers):
    enforce = Enforce.ALL


Ledgers.TestCase.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
LedgersWhereAllBind.TestCase.settings = Ledgers.TestCase.settings

TestNearest = Ledgers.TestCase
TestAll = LedgersWhereAllBind.TestCase
