"""What every bottle shows of the machine, and what it never does."""

import os
import subprocess
from pathlib import Path

import pytest

from stopper.bottle.sandbox import Kind, arrange, source_of
from stopper.bottle.system import (
    git_identity,
    memory_bytes,
    sealed_proc,
    stand_ins,
    system_mounts,
    user_name,
)

MOUNTS = arrange([*system_mounts(), *stand_ins("me", 1000, "/home/me")])

PATHS = {
    # path                             shown
    "/usr/bin/env":                    True,
    "/etc/nsswitch.conf":              True,
    "/etc/shadow":                     False,
    "/etc/passwd":                     False,
    "/etc/resolv.conf":                False,
    "/etc/machine-id":                 False,
    "/run/docker.sock":                False,
    "/var/lib/docker":                 False,
    "/var/log/syslog":                 False,
    "/home/other/file":                False,
    "/root/.ssh/id":                   False,
    "/srv/data":                       False,
    "/mnt/disk":                       False,
    "/boot/vmlinuz":                   False,
    "/sys/class/dmi/id/product_uuid":  False,
    "/dev/sda":                        False,
    "/proc/1/environ":                 False,
}  # fmt: skip


@pytest.mark.parametrize(("path", "shown"), PATHS.items(), ids=PATHS)
def test_paths(path: str, shown: bool) -> None:
    """Programs and configuration, and nothing of anybody's data."""
    assert (source_of(path, MOUNTS) == path) == shown


def test_nothing_of_the_system_is_writable() -> None:
    """Every bind of the host is read-only."""
    assert not [mount for mount in MOUNTS if mount.kind is Kind.WRITE]


def test_what_not_everybody_may_read_is_covered() -> None:
    """Passwords and keys of the machine, also where whoever starts the bottle may read them."""
    for folder, folders, names in os.walk("/etc"):
        for name in names:
            path = Path(folder, name)
            if not path.is_symlink() and not path.stat().st_mode & 0o004:
                assert source_of(str(path), MOUNTS) != str(path)
        folders[:] = [
            name for name in folders if Path(folder, name).stat().st_mode & 0o005 == 0o005
        ]


def test_stand_ins_tell_nothing_of_this_machine() -> None:
    """Neither its name nor its users nor its resolver."""
    told = {m.target: m.data.decode() for m in stand_ins("me", 1000, "/home/me")}
    passwd = told[os.path.realpath("/etc/passwd")]
    assert [line.split(":")[0] for line in passwd.splitlines()] == ["root", "me", "nobody"]
    assert "me:x:1000:1000::/home/me:" in passwd
    assert "nameserver 127.0.0.1\n" in told[os.path.realpath("/etc/resolv.conf")]
    assert os.uname().nodename not in "".join(told.values()) or os.uname().nodename == "bottle"


@pytest.mark.skipif(os.getuid() != 0, reason="only root's bottles need it")
def test_root_gets_a_sealed_proc() -> None:
    """Everything in /proc that is no process, and no link to one, is read-only."""
    sealed = {mount.target: mount for mount in sealed_proc()}
    assert all(mount.kind is Kind.READ for mount in sealed.values())
    assert "/proc/sys" in sealed
    assert "/proc/self" not in sealed
    assert sealed["/proc/keys"].source == os.devnull


@pytest.mark.skipif(os.getuid() == 0, reason="root's bottles are another row")
def test_others_get_a_plain_proc() -> None:
    """A covered /proc would forbid an agent's own sandbox to have one."""
    assert list(sealed_proc()) == []


def test_git_identity_is_all_that_passes(tmp_path: Path) -> None:
    """A name with quotes survives; programs to run and credentials stay outside."""
    host = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    if git_identity(host) == b"" and subprocess.run(["git", "--version"], check=False).returncode:
        pytest.skip("git is not installed")
    (tmp_path / ".gitconfig").write_text(
        '[user]\n\tname = "A \\"B\\" Ü"\n\temail = a@example.com\n[credential]\n\thelper = evil\n'
    )
    (tmp_path / "made").write_bytes(git_identity(host))
    assert b"evil" not in git_identity(host)
    asked = ["git", "config", "--file", str(tmp_path / "made"), "--get", "user.name"]
    assert subprocess.check_output(asked, text=True).strip() == 'A "B" Ü'


def test_no_git_identity(tmp_path: Path) -> None:
    """Without a name there is no file at all; without git neither."""
    assert git_identity({"HOME": str(tmp_path), "PATH": os.environ["PATH"]}) == b""
    assert git_identity({"HOME": str(tmp_path), "PATH": str(tmp_path)}) == b""


def test_user_name() -> None:
    """Root is never named as such."""
    assert user_name({"USER": "root"}) != "root"


def test_memory() -> None:
    """More than a megabyte."""
    assert memory_bytes() > 1 << 20
