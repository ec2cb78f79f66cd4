"""The log of a run: rows of the ledger, merged by time, in sentences."""

from datetime import timedelta

import pytest

from stopper.control.home import Home
from stopper.control.logs import Log
from stopper.core.audit import Fact
from stopper.core.usage import Quality, Usage
from stopper.testing.past import Past

MEASURED = Quality.MEASURED

CALLS = {
    # what was used             usage                                                 more                 sentence
    "input and output":        (Usage(1_000, 20, quality=MEASURED),                   {},
                                "anthropic m: 1,000 in, 20 out, $0.001, measured"),
    "all kinds":               (Usage(1, 20, 3, 4, 5, quality=MEASURED),              {},
                                "anthropic m: 1 in, 3 written to cache, 4 read from cache, 20 out (5 of it reasoning), $0.001, measured"),
    "no price, a while":       (Usage(1, 2, quality=MEASURED),                        {"micros": None, "millis": 1_234},
                                "anthropic m: 1 in, 2 out, no known price, measured, 1.2 s"),
    "a cut reply":             (Usage(1, 2, quality=Quality.ESTIMATED),               {"ending": "cut", "code": "bottle.cut"},
                                "anthropic m: 1 in, 2 out, $0.001, estimated; ended: cut (bottle.cut)"),
    "a caller that left":      (Usage(1, 2, quality=Quality.ESTIMATED),               {"ending": "disconnected"},
                                "anthropic m: 1 in, 2 out, $0.001, estimated; ended: disconnected"),
}  # fmt: skip


@pytest.mark.parametrize(("usage", "more", "sentence"), CALLS.values(), ids=CALLS)
def test_a_call_in_words(
    home: Home, past: Past, usage: Usage, more: dict[str, str | int | None], sentence: str
) -> None:
    run = past.run("fox")
    past.call(run, "m", usage=usage, **more)  # type: ignore[arg-type]
    [line] = [line for line in Log(home.ledger, run.id).read() if line.act == "call"]
    assert line.sentence == sentence
    assert line.code == more.get("code", "")


ACTS: dict[str, tuple[str, str, Fact, str]] = {
    # what was done            act         code                   fact                                    sentence
    "a refusal":              ("refuse",  "network.metadata",    {"detail": "10.0.0.1:80", "count": 1},  "10.0.0.1:80 is a cloud's metadata service."),
    "a refusal, many times":  ("refuse",  "network.metadata",    {"detail": "10.0.0.1:80", "count": 7},  "10.0.0.1:80 is a cloud's metadata service. (7 times)"),
    "one without a detail":   ("cut",     "network.metadata",    {"detail": None},                       "it is a cloud's metadata service."),
    "an order":               ("cut",     "bottle.cut",          {},                                     "The operator cut this bottle's egress."),
    "an act with no words":   ("dance",   "",                    {"step": 1, "to": "left"},              "step 1, to left"),
    "a code nobody knows":    ("refuse",  "area.of_tomorrow",    {"detail": "x"},                        "detail x"),
    "braces in a detail":     ("refuse",  "network.metadata",    {"detail": "{0.__class__}"},            "{0.__class__} is a cloud's metadata service."),
    "a fact that is missing": ("run.end", "",                    {"status": "ended"},                    "The run is over (ended) with exit status unknown."),
    "a fact that is nothing": ("run.end", "",                    {"status": "killed", "exit_code": None}, "The run is over (killed) with exit status unknown."),
}  # fmt: skip


@pytest.mark.parametrize(("act", "code", "fact", "sentence"), ACTS.values(), ids=ACTS)
def test_an_act_in_words(
    home: Home, past: Past, act: str, code: str, fact: Fact, sentence: str
) -> None:
    run = past.run("fox")
    home.ledger.note(run.id, act, code, fact, past.now)
    *_, line = Log(home.ledger, run.id).read()
    assert (line.act, line.code, line.sentence) == (act, code, sentence)


def test_a_lost_request_and_its_correction(home: Home, past: Past) -> None:
    run = past.run("fox", gone=True)
    hold = past.lose(run)
    home.ledger.correct(hold, 120, None, past.now)
    said = {line.act: line.sentence for line in Log(home.ledger, run.id).read()}
    assert said["expire"] == (
        "Whoever sent a request to anthropic claude-sonnet-5 died before it was settled; it is "
        "charged at its upper bound of 500 tokens, $0.002."
    )
    assert said["correct"] == (
        "A request to anthropic claude-sonnet-5 was charged with 500 tokens ($0.002); "
        "it is 120 now (no known price)."
    )


def test_rows_are_merged_by_time_and_read_once(home: Home, past: Past) -> None:
    run = past.run("fox", ago=timedelta(minutes=9))
    past.call(run, "second", ago=timedelta(minutes=5))
    past.call(run, "fourth", ago=timedelta(minutes=1))
    home.ledger.note(run.id, "refuse", "network.metadata", {}, past.now - timedelta(minutes=3))
    past.call(past.run("owl"), "not this run's")
    log = Log(home.ledger, run.id)
    lines = list(log.read())
    assert [line.act for line in lines] == ["run.start", "call", "refuse", "call"]
    assert [line.at for line in lines] == sorted(line.at for line in lines)
    assert list(log.read()) == []
    past.call(run, "fifth")
    assert ["fifth" in line.sentence for line in log.read()] == [True]


def test_pages_leave_nothing_out(home: Home, past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stopper.control.logs._PAGE", 3)
    run = past.run("fox")
    for number in range(10):
        past.call(run, f"model-{number}")
    lines = [line for line in Log(home.ledger, run.id).read() if line.act == "call"]
    assert len(lines) == 10
