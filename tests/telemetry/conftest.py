"""What these tests share: a clock that stands where it is put, and a ledger."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stopper.telemetry import TokenLedger
from stopper.testing.clock import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def opened(tmp_path: Path, clock: Clock) -> Callable[..., TokenLedger]:
    """Opens the one ledger of a test, as often as it is called."""

    def make(**options: Any) -> TokenLedger:
        given = {"clock": clock, "environ": {}, **options}
        return TokenLedger(tmp_path / "kept" / "usage.jsonl", **given)

    return make
