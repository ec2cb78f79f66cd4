"""nginx as an upstream that answers like a provider, and as the proxy to be compared with."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from string import Template
from typing import Final
from urllib.request import urlopen

import msgspec
from msgspec import Struct

from bench.harness import process

__all__ = ["REPLY", "TOKENS", "Pair", "nginx_pair"]

TOKENS: Final = (412, 38)
"""The input and output tokens that every reply states."""

REPLY: Final = msgspec.json.encode(
    {
        "id": "msg_01XFDUDYJgAACzvnptvVoYEL",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-5",
        "content": [{"type": "text", "text": "The tests pass now; the parser dropped a line."}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": TOKENS[0],
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": TOKENS[1],
        },
    }
)
"""What a provider answers: a message of about 400 bytes."""

_CONFIGURATION: Final = Template("""
master_process off;
daemon off;
pid $folder/nginx.pid;
error_log stderr crit;
events { worker_connections 2048; }
http {
    default_type application/json;
    keepalive_requests 1000000000;
    keepalive_timeout 300s;
    client_body_buffer_size 64k;
    client_body_temp_path $folder/body;
    proxy_temp_path $folder/proxy;
    fastcgi_temp_path $folder/fastcgi;
    uwsgi_temp_path $folder/uwsgi;
    scgi_temp_path $folder/scgi;
    $servers
}
""")

_UPSTREAM: Final = Template("""
    server {
        listen 127.0.0.1:$port;
        access_log off;
        location / { return 200 '$reply'; }
        location = /status { stub_status; }
    }
""")

_PROXY: Final = Template("""
    upstream provider {
        server 127.0.0.1:$upstream;
        keepalive 64;
        keepalive_requests 1000000000;
    }
    server {
        listen 127.0.0.1:$port;
        access_log $folder/access.log;
        location /anthropic/ { proxy_pass http://127.0.0.1:$upstream/; }
    }
    server {
        listen 127.0.0.1:$tuned;
        access_log off;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        location /anthropic/ { proxy_pass http://provider/; }
    }
""")

_ATTEMPTS: Final = 500
_PAUSE_SECONDS: Final = 0.01


class Pair(Struct, frozen=True):
    """The URLs of an upstream and of a proxy before it, and the proxy's process id.

    The proxy is as nginx comes: it writes its access log, and asks its upstream on a new connection
    each time. `tuned` keeps connections alive, and writes no log.
    """

    upstream: str
    proxy: str
    tuned: str
    proxy_pid: int

    def served(self) -> int:
        """How many requests the upstream has answered, this one among them."""
        with urlopen(f"{self.upstream}/status", timeout=5) as reply:  # noqa: S310  our own server
            counts = reply.read().decode().splitlines()[2]
        return int(counts.split()[2])


@contextmanager
def nginx_pair(folder: Path, proxy_core: int, upstream_core: int) -> Iterator[Pair]:
    """Two instances of one process each, pinned to their cores, until the block ends."""
    upstream, proxy, tuned = (_free_port() for _ in range(3))
    with ExitStack() as stack:
        servers = _UPSTREAM.substitute(port=upstream, reply=REPLY.decode())
        stack.enter_context(_started(folder / "upstream", servers, upstream, upstream_core))
        where = folder / "proxy"
        servers = _PROXY.substitute(port=proxy, tuned=tuned, upstream=upstream, folder=where)
        pid = stack.enter_context(_started(where, servers, proxy, proxy_core))
        base = "http://127.0.0.1"
        yield Pair(f"{base}:{upstream}", f"{base}:{proxy}", f"{base}:{tuned}", pid)


@contextmanager
def _started(folder: Path, servers: str, port: int, core: int) -> Iterator[int]:
    folder.mkdir(mode=0o755)
    configuration = folder / "nginx.conf"
    configuration.write_text(_CONFIGURATION.substitute(folder=folder, servers=servers))
    command = ["nginx", "-e", "stderr", "-p", folder, "-c", configuration]
    with process(command, core) as started:
        _await(started, port)
        yield started.pid


def _await(started: subprocess.Popen[str], port: int) -> None:
    for _ in range(_ATTEMPTS):
        if started.poll() is not None:
            break
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(_PAUSE_SECONDS)
    raise RuntimeError("nginx did not start: its own message is above")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
