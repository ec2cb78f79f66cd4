"""The pages under `/_mock/`, for tests in other processes.

GET  /_mock/tally            the books; with `?settled=1`, once no reply is open any more
GET  /_mock/requests?last=N  the last requests, oldest first
POST /_mock/script           a script or a list of them, as JSON; `?model=NAME` for one model
POST /_mock/reset            forget waiting scripts, sums and requests
"""

from urllib.parse import parse_qs

import msgspec

from stopper.testing.provider.office import Answer, Office, as_json
from stopper.testing.provider.script import Script
from stopper.testing.provider.seen import Request

__all__ = ["PREFIX", "administer", "waits"]

PREFIX = "/_mock/"


def waits(request: Request) -> bool:
    """Whether the answer must wait until no reply is open."""
    return request.path == "/_mock/tally" and "settled=1" in request.query.split("&")


def administer(office: Office, request: Request) -> Answer:
    """Answer a request for one of the pages."""
    match request.method, request.path.removeprefix(PREFIX):
        case "GET", "tally":
            return as_json(office.books.tally())
        case "GET", "requests":
            return _requests(office, request)
        case "POST", "script":
            return _script(office, request)
        case "POST", "reset":
            office.reset()
            return as_json({"ok": True})
        case _:
            return as_json({"error": f"no such page: {request.method} {request.path}"}, 404)


def _requests(office: Office, request: Request) -> Answer:
    last = parse_qs(request.query).get("last", ["1000"])[0]
    if not last.isdecimal():
        return as_json({"error": f"last: a number is needed, not {last!r}"}, 400)
    return as_json(office.log.last(int(last)))


def _script(office: Office, request: Request) -> Answer:
    try:
        scripts = msgspec.json.decode(request.body, type=list[Script] | Script)
        scripts = scripts if isinstance(scripts, list) else [scripts]
        office.say(*scripts, model=parse_qs(request.query).get("model", [None])[0])
    except (msgspec.DecodeError, ValueError) as error:
        return as_json({"error": f"the script does not read: {error}"}, 400)
    return as_json({"ok": True, "scripts": len(scripts)})
