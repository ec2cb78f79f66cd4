import pytest

from stopper.detect.commands import is_dangerous, judge_command

CASES = {
    # what is tried                  command                                              whether it is dangerous
    "a server of one's own":        ("tmux new -d -s dev 'npm run dev'",                   False),
    "a deletion":                   ("tmux new -d 'rm -rf ~'",                             True),
    "keys that are typed":          ("tmux send-keys -t dev 'rm -rf /' Enter",             True),
    "harmless keys":                ("tmux send-keys -t dev 'make test' C-m",              False),
    "what was dropped":             ("tmux new -d /tmp/a",                                 True),
    "a list":                       ("tmux ls",                                            False),
    "screen":                       ("screen -dmS a sh -c 'rm -rf ~'",                     True),
    "what screen types":            ("screen -S a -X stuff 'rm -rf /^M'",                  True),
    "a serial line":                ("screen /dev/ttyUSB0 115200",                         False),
}  # fmt: skip


@pytest.mark.parametrize(("command", "dangerous"), CASES.values(), ids=CASES)
def test_terminals(command: str, dangerous: bool) -> None:
    assert is_dangerous(judge_command(command)) == dangerous
