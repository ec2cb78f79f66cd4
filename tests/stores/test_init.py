"""Where a back end is chosen."""

from collections.abc import Callable
from pathlib import Path

import pytest

from stopper.core.budget import Enforce
from stopper.errors import StoreError
from stopper.stores import open_ledger
from stopper.stores.memory import MemoryLedger
from stopper.stores.sqlite import SqliteLedger

PLACES: dict[str, tuple[Callable[[Path], str | Path], type]] = {
    # what is named        how it is written                      the back end
    "a path":              (lambda folder: folder / "x.db",             SqliteLedger),
    "a path as text":      (lambda folder: f"{folder}/x.db",            SqliteLedger),
    "a path with a colon": (lambda folder: f"{folder}/a:b.db",          SqliteLedger),
    "a URL":               (lambda folder: f"sqlite:{folder}/x.db",     SqliteLedger),
    "a new folder":        (lambda folder: f"{folder}/new/deep/x.db",   SqliteLedger),
    "memory":              (lambda _: "memory:",                        MemoryLedger),
}  # fmt: skip

NOWHERE = ("redis://localhost", "postgres://localhost/x", "sqlite:", "memory:x", "memory:/x", ":x")


@pytest.mark.parametrize(("place", "kind"), PLACES.values(), ids=PLACES)
def test_a_back_end_is_chosen_by_how_its_place_is_written(
    tmp_path: Path, place: Callable[[Path], str | Path], kind: type
) -> None:
    ledger = open_ledger(place(tmp_path), enforce=Enforce.ALL)
    assert isinstance(ledger, kind)
    ledger.close()
    assert (next(tmp_path.rglob("*.db"), None) is None) == (kind is MemoryLedger)


@pytest.mark.parametrize("place", NOWHERE)
def test_a_place_that_cannot_be_says_what_can(place: str) -> None:
    with pytest.raises(StoreError, match="sqlite:PATH or memory:"):
        open_ledger(place)


def test_a_home_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    open_ledger("~/x.db").close()
    assert (tmp_path / "x.db").exists()
