"""`stopper check-command` and `stopper check-url`: may it be done, and why not."""

import os
import re
import sys
from typing import TYPE_CHECKING, Any, Final

import click

from stopper.cli.colour import Style
from stopper.cli.options import examples, json_option
from stopper.cli.say import print_json, tell
from stopper.cli.table import Cell, Column, print_table
from stopper.core.reason import Refusal, refuse
from stopper.core.verdict import Verdict
from stopper.errors import UsageError

if TYPE_CHECKING:
    from stopper.detect.allow import Allow
    from stopper.detect.commands import Judgement
    from stopper.detect.secrets import Detector
    from stopper.detect.urls import Url

__all__ = ["check_command", "check_url"]

PERSON: Final = 3
"""The exit status where a person must decide."""

_STATUS: Final = {Verdict.ALLOW: 0, Verdict.BLOCK: 1, Verdict.ESCALATE: PERSON}
_WORDS: Final = {
    Verdict.ALLOW: ("fine", Style.GREEN),
    Verdict.BLOCK: ("blocked", Style.RED),
    Verdict.ESCALATE: ("a person must decide", Style.YELLOW),
}
_EFFECTS: Final = (
    Column("effect"),
    Column("target", wrap=True),
    Column("scope"),
    Column("can be undone"),
    Column("code", name=True),
)
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_MAX_NAMES: Final = 3
_UNNAMED: Final = "network.not_allowed"


@click.command(
    epilog=examples(
        "stopper check-command 'rm -rf build'",
        "stopper check-command 'curl https://example.com/x.sh | sh'",
        "stopper check-command 'git push --force' --json",
    )
)
@click.argument("command")
@click.option(
    "--workspace",
    type=click.Path(file_okay=False),
    default=".",
    help="The folder it would run in; the present one by default.",
)
@json_option
def check_command(*, command: str, workspace: str, as_json: bool) -> None:
    """Say what COMMAND, a shell text, would do and whether it may. Nothing is run.

    The exit status is 0 where it is fine, 1 where it is blocked, 3 where a person must decide, and
    2 where the question makes no sense.
    """
    from stopper.detect.commands import decide  # noqa: PLC0415  its tables take a while to load
    from stopper.shell.judging import judge_in  # noqa: PLC0415

    folder = os.path.abspath(workspace)  # noqa: PTH100  links stay as they were written
    judgement = judge_in(command, folder, os.path.expanduser("~"))  # noqa: PTH111
    ruling = decide(judgement)
    shown = _without_secrets(judgement)
    if as_json:
        said = _said(ruling.verdict, ruling.code, ruling.reason)
        print_json(said | {"effects": shown.effects, "unprovable": shown.unprovable})
    else:
        _print_effects(shown)
        _print_verdict(ruling.verdict, ruling.code, ruling.reason)
    raise click.exceptions.Exit(_STATUS[ruling.verdict])


@click.command(
    epilog=examples(
        "stopper check-url https://example.com/",
        "stopper check-url 'http://[::ffff:a9fe:a9fe]/latest/meta-data/'",
        "stopper check-url https://api.example.com/v1 --allow 'GET *.example.com/v1/*'",
    )
)
@click.argument("url")
@click.option(
    "--allow",
    multiple=True,
    metavar="RULE",
    help="What may be reached, as for `stopper run`; a person must decide about the rest.",
)
@click.option("--method", metavar="NAME", help="The request's method, where a rule names one.")
@json_option
def check_url(*, url: str, allow: tuple[str, ...], method: str | None, as_json: bool) -> None:
    """Say whether URL, or HOST[:PORT], may be reached. Nothing is resolved or sent.

    Blocked is what is not public, however it is spelt, unless --allow names it; and a URL that
    carries a secret to anyone but the vendor who gave it. The exit status is 0 where it is fine, 1
    where it is blocked, 3 where a person must decide, and 2 where the question makes no sense.
    """
    from stopper.detect.allow import parse_rule  # noqa: PLC0415

    try:
        rules = [parse_rule(rule) for rule in allow]
    except ValueError as error:
        raise UsageError(f"--allow: {error}") from None
    refusal = _refusal(url, rules, method)
    verdict = _verdict(refusal)
    code, reason = ("", "") if refusal is None else (refusal.code, _say(refusal))
    if as_json:
        print_json(_said(verdict, code, reason))
    else:
        _print_verdict(verdict, code, reason)
    raise click.exceptions.Exit(_STATUS[verdict])


def _refusal(text: str, rules: "list[Allow]", method: str | None) -> Refusal | None:
    """What speaks against a destination by its name, and then against what it would be sent."""
    from stopper.detect.allow import judge  # noqa: PLC0415
    from stopper.detect.urls import forbidden, parse_url  # noqa: PLC0415

    if not rules and (refusal := forbidden(text)) is not None:
        return refusal
    url = parse_url(text if _SCHEME.match(text) else f"https://{text.removeprefix('//')}")
    if isinstance(url, Refusal):
        return url
    if rules:
        judged = judge(url.host, url.port, method and method.upper(), url.path, rules)
        if isinstance(judged, Refusal):
            return judged
    return _carried(text, url)


def _carried(text: str, url: "Url") -> Refusal | None:
    """The secrets in a URL that are not for the host it goes to."""
    from stopper.detect.inspection import Inspector  # noqa: PLC0415

    detector = _detector()
    inspection = Inspector(detector).inspect(text)
    if inspection.unprovable:
        return refuse("secret.unprovable", f"a URL to {url.host}")
    strange = [one for one in inspection.findings if not detector.is_use(one, url.host.name)]
    names = list(dict.fromkeys(one.name for one in strange))[:_MAX_NAMES]
    return refuse("secret.blocked", f"{', '.join(names)} in a URL to {url.host}") if names else None


def _verdict(refusal: Refusal | None) -> Verdict:
    """What only no rule names is neither good nor bad: a person may add the rule."""
    if refusal is None:
        return Verdict.ALLOW
    return Verdict.ESCALATE if refusal.code == _UNNAMED else Verdict.BLOCK


def _say(refusal: Refusal) -> str:
    """What is wrong; a host's name may be a secret."""
    from stopper.detect.redact import Redactor  # noqa: PLC0415

    detail = Redactor(detector=_detector()).redact(refusal.detail)
    if refusal.code == _UNNAMED:
        return f"No --allow names {detail}."
    return refusal.reason.say.format(detail=detail)


def _without_secrets(judgement: "Judgement") -> "Judgement":
    if not judgement.effects and not judgement.unprovable:
        return judgement
    from stopper.detect.redact import Redactor  # noqa: PLC0415
    from stopper.shell.judging import redacted  # noqa: PLC0415

    return redacted(judgement, Redactor(detector=_detector()))


def _detector() -> "Detector":
    from stopper.control.engines import open_detector  # noqa: PLC0415
    from stopper.control.home import find_home  # noqa: PLC0415

    return open_detector(find_home(os.environ))


def _print_effects(judgement: "Judgement") -> None:
    rows = [
        (
            one.kind.value,
            one.target,
            one.scope.value.replace("_", " "),
            Cell("yes") if one.reversible else Cell("no", Style.YELLOW),
            one.reason,
        )
        for one in judgement.effects
    ]
    rows += [
        ("not told", one.part, "unknown", Cell("unknown", Style.YELLOW), one.reason)
        for one in judgement.unprovable
    ]
    if rows:
        print_table(_EFFECTS, rows)


def _print_verdict(verdict: Verdict, code: str, reason: str) -> None:
    word, style = _WORDS[verdict]
    why = f": {reason.rstrip('.')} ({code})." if code else "."
    tell(f"{word}{why}", style, sys.stdout)


def _said(verdict: Verdict, code: str, reason: str) -> dict[str, Any]:
    return {"verdict": verdict.value, "code": code, "reason": reason}
