"""An order's nudge reaches the run that listens, and only that one."""

import asyncio
from pathlib import Path

from stopper.control.orders import listen, wake


def test_a_nudge_is_heard_at_once(tmp_path: Path) -> None:
    async def go() -> None:
        heard = asyncio.Event()
        with listen(tmp_path, "one", heard.set):
            await asyncio.wait_for(heard.wait(), 5)  # the first look, without a nudge
            heard.clear()
            assert wake(tmp_path, "one")
            await asyncio.wait_for(heard.wait(), 5)

    asyncio.run(go())


def test_a_folder_with_a_very_long_name_works(tmp_path: Path) -> None:
    home = tmp_path / ("x" * 120)

    async def go() -> None:
        with listen(home, "one", lambda: None):
            assert wake(home, "one")

    asyncio.run(go())


def test_nobody_listens(tmp_path: Path) -> None:
    assert not wake(tmp_path, "gone")


def test_a_socket_left_by_a_killed_run_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "one.sock").touch()

    async def go() -> None:
        with listen(tmp_path, "one", lambda: None):
            assert wake(tmp_path, "one")
        assert not wake(tmp_path, "one")

    asyncio.run(go())
