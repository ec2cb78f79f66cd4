"""The key of an installation: made once, whole for whoever reads it, and private."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from stopper.control.key import installation_key
from stopper.errors import SettingsError


def test_the_installations_key(tmp_path: Path) -> None:
    """Made once, private, and the same ever after; one that is none is not used."""
    key = installation_key(tmp_path / "state")
    path = tmp_path / "state" / "key"
    assert (len(key), path.stat().st_mode & 0o777) == (32, 0o600)
    assert installation_key(tmp_path / "state") == key
    path.write_bytes(b"short")
    with pytest.raises(SettingsError, match="is no key of 32 bytes"):
        installation_key(tmp_path / "state")
    path.unlink()
    path.mkdir()
    with pytest.raises(SettingsError, match="cannot be kept"):
        installation_key(tmp_path / "state")


def test_those_who_come_at_once_read_the_same(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(installation_key, [tmp_path / "state"] * 32))
    assert len(keys) == 1
    assert [entry.name for entry in (tmp_path / "state").iterdir()] == ["key"]
