"""How tables show what a rule for secrets says: how grave one is, and what makes it sure."""

from typing import Final

from stopper.cli.colour import Style
from stopper.cli.table import Cell

__all__ = ["severity_cell", "sure_by"]

_STYLES: Final = {"critical": Style.RED, "high": Style.RED, "medium": Style.YELLOW}
_SURE: Final = {
    "checked": "checksum", "prefix": "prefix", "generic": "context", "public": "not a secret",
}  # fmt: skip


def severity_cell(severity: str) -> Cell:
    """A severity in its colour."""
    return Cell(severity, _STYLES.get(severity))


def sure_by(tier: str) -> str:
    """What tells a secret of this tier from other texts."""
    return _SURE[tier]
