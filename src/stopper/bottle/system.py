"""The parts of the machine that every bottle shows, neutral stand-ins, and what stays hidden."""

import contextlib
import json
import os
import pwd
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from stopper.bottle.sandbox import Kind, Mount
from stopper.errors import BottleError

__all__ = ["git_identity", "memory_bytes", "sealed_proc", "stand_ins", "system_mounts", "user_name"]

_SECRET_PROC: Final = frozenset(
    {"kcore", "key-users", "keys", "kmsg", "kpagecgroup", "kpagecount", "kpageflags", "vmcore"}
)
_USER_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}")
GIT_SECONDS: Final = 5.0
MAX_SYSTEM_FILES: Final = 200_000

_SHOWN: Final = (
    *("/bin", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/sbin", "/usr"),
    *("/gnu/store", "/nix/store", "/run/current-system", "/snap"),
    *("/var/cache/fontconfig", "/var/lib/ca-certificates", "/var/lib/dpkg", "/var/lib/rpm"),
    *("/sys/devices/system/cpu", "/sys/devices/system/node"),
    "/sys/kernel/mm/transparent_hugepage",
)
_SCRATCH: Final = ("/run", "/tmp", "/var/tmp")  # noqa: S108  the bottle's own

_HIDDEN: Final = ("/etc/machine-id", "/etc/docker", "/etc/kubernetes", "/etc/rancher")
_PRIVATE_WITHIN: Final = ("/etc", "/usr/local/etc")


def system_mounts() -> Iterator[Mount]:
    """Programs, libraries and configuration, read-only; everything else of the root is absent."""
    yield Mount(Kind.PROC, "/proc")
    yield Mount(Kind.DEV, "/dev")
    yield from (Mount(Kind.SCRATCH, path) for path in _SCRATCH)
    yield from _root_links()
    for path in _SHOWN:
        if Path(path).exists() and not Path(path).is_symlink():
            yield Mount(Kind.READ, path, path)
    for path in _HIDDEN:
        yield from _cover(Path(os.path.realpath(path)))
    for folder in _PRIVATE_WITHIN:
        for private in _not_for_others(Path(folder)):
            yield from _cover(private)


def sealed_proc() -> Iterator[Mount]:
    """Read-only covers for what root's own number may write in /proc with no capability at all.

    A bottle that root starts has root's number outside, whatever it shows inside, and the kernel
    asks for nothing more at /proc/sys/kernel/core_pattern, which names a program that it runs
    on the host. Others get no covers: they need none, and a covered /proc forbids a nested one.
    """
    if os.getuid() != 0:
        return
    for path in sorted(Path("/proc").iterdir()):
        if not path.name.isdigit() and not path.is_symlink():
            source = os.devnull if path.name in _SECRET_PROC else str(path)
            yield Mount(Kind.READ, str(path), source)


def stand_ins(user: str, uid: int, home: str) -> Iterator[Mount]:
    """Small files that would tell about this machine, or point to a resolver that is not there."""
    shell = "/bin/bash" if Path("/bin/bash").exists() else "/bin/sh"
    texts = {
        "/etc/passwd": f"root:x:0:0::/:/bin/sh\n{user}:x:{uid}:{uid}::{home}:{shell}\n"
        "nobody:x:65534:65534::/:/bin/sh\n",
        "/etc/group": f"root:x:0:\n{user}:x:{uid}:\nnogroup:x:65534:\n",
        "/etc/hostname": "bottle\n",
        "/etc/hosts": "127.0.0.1 localhost bottle\n::1 localhost\n",
        "/etc/resolv.conf": "# Names are resolved by Stopper's egress; there is no DNS in here.\n"
        "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n",
    }
    for path, text in texts.items():
        yield Mount(Kind.FILE, os.path.realpath(path), data=text.encode())


def user_name(host: Mapping[str, str]) -> str:
    """Who the agent seems to be: the user; never root."""
    if os.getuid() == 0:
        return "agent"
    with contextlib.suppress(KeyError):
        return pwd.getpwuid(os.getuid()).pw_name
    name = host.get("USER", "")
    return name if _USER_NAME.fullmatch(name) else "agent"


def git_identity(host: Mapping[str, str]) -> bytes:
    """A git configuration with the user's name and address, so that an agent can commit.

    Nothing else of the user's own, which may name programs to run and hold credentials.
    """
    lines = []
    for key in ("name", "email"):
        try:
            asked = ["git", "config", "--global", "--get", f"user.{key}"]
            value = subprocess.check_output(asked, env=dict(host), timeout=GIT_SECONDS, text=True)
        except (OSError, subprocess.SubprocessError):
            continue
        lines.append(f"\t{key} = {json.dumps(value.strip(), ensure_ascii=False)}\n")
    return ("[user]\n" + "".join(lines)).encode() if lines else b""


def memory_bytes() -> int:
    """How much memory the machine has."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _cover(path: Path) -> Iterator[Mount]:
    if path.is_dir():
        yield Mount(Kind.SCRATCH, str(path))
    elif path.exists():
        yield Mount(Kind.READ, str(path), os.devnull)


def _not_for_others(folder: Path) -> Iterator[Path]:
    """Files and folders that not everybody may read: passwords and keys of the machine.

    Whoever starts a bottle may be able to, as root or by a group; an agent has no use for them.
    """
    waiting, count = [str(folder)], 0
    while waiting:
        with contextlib.suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                count += 1
                if count > MAX_SYSTEM_FILES:
                    raise BottleError(f"{folder} has more than {MAX_SYSTEM_FILES} files to check")
                if entry.is_symlink():
                    continue
                is_folder = entry.is_dir()
                needed = 0o005 if is_folder else 0o004
                if entry.stat().st_mode & needed != needed:
                    yield Path(entry.path)
                elif is_folder:
                    waiting.append(entry.path)


def _root_links() -> Iterator[Mount]:
    """Links in the root, such as /bin and, on some systems, /home; and /var/run."""
    for path in (*Path("/").iterdir(), Path("/var/run"), Path("/var/lock")):
        if path.is_symlink():
            yield Mount(Kind.LINK, str(path), str(path.readlink()))
