"""Decides how a request is answered; knows nothing of sockets."""

from collections import deque
from collections.abc import Mapping
from itertools import count
from typing import Any

import msgspec
from msgspec import Struct

from stopper.testing.provider.ask import Ask, RequestError, Speaker
from stopper.testing.provider.coding import Coder, chosen, unpack
from stopper.testing.provider.counts import counted, models
from stopper.testing.provider.formats.anthropic import Messages
from stopper.testing.provider.formats.frames import JSON, json_bytes
from stopper.testing.provider.formats.shape import Format, Headers
from stopper.testing.provider.inline import OPENING, ScriptError, read_inline
from stopper.testing.provider.plan import Plan, make_plan
from stopper.testing.provider.routes import Kind, Route, find_route, nearest_format
from stopper.testing.provider.script import NAMED, Encoding, Script
from stopper.testing.provider.seen import Log, Request, caller_of
from stopper.testing.provider.tally import Bill, Books

__all__ = ["Answer", "Office", "Telling", "as_json"]

_MAX_QUEUED = 10_000
_DECODER = msgspec.json.Decoder(dict[str, Any])
_OPENING = OPENING.encode()
_DEFAULT = Script()
_REDIRECT = 307
_NAMED_TOOLS = 20


class Telling(Struct):
    """A reply that a plan makes, and its open bill, which whoever sends the reply must close."""

    plan: Plan
    format: Format
    bill: Bill
    encoding: Encoding | None


class Answer(Struct):
    """What to send: `whole` in one piece; where that is None, the stream of the `telling`."""

    status: int
    headers: Headers
    whole: bytes | None
    telling: Telling | None = None


class Office:
    """Routes, scripts, books and log of one provider."""

    def __init__(self, books: Books, named: Mapping[str, Script]) -> None:
        self.books = books
        self.log = Log()
        self._named = {**NAMED, **named}
        self._queues: dict[str | None, deque[Script]] = {}
        self._numbers = count(1)

    def say(self, *scripts: Script, model: str | None = None) -> None:
        """Answer the next requests, or those for `model` alone, with these scripts in turn."""
        queue = self._queues.setdefault(model, deque())
        if len(queue) + len(scripts) > _MAX_QUEUED or len(self._queues) > _MAX_QUEUED:
            raise ValueError(f"more than {_MAX_QUEUED} scripts are waiting")
        queue.extend(scripts)

    def reset(self) -> None:
        """Forget waiting scripts, sums and requests."""
        self._queues.clear()
        self.books.reset()
        self.log.clear()

    def answer(self, request: Request) -> Answer:
        """What to send back."""
        host = request.headers.get("host", "").partition(":")[0].lower()
        route = find_route(request.method, request.path, request.query, host)
        if route is None:
            self.log.add(request)
            form = nearest_format(request.path, host)
            return failure(form, 404, f"{request.method} {request.path} is not known here")
        match route.kind:
            case Kind.REPLY:
                return self._reply(request, route)
            case Kind.COUNT:
                return self._count(request, route)
            case Kind.MODELS:
                self.log.add(request)
                return as_json(models(_dialect(request, route)))
            case Kind.HELLO:
                self.log.add(request)
                return Answer(200, {"content-type": "text/plain"}, b"The mock provider is here.\n")

    def _reply(self, request: Request, route: Route) -> Answer:
        caller = caller_of(request)
        form = route.format
        try:
            raw, body = _read(request)
            ask = form.ask(body, route.model, route.streams)
            script = self._script(ask, form, raw, body)
        except (RequestError, ScriptError) as error:
            self.log.add(request)
            self.books.refuse("", caller)
            return failure(form, 400, str(error))
        self.log.add(request, ask.model, ask.limits)
        refusal = _refusal(form, script, ask)
        if refusal is not None:
            self.books.refuse(ask.model, caller)
            return refusal
        plan = make_plan(next(self._numbers), ask, script)
        encoding = chosen(script, request.headers.get("accept-encoding", ""))
        answer = _told(form, plan, encoding)
        answer.telling = Telling(plan, form, self.books.open(plan, caller), encoding)
        return answer

    def _count(self, request: Request, route: Route) -> Answer:
        try:
            _, body = _read(request)
            answer = as_json(counted(route, body))
        except RequestError as error:
            answer = failure(route.format, 400, str(error))
        self.log.add(request)
        return answer

    def _script(self, ask: Ask, form: Format, raw: bytes, body: dict[str, Any]) -> Script:
        if _OPENING in raw and (script := _inline(ask, form, body)):
            return script
        for name in (ask.model, None):
            if queue := self._queues.get(name):
                return queue.popleft()
        return self._named.get(ask.model, _DEFAULT)


def as_json(value: Any, status: int = 200) -> Answer:
    """An answer that is a JSON value."""
    return Answer(status, {"content-type": JSON}, json_bytes(value))


def failure(form: Format, status: int, message: str) -> Answer:
    """An error in a provider's shape."""
    headers, body = form.error(status, message)
    return Answer(status, {"content-type": JSON} | headers, json_bytes(body))


def _read(request: Request) -> tuple[bytes, dict[str, Any]]:
    raw = unpack(request.body, request.headers.get("content-encoding", ""))
    try:
        return raw, _DECODER.decode(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        raise RequestError(f"the body is no JSON object: {error}") from None


def _inline(ask: Ask, form: Format, body: dict[str, Any]) -> Script | None:
    """The script in the last prompt that has one, at the turn that is due."""
    scripts: list[Script] = []
    turn = 0
    before = Speaker.USER
    for line in form.talk(body):
        if line.speaker is Speaker.USER and OPENING in line.text:
            scripts, turn = read_inline(line.text), 0
        elif line.speaker is Speaker.MODEL and before is not Speaker.MODEL:
            turn += 1
        before = line.speaker
    return _offered(scripts[turn], ask) if turn < len(scripts) else None


def _offered(script: Script, ask: Ask) -> Script:
    """The script with its tools named as the request names them; no model calls any other."""
    names = {name.lower(): name for name in ask.tools}
    for tool in script.tools:
        if tool.name.lower() not in names:
            offer = ", ".join(ask.tools[:_NAMED_TOOLS]) or "none"
            return Script(text=f"I was told to call {tool.name}, but the tools are: {offer}.")
    tools = tuple(
        msgspec.structs.replace(tool, name=names[tool.name.lower()]) for tool in script.tools
    )
    return msgspec.structs.replace(script, tools=tools)


def _refusal(form: Format, script: Script, ask: Ask) -> Answer | None:
    """The redirect or error that the script begins with, if any."""
    if script.redirect is not None:
        return Answer(_REDIRECT, {"location": script.redirect} | script.headers, b"")
    fault = script.fault
    if fault is None or (fault.after is not None and ask.stream):
        return None
    answer = failure(form, fault.status, fault.message)
    answer.headers |= script.headers | fault.headers
    return answer


def _told(form: Format, plan: Plan, encoding: Encoding | None) -> Answer:
    script = plan.script
    headers = form.head(plan) | script.headers
    if encoding is not None:
        headers["content-encoding"] = encoding
    if script.trailers:
        headers["trailer"] = ", ".join(script.trailers)
    if plan.ask.stream:
        return Answer(200, headers, None)
    coder = Coder(encoding)
    return Answer(200, headers, coder.feed(json_bytes(form.whole(plan))) + coder.end())


def _dialect(request: Request, route: Route) -> Route:
    """Both vendors list models at one path; a header tells them apart."""
    if "anthropic-version" not in request.headers:
        return route
    return msgspec.structs.replace(route, format=Messages())
