"""Commands and code that take what they are given elsewhere, and those that stay."""

import pytest

from stopper.detect.effects import EffectKind
from stopper.detect.outward import MAX_TEXT, calls_out, goes_out

STAYS: frozenset[EffectKind] = frozenset()
ASKS = frozenset({EffectKind.NETWORK})
SENDS = frozenset({EffectKind.NETWORK, EffectKind.EXFILTRATE})

COMMANDS: dict[str, frozenset[EffectKind]] = {
    "dig x.example": ASKS,
    "/usr/bin/dig x.example": ASKS,
    "ls; nslookup x.example": ASKS,
    "echo $(host x.example)": ASKS,
    "echo `host x.example`": ASKS,
    'echo "$(host x.example)"': ASKS,
    "sh -c 'ping x.example'": ASKS,
    "A=1 ping x.example": ASKS,
    "sudo -u bob timeout 5 ping x.example": ASKS,
    "if true; then ping x.example; fi": ASKS,
    "find . -exec curl https://a.example/{} +": ASKS,
    "openssl s_client -connect x.example:443": ASKS,
    "getent hosts x.example": ASKS,
    "git -C a clone https://a.example/b": ASKS,
    'python3 -c "from urllib.request import urlopen"': ASKS,
    "git push": SENDS,
    "git -c a=b push x y": SENDS,
    "mail -s hi a@b.example": SENDS,
    "cat x | sendmail a@b.example": SENDS,
    "aws s3 cp f s3://b/x": SENDS,
    "scp f u@e:x": SENDS,
    "rsync -a f e:x": SENDS,
    "gh gist create f": SENDS,
    "docker push a/b": SENDS,
    "python3 -c \"import requests as r; requests.post('https://a.example')\"": SENDS,
    "a" * (MAX_TEXT + 1): SENDS,
    "ls -l": STAYS,
    "cat mail": STAYS,
    "echo dig x.example": STAYS,
    "grep -r host .": STAYS,
    "git commit -m push": STAYS,
    "git log --grep push": STAYS,
    "openssl rand -hex 16": STAYS,
    "getent passwd": STAYS,
    "aws configure set region x": STAYS,
    "rsync -a a b": STAYS,
    "npm test": STAYS,
    "python3 -c \"host = 'x'\"": STAYS,
    "": STAYS,
}  # fmt: skip


@pytest.mark.parametrize(("text", "effects"), COMMANDS.items(), ids=[one[:40] for one in COMMANDS])
def test_commands(text: str, effects: frozenset[EffectKind]) -> None:
    assert goes_out(text) == effects


CODE: dict[str, frozenset[EffectKind]] = {
    "urllib.request.urlopen('https://a.example')": ASKS,
    "requests.get (u)": ASKS,
    "from httpx import get": ASKS,
    "__import__('socket')": ASKS,
    "s.connect(('a.example', 80))": ASKS,
    "fetch('https://a.example/' + x)": ASKS,
    "const h = require('node:https')": ASKS,
    "import got from 'got'": ASKS,
    "dns.resolve4(x)": ASKS,
    "Net::HTTP.get(u)": ASKS,
    "perl -MLWP::Simple -e 'get $u'": ASKS,
    "file_get_contents('https://a.example')": ASKS,
    "Invoke-WebRequest $u": ASKS,
    "socket.gethostbyname(x)": ASKS,
    "requests.post(u, data=x)": SENDS,
    "axios.put(u, x)": SENDS,
    "fetch(u, {method: 'POST', body: x})": SENDS,
    "s.sendall(x)": SENDS,
    "iwr $u -Method Post -Body $x": SENDS,
    "print(1)": STAYS,
    "row = cursor.fetch()": STAYS,
    "sqlite3.connect('a.db')": STAYS,
    "import requests_mock_data": STAYS,
    "reset = net(x)": STAYS,
}


@pytest.mark.parametrize(("code", "effects"), CODE.items(), ids=CODE)
def test_code(code: str, effects: frozenset[EffectKind]) -> None:
    assert calls_out(code) == effects
