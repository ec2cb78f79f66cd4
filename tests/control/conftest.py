"""What the tests of use cases share: a folder with a ledger, and what has happened in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from stopper.control.home import Home, open_home
from stopper.testing.past import Past


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """An open folder without settings."""
    with open_home({"STOPPER_HOME": str(tmp_path / "state")}) as opened:
        yield opened


@pytest.fixture
def past(home: Home) -> Past:
    """Writes into the ledger what has happened before."""
    return Past(home.ledger)
