"""How much detection finds and how often it is wrong: `python -m bench.detect_quality`."""

import argparse
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from math import sqrt
from typing import Final

import msgspec
from msgspec import Struct

from bench import detect_sets
from bench.detect_encodings import ENCODINGS
from stopper.detect.commands import is_dangerous, judge_command
from stopper.detect.finding import Finding
from stopper.detect.inspection import Inspector, packaged_detector
from stopper.detect.urls import forbidden

__all__ = ["Score", "main", "measure"]

_KEY: Final = b"key of the benchmark"
_SEEDS: Final = ("", "second", "third")
_FEWER: Final = 5
"""Of what holds no secret, every fifth is put in every encoding."""

_SHARE: Final = 1.96
"""The interval of which 95 of 100 hold the truth."""

_TARGETS: Final = (0.97, 0.005)


class Score(Struct, frozen=True):
    """What was right out of how many; `examples` are some that were not."""

    what: str
    found: int
    bad: int
    alarms: int
    good: int
    examples: tuple[str, ...] = ()

    @property
    def recall(self) -> float:
        """The share of the bad that was found."""
        return self.found / self.bad if self.bad else 1.0

    @property
    def false_alarms(self) -> float:
        """The share of the good that was taken for bad."""
        return self.alarms / self.good if self.good else 0.0


def main() -> int:
    """Print a line for each kind of detection; 1 when one misses its target."""
    options = _parser().parse_args()
    scores = []
    if not options.json:
        print(f"{'':20}  {'recall':>7}  {'95 in 100':>15}  {'of':>6}  ", end="")
        print(f"{'false alarms':>12}  {'95 in 100':>15}  {'of':>6}")
    for score in measure(options.step):
        scores.append(score)
        if not options.json:
            print(_line(score), flush=True)
            for example in score.examples[: options.examples]:
                print(f"    {example!r:.160}")
    if options.json:
        rows = [
            msgspec.to_builtins(one) | {"recall": one.recall, "false_alarms": one.false_alarms}
            for one in scores
        ]
        print(msgspec.json.encode(rows).decode())
    least, most = _TARGETS
    return int(any(one.recall < least or one.false_alarms > most for one in scores))


def measure(step: int = 1) -> Iterator[Score]:
    """Judge every `step`-th sample of each set."""
    inspector = Inspector(packaged_detector(_KEY))
    commands = list(islice(detect_sets.commands(), 0, None, step))
    yield _score(
        "commands",
        [(command, bool(effect)) for effect, command in commands],
        lambda command: is_dangerous(judge_command(command)),
    )
    destinations = list(islice(detect_sets.destinations(), 0, None, step))
    yield _score(
        "destinations",
        [(text, code != "ok") for code, text in destinations],
        lambda text: forbidden(text) is not None,
    )
    yield _secrets(inspector, step)
    yield _encoded(inspector, step)


def _secrets(inspector: Inspector, step: int) -> Score:
    found = bad = alarms = good = 0
    wrong = []
    for sample in islice(detect_sets.secrets(), 0, None, step):
        bad += 1
        if _covers(inspector.inspect(sample.text).findings, sample.spans):
            found += 1
        else:
            wrong.append(f"missed: {sample.text}")
    for seed in _SEEDS:
        for sample in detect_sets.benign(seed):
            good += 1
            if not inspector.inspect(sample.text).is_clean:
                alarms += 1
                wrong.append(f"false alarm: {sample.text}")
    return Score("secrets", found, bad, alarms, good, tuple(wrong))


def _encoded(inspector: Inspector, step: int) -> Score:
    found = bad = alarms = good = 0
    wrong = []
    for name, encode in ENCODINGS.items():
        for text in islice(detect_sets.bare_secrets(name), 0, None, step):
            bad += 1
            if inspector.inspect(encode(text)).findings:
                found += 1
            else:
                wrong.append(f"missed in {name}: {text}")
        for sample in islice(detect_sets.benign(name), 0, None, step * _FEWER):
            good += 1
            if not inspector.inspect(encode(sample.text)).is_clean:
                alarms += 1
                wrong.append(f"false alarm in {name}: {sample.text}")
    return Score("secrets, encoded", found, bad, alarms, good, tuple(wrong))


def _score(what: str, rows: Iterable[tuple[str, bool]], judge: Callable[[str], bool]) -> Score:
    judged = [(text, bad, judge(text)) for text, bad in rows]
    return Score(
        what,
        found=sum(bad and says for _, bad, says in judged),
        bad=sum(bad for _, bad, _ in judged),
        alarms=sum(says and not bad for _, bad, says in judged),
        good=sum(not bad for _, bad, _ in judged),
        examples=tuple(
            f"{'missed' if bad else 'false alarm'}: {text}"
            for text, bad, says in judged
            if bad != says
        ),
    )


def _covers(findings: Iterable[Finding], spans: Iterable[tuple[int, int]]) -> bool:
    """Whether nothing of any span is left when the findings are taken out."""
    places = sorted((one.start, one.end) for one in findings)
    for start, end in spans:
        at = start
        for begin, stop in places:
            if begin <= at:
                at = max(at, stop)
        if at < end:
            return False
    return True


def _line(score: Score) -> str:
    recall = _interval(score.found, score.bad)
    alarms = _interval(score.alarms, score.good)
    return (
        f"{score.what:20}  {score.recall:7.4f}  {recall:>15}  {score.bad:6,}  "
        f"{score.false_alarms:12.4f}  {alarms:>15}  {score.good:6,}"
    )


def _interval(hits: int, tries: int) -> str:
    """Wilson's interval of a share."""
    if not tries:
        return ""
    share, spread = hits / tries, _SHARE * _SHARE / tries
    centre = (share + spread / 2) / (1 + spread)
    half = _SHARE / (1 + spread) * sqrt(share * (1 - share) / tries + spread / tries / 4)
    return f"{max(0.0, centre - half):.4f}-{min(1.0, centre + half):.4f}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.detect_quality", description=__doc__)
    parser.add_argument("--step", type=int, default=1, help="judge every STEP-th sample only")
    parser.add_argument("--examples", type=int, default=0, help="print so many wrong ones each")
    parser.add_argument("--json", action="store_true", help="print one JSON array")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
