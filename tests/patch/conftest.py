"""What the tests of changes share: a project to change."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The present folder, where the backups go too."""
    place = tmp_path / "project"
    place.mkdir()
    monkeypatch.chdir(place)
    for name in ("STOPPER_BACKUP_DIR", "STOPPER_MAX_SIZE_INCREASE"):
        monkeypatch.delenv(name, raising=False)
    return place
