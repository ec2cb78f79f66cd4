"""References that were left, and ordinary text that only looks like them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopper.guards.models import EnforcementLevel
from stopper.guards.unresolved_reference import UnresolvedReferenceGuard

CASES: dict[str, tuple[str, dict[str, Any], str]] = {
    # what is left                  tool          arguments                                       kind
    "a whole value":               ("fetch",      {"id": "${user_id}"},                           "${...}"),
    "a path":                      ("fetch",      {"id": "${steps[0].output}"},                   "${...}"),
    "with spaces around":          ("fetch",      {"id": " ${ user_id } "},                       "${...}"),
    "braces":                      ("fetch",      {"id": "{{user_id}}"},                          "{{...}}"),
    "braces with a filter":        ("fetch",      {"id": "{{ user.id | upper }}"},                "{{...}}"),
    "angles":                      ("fetch",      {"key": "<YOUR_API_KEY>"},                      "<...>"),
    "angles in small letters":     ("fetch",      {"key": "<user_id>"},                           "<...>"),
    "a hint":                      ("fetch",      {"key": "<your-api-key>"},                      "<...>"),
    "in a URL":                    ("fetch",      {"url": "https://api.example.com/${id}/x"},     "${...}"),
    "angles in a URL":             ("fetch",      {"url": "https://api.example.com/<USER_ID>"},   "<...>"),
    "in a message":                ("send_mail",  {"body": "Dear {{first_name}}, welcome"},       "{{...}}"),
    "deep":                        ("fetch",      {"a": [{"b": ("x", "${y}")}]},                  "${...}"),
    "in a key":                    ("fetch",      {"a": {"${y}": 1}},                             "${...}"),
    "a whole file":                ("write_file", {"content": "${step1.output}"},                 "${...}"),
    "a letter":                    ("fetch",      {"id": "<X>"},                                  "<...>"),
    "another letter":              ("fetch",      {"id": " <A> "},                                "<...>"),
    "a word":                      ("fetch",      {"id": "<Name>"},                               "<...>"),
    "words":                       ("fetch",      {"id": "<First Name>"},                         "<...>"),
    "humps":                       ("fetch",      {"id": "<userId>"},                             "<...>"),
    "a letter between dashes":     ("fetch",      {"id": "id-<X>-1"},                             "<...>"),
    "a word in a path":            ("fetch",      {"path": "/users/<Name>/files"},                "<...>"),
    "a word at the end":           ("fetch",      {"url": "https://api.example.com/?id=<Id>"},    "<...>"),
    "glued to a name":             ("fetch",      {"id": "user<USER_ID>"},                        "<...>"),
    "a default":                   ("fetch",      {"id": "${x:-d}"},                              "${...}"),
    "a default with a path":       ("post",       {"body": "${PORT:-8080}"},                      "${...}"),
    "a fault":                     ("fetch",      {"id": "${x:?not set}"},                        "${...}"),
    "an alternative":              ("fetch",      {"url": "https://${HOST:+a.b}/x"},              "${...}"),
    "a filter with a value":       ("fetch",      {"id": "{{x|default('a')}}"},                   "{{...}}"),
    "filters in a row":            ("fetch",      {"id": "{{ x | default('a', true) | upper }}"}, "{{...}}"),
    "a filter with a colon":       ("fetch",      {"id": '{{ x | default: "a" }}'},               "{{...}}"),
    # ordinary text
    "a shell variable":            ("bash",       {"command": "echo ${HOME}"},                    ""),
    "a shell's folder":            ("bash",       {"cwd": "${HOME}"},                             ""),
    "a command elsewhere":         ("tools.run",  {"command": "ls ${HOME}/x"},                    ""),
    "code":                        ("eval",       {"input": "f'{{x}} ${y}'"},                     ""),
    "a template in a file":        ("write_file", {"content": "<b>{{ user.name }}</b> ${x}"},     ""),
    "an edit":                     ("edit",       {"old_str": "a ${x} b", "new_str": "a {{y}} b"}, ""),
    "spoken of":                   ("comment",    {"body": "set `${HOME}` and `{{x}}` first"},    ""),
    "escaped":                     ("comment",    {"body": r"a \${x} b $${y} c"},                 ""),
    "HTML":                        ("post",       {"body": "<br> and <b>bold</b> <DIV> text"},    ""),
    "an element alone":            ("post",       {"body": "<table>"},                            ""),
    "a generic type":              ("comment",    {"body": "Map<K, V> and List<T>", "t": "List<T>"}, ""),
    "an operator":                 ("find",       {"pipeline": [{"$group": {"_id": "$category"}}]}, ""),
    "money":                       ("pay",        {"note": "it costs $5 {sic}"},                  ""),
    "nested braces":               ("post",       {"body": '{"a":{"b":{"c":1}}}'},                ""),
    "mathematics":                 ("post",       {"body": "1 < X and Y > 2"},                    ""),
    "HTML of one word":            ("post",       {"body": "<b>bold</b>"},                        ""),
    "HTML in capitals":            ("post",       {"body": "<DIV>bold</DIV>"},                    ""),
    "an element without an end":   ("post",       {"body": "<Icon/><BR>"},                        ""),
    "a type":                      ("post",       {"returns": "List<String>"},                    ""),
    "a type in capitals":          ("post",       {"type": "ARRAY<STRING>"},                      ""),
    "a type in a type":            ("post",       {"returns": "Map<K,List<V>>"},                  ""),
    "a type's call":               ("post",       {"call": "Vec::<T>::new()"},                    ""),
    "a method's type":             ("post",       {"call": "Lists.<T>of()"},                      ""),
    "a function's type":           ("post",       {"call": "<T>(x:T)=>x"},                        ""),
    "a comparison":                ("post",       {"test": "1<X>2"},                              ""),
    "letters compared":            ("post",       {"test": "a<b>c"},                              ""),
    "shifts":                      ("post",       {"test": "a<<X>>b"},                            ""),
    "an address in angles":        ("mail",       {"to": "<a@b.c>"},                              ""),
    "a message's name":            ("mail",       {"reply_to": "<CAF1.2@mail.example.com>"},      ""),
    "a group of a pattern":        ("find",       {"rule": r"(?P<YEAR>\d{4})-(?<Month>\d\d)"},    ""),
    "a key":                       ("press",      {"key": "<Enter>"},                             ""),
    "a key in capitals":           ("press",      {"key": "<ESC>"},                               ""),
    "keys in a row":               ("press",      {"keys": "<Esc>:wq<CR>"},                       ""),
    "a key with another":          ("press",      {"keys": "<C-x>"},                              ""),
    "an event":                    ("bind",       {"event": "<Button-1>"},                        ""),
    "the end of a text":           ("encode",     {"stop": "<EOS>"},                              ""),
    "a file that is none":         ("trace",      {"file": "<stdin>"},                            ""),
    "a mention":                   ("say",        {"who": "<@U123>"},                             ""),
    "a mail address":              ("mail",       {"to": "Ann <ann@example.com>"},                ""),
}  # fmt: skip


@pytest.mark.parametrize(("tool", "args", "kind"), CASES.values(), ids=CASES)
def test_arguments(tool: str, args: dict[str, Any], kind: str) -> None:
    result = UnresolvedReferenceGuard().check(tool, args)
    assert result.details.get("kind", "") == kind
    assert result.warned == bool(kind)
    blocking = UnresolvedReferenceGuard(mode=EnforcementLevel.BLOCK)
    assert blocking.check(tool, args).blocked == bool(kind)
    assert UnresolvedReferenceGuard(mode=EnforcementLevel.OFF).check(tool, args).code == ""


@given(st.text(alphabet=st.characters(exclude_characters="{<")))
def test_text_without_brackets_is_ordinary(text: str) -> None:
    assert UnresolvedReferenceGuard().check("post", {"body": text, text: 1}).code == ""


@given(st.text(max_size=80), st.text(max_size=80))
def test_shells_and_files_are_left_alone(before: str, after: str) -> None:
    guard = UnresolvedReferenceGuard()
    text = f"{before}x ${{HOME}} {{{{ y }}}} <NAME> x{after}"
    assert guard.check("bash", {"anything": text}).code == ""
    assert guard.check("write", {"content": text, "script": "${HOME}"}).code == ""


def test_exemptions_and_names() -> None:
    guard = UnresolvedReferenceGuard(exempt_tools={"render"}, code_arguments={"css"})
    assert guard.check("render", {"id": "${x}"}).allowed
    assert guard.check("other", {"CSS": "${x}"}).code == ""
    assert guard.check("other", {"command": "${x}"}).warned
    assert guard.check("other", {"user_id": "${x}"}).reason == (
        "Unresolved reference ${...} in argument 'user_id': replace it by its value"
    )


def test_what_is_too_deep_is_not_passed_over() -> None:
    circle: dict[str, Any] = {}
    circle["a"] = circle
    assert (
        UnresolvedReferenceGuard(mode=EnforcementLevel.BLOCK).check("t", circle).code
        == "guard.too_much"
    )
