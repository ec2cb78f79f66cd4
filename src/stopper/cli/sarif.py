"""Findings as SARIF 2.1.0, which code hosts and editors show at their places."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from stopper import __version__

if TYPE_CHECKING:
    from stopper.control.scan import Found, Scan, Unseen
    from stopper.detect.rules import Rule

__all__ = ["sarif_of"]

SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"

_LEVELS: Final = {"critical": "error", "high": "error", "medium": "warning", "low": "note"}
_SCORES: Final = {"critical": "9.5", "high": "8.0", "medium": "5.5", "low": "2.0"}

_Redact = Callable[[str], str]


def sarif_of(seen: "Scan", rules: "Iterable[Rule]", redact: _Redact) -> dict[str, Any]:
    """The document of one scan, with the rules that found something; paths go through `redact`."""
    hit = {one.finding.rule for one in seen.found}
    used = [rule for rule in rules if rule.id in hit]
    places = {rule.id: place for place, rule in enumerate(used)}
    driver = {
        "name": "stopper",
        "version": __version__,
        "semanticVersion": __version__,
        "rules": [_rule(rule) for rule in used],
    }
    faults = [one for one in seen.unseen if one.fault]
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "columnKind": "unicodeCodePoints",
                "invocations": [
                    {
                        "executionSuccessful": not faults,
                        "toolExecutionNotifications": [_missed(one, redact) for one in seen.unseen],
                    }
                ],
                "results": [_result(one, places, redact) for one in seen.found],
            }
        ],
    }


def _rule(rule: "Rule") -> dict[str, Any]:
    severity = rule.severity.value
    return {
        "id": rule.id,
        "name": rule.name,
        "shortDescription": {"text": rule.name},
        "defaultConfiguration": {"level": _LEVELS[severity]},
        "properties": {"tags": ["security", "secret"], "security-severity": _SCORES[severity]},
    }


def _result(one: "Found", places: dict[str, int], redact: _Redact) -> dict[str, Any]:
    finding = one.finding
    region = {
        "startLine": one.line,
        "startColumn": one.column,
        "endLine": one.end_line,
        "endColumn": one.end_column,
    }
    return {
        "ruleId": finding.rule,
        "ruleIndex": places[finding.rule],
        "level": _LEVELS[finding.severity.value],
        "message": {"text": f"{finding.name} found; fingerprint {finding.fingerprint}"},
        "locations": [
            {"physicalLocation": {"artifactLocation": _file(one.path, redact), "region": region}}
        ],
        "partialFingerprints": {"stopper/v1": finding.fingerprint},
    }


def _missed(one: "Unseen", redact: _Redact) -> dict[str, Any]:
    return {
        "level": "error" if one.fault else "note",
        "message": {"text": one.why},
        "locations": [{"physicalLocation": {"artifactLocation": _file(one.path, redact)}}],
    }


def _file(path: str, redact: _Redact) -> dict[str, str]:
    """Relative to here, as code hosts want it; outside of here by its whole path."""
    here = os.path.relpath(redact(path))
    if here.startswith(".."):
        return {"uri": Path(here).absolute().as_uri()}
    return {"uri": quote(os.fsencode(here))}
