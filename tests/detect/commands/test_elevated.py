import pytest

from stopper.detect.commands import is_dangerous, judge_command

ELEVATED = {
    # what is tried                      command                                          a person?
    "a program that nobody knows":       ("sudo frobnicate /etc",                          True),
    "its version":                       ("sudo frobnicate --version",                     False),
    "a script of the folder":            ("sudo ./fix.sh --help",                          True),
    "what looks":                        ("sudo lsof -i :80",                              False),
    "a verb that looks":                 ("sudo snapper list",                             False),
    "a verb that destroys":              ("sudo snapper delete 1-9",                       True),
    "an option before the verb":         ("sudo apt-get -y -q install jq",                 False),
    "a service that is asked":           ("echo 'show stat' | sudo socat stdio /run/a.sock", False),
    "one asked by another program":      ("echo 'show info' | sudo nc -U /run/a.sock",     False),
    "a service that is told":            ("echo 'set a b' | sudo socat - /run/a.sock",     True),
    "one that is asked and told":        ("echo 'show a; set a b' | sudo socat - /run/a.sock", True),
    "another user":                      ("sudo -u app frobnicate",                        False),
    "behind other wrappers":             ("sudo env A=b nice frobnicate",                  True),
    "another way to all rights":         ("su -c 'frobnicate now'",                        True),
    "another user's login":              ("su - app -c 'frobnicate now'",                  False),
    "code that prints":                  ("sudo python3 -c 'print(1)'",                    False),
    "code that acts":                    ("sudo perl -e 'open F, shift; print F 1' a",     True),
    "code from a pipe":                  ("echo 'file attributes a' | sudo tclsh",         True),
    "fields of a log":                   ("sudo awk '$9 > 499 {print $1}' /var/log/a.log", False),
    "a file that awk writes":            ("sudo awk '{f = $1; print > f}' a",              True),
    "an option that looks":              ("sudo chage --list a",                           False),
    "an option that looks, and another": ("sudo hdparm -I --security-erase a /dev/sda",    True),
    "programs of other owners":          ("sudo find / -perm -4000 -ls",                   False),
    "what they may do":                  ("sudo getcap -r /usr",                           False),
    "a question to a database":          ("sudo sqlite3 /opt/a.db 'select 1'",             False),
    "a change of a database":            ("sudo sqlite3 /opt/a.db 'update a set b = 1'",   True),
}  # fmt: skip


@pytest.mark.parametrize(("command", "needs"), ELEVATED.values(), ids=ELEVATED)
def test_with_all_rights(command: str, needs: bool) -> None:
    """What is not known to be ordinary with all rights needs a person."""
    assert is_dangerous(judge_command(command)) == needs
