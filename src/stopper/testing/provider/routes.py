"""Which format, model and kind of request a method and a path mean."""

import re
from enum import Enum
from functools import lru_cache
from urllib.parse import unquote

from msgspec import Struct

from stopper.testing.provider.formats.anthropic import Messages
from stopper.testing.provider.formats.bedrock import Converse, Invoke
from stopper.testing.provider.formats.chat import Chat
from stopper.testing.provider.formats.flavours import FLAVOURS, HOSTS
from stopper.testing.provider.formats.gemini import Gemini
from stopper.testing.provider.formats.ollama import Ollama
from stopper.testing.provider.formats.responses import Responses
from stopper.testing.provider.formats.shape import Format

__all__ = ["Kind", "Route", "find_route", "nearest_format"]

_CACHED = 1024
_PREFIX = re.compile(rf"/(anthropic|gemini|ollama|bedrock|{'|'.join(FLAVOURS)})(/.*)?")
_ANTHROPIC, _RESPONSES = Messages(), Responses()
_CHATS = {name: Chat(flavour) for name, flavour in FLAVOURS.items()}
_CHAT_PATHS = re.compile(
    r"(?:/v1|/openai/v1|/api/v1)?/chat/completions"
    r"|/openai/deployments/(?P<model>[^/]+)/chat/completions"
)
_GEMINI = re.compile(r"/v1(?:beta|alpha)?/models/(?P<model>[^/:]+):(?P<verb>\w+)")
_BEDROCK = re.compile(r"/model/(?P<model>[^/]+)/(?P<verb>[a-z-]+)")
_CONVERSE, _INVOKE = Converse(), Invoke()


class Kind(Enum):
    """What is wanted of a format."""

    REPLY = "reply"
    COUNT = "count"
    MODELS = "models"
    HELLO = "hello"


class Route(Struct, frozen=True):
    """A kind of request in a format; some paths name the model or choose to stream."""

    kind: Kind
    format: Format
    model: str = ""
    streams: bool = False


_FIXED = {
    ("POST", "/v1/messages"): Route(Kind.REPLY, _ANTHROPIC),
    ("POST", "/v1/messages/count_tokens"): Route(Kind.COUNT, _ANTHROPIC),
    ("POST", "/v1/responses"): Route(Kind.REPLY, _RESPONSES),
    ("POST", "/responses"): Route(Kind.REPLY, _RESPONSES),
    ("POST", "/v1/responses/input_tokens"): Route(Kind.COUNT, _RESPONSES),
    ("POST", "/api/chat"): Route(Kind.REPLY, Ollama(chat=True)),
    ("POST", "/api/generate"): Route(Kind.REPLY, Ollama(chat=False)),
    ("GET", "/api/tags"): Route(Kind.MODELS, Ollama(chat=True)),
}
_READABLE = {
    "/": Kind.HELLO,
    "/api/hello": Kind.HELLO,
    "/v1/models": Kind.MODELS,
    "/models": Kind.MODELS,
}
_BEDROCK_VERBS: dict[str, tuple[Kind, Format, bool]] = {
    "converse": (Kind.REPLY, _CONVERSE, False),
    "converse-stream": (Kind.REPLY, _CONVERSE, True),
    "invoke": (Kind.REPLY, _INVOKE, False),
    "invoke-with-response-stream": (Kind.REPLY, _INVOKE, True),
    "count-tokens": (Kind.COUNT, _CONVERSE, False),
}


@lru_cache(maxsize=_CACHED)
def find_route(method: str, path: str, query: str, host: str) -> Route | None:
    """The route of a request; None where there is nothing.

    `/VENDOR/...` and the vendors' own paths are the same; the vendor is also known by `host`.
    """
    vendor, rest = _split(path, host)
    if fixed := _FIXED.get((method, rest)):
        return fixed
    if method == "POST":
        return _chat(rest, vendor) or _gemini(rest, query) or _bedrock(rest)
    if method in ("GET", "HEAD") and rest in _READABLE:
        return Route(_READABLE[rest], nearest_format(path, host))
    return None


def nearest_format(path: str, host: str) -> Format:
    """The format whose errors a client of this path would understand."""
    first = path.split("/", 2)[1] if path.startswith("/") else ""
    if first == "anthropic" or "/messages" in path or host == "api.anthropic.com":
        return _ANTHROPIC
    if first == "gemini" or _GEMINI.fullmatch(path):
        return Gemini(sse=False)
    if first in ("bedrock", "model"):
        return _CONVERSE
    return _CHATS["openai"]


def _split(path: str, host: str) -> tuple[str, str]:
    """The vendor, `openai` where none is named, and the path below it."""
    by_host = "azure" if host.endswith(".openai.azure.com") else HOSTS.get(host, "openai")
    match = _PREFIX.fullmatch(path)
    if match is None or _CHAT_PATHS.fullmatch(path):
        return by_host, path
    return (match[1] if match[1] in FLAVOURS else by_host), match[2] or "/"


def _chat(rest: str, vendor: str) -> Route | None:
    match = _CHAT_PATHS.fullmatch(rest)
    if match is None:
        return None
    if match["model"] is None:
        return Route(Kind.REPLY, _CHATS[vendor])
    return Route(Kind.REPLY, _CHATS["azure"], unquote(match["model"]))


def _gemini(rest: str, query: str) -> Route | None:
    match = _GEMINI.fullmatch(rest)
    if match is None:
        return None
    model = unquote(match["model"])
    match match["verb"]:
        case "generateContent":
            return Route(Kind.REPLY, Gemini(sse=False), model)
        case "streamGenerateContent":
            return Route(Kind.REPLY, Gemini(sse="alt=sse" in query.split("&")), model, True)
        case "countTokens":
            return Route(Kind.COUNT, Gemini(sse=False), model)
    return None


def _bedrock(rest: str) -> Route | None:
    match = _BEDROCK.fullmatch(rest)
    if match is None or match["verb"] not in _BEDROCK_VERBS:
        return None
    kind, form, streams = _BEDROCK_VERBS[match["verb"]]
    return Route(kind, form, unquote(match["model"]), streams)
