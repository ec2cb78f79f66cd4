import pytest

from stopper.detect.commands import is_dangerous, judge_command

CALLS = {
    # what is tried, a command, and whether it is dangerous
    "a machine's key, for all to read":      ("chmod 0644 /etc/ssh/ssh_host_ed25519_key", True),
    "the half of it that all may read":      ("chmod 644 /etc/ssh/ssh_host_ed25519_key.pub", False),
    "a server's key, for all to read":       ("chmod 644 /etc/ssl/private/server.key", True),
    "a server's key, for its group":         ("chmod 640 /etc/ssl/private/server.key", False),
    "a person's key, for all to read":       ("chmod a+r ~/.ssh/id_rsa", True),
    "a person's key, as it should be":       ("chmod 600 ~/.ssh/id_rsa", False),
    "passwords, as they should be":          ("chmod 640 /etc/shadow", False),
    "passwords, for all to read":            ("chmod 644 /etc/shadow", True),
    "rights that nobody can read any more":  ("chmod 000 /etc/sudoers", True),
    "all of a store":                        ("hdfs dfs -chmod -R 777 /", True),
    "a result in a store":                   ("hdfs dfs -chmod -R 755 /user/me/out", False),
    "folders that NUL ends":                 ("printf '/usr\\0/lib\\0' | sudo xargs -0 chown -R nobody", True),
}  # fmt: skip


@pytest.mark.parametrize(("command", "dangerous"), CALLS.values(), ids=CALLS)
def test_permissions(command: str, dangerous: bool) -> None:
    """Keys stay with their owners; what is as it should be is no change to look at."""
    assert is_dangerous(judge_command(command)) is dangerous
