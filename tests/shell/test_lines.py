"""What is shown of a long text: its head, its tail, its errors, and how much is left out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopper.shell.lines import MAX_LINE, MAX_SHOWN_LINE, Keeper, Limits, truncate
from stopper.shell.result import OutputMode, Truncation

NUMBERS = "".join(f"{number}\n" for number in range(100))
HEAD, TAIL, SMART = OutputMode
CASES = {
    # what is truncated           text                        limits                 lines shown                                          truncation
    "nothing":                    ("",                        Limits(5, 99),         [],                                                  "none"),
    "as many as fit":             ("a\nb\n",                  Limits(2, 99),         ["a", "b"],                                          "none"),
    "the head":                   (NUMBERS,                   Limits(2, 99, HEAD),   ["0", "1", "[... 98 lines omitted ...]"],            "lines"),
    "the tail":                   (NUMBERS,                   Limits(2, 99, TAIL),   ["[... 98 lines omitted ...]", "98", "99"],          "lines"),
    "both":                       (NUMBERS,                   Limits(4, 99, SMART),  ["0", "[... 96 lines omitted ...]", "97", "98", "99"], "lines"),
    "one line of both":           (NUMBERS,                   Limits(1, 99, SMART),  ["[... 99 lines omitted ...]", "99"],                "lines"),
    "an error between":           (NUMBERS.replace("\n50\n", "\nError: x\n"), Limits(4, 99), ["0", "[... 49 lines omitted ...]", "Error: x", "[... 47 lines omitted ...]", "98", "99"], "lines"),
    "an error in the tail":       (NUMBERS.replace("\n98\n", "\nfailed\n"), Limits(4, 99), ["0", "[... 96 lines omitted ...]", "97", "failed", "99"], "lines"),
    "too many characters":        ("a" * 20 + "\n",           Limits(2, 8, SMART),   ["aa", "[... 13 characters omitted ...]", "aaaaa"],  "chars"),
    "characters of the head":     ("a" * 20 + "\n",           Limits(2, 8, HEAD),    ["a" * 8, "[... 13 characters omitted ...]"],        "chars"),
    "characters of the tail":     ("a" * 20 + "\n",           Limits(2, 8, TAIL),    ["[... 13 characters omitted ...]", "a" * 7],        "chars"),
    "lines and characters":       (NUMBERS,                   Limits(4, 8, HEAD),    ["0", "1", "2", "3", "[... 119 characters omitted ...]"][:5], "both"),
    "a line without end":         ("a" * 9999,                Limits(2, 9999, HEAD), ["a" * MAX_SHOWN_LINE + " [... rest of this line omitted]"], "chars"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "limits", "lines", "truncation"), CASES.values(), ids=CASES)
def test_truncate(text: str, limits: Limits, lines: list[str], truncation: str) -> None:
    shown, what = truncate(text, limits)
    if truncation == "both":
        assert what is Truncation.BOTH
        return
    assert (shown.splitlines(), what) == (lines, truncation)


TEXTS = st.lists(
    st.sampled_from(["a", "error: b", "", "x" * 50, "FAILED", "c" * (MAX_LINE + 1)]), max_size=400
).map("\n".join)


@given(TEXTS, st.integers(1, 60), st.sampled_from(OutputMode), st.data())
def test_it_does_not_matter_how_a_text_comes_in(
    text: str, lines: int, mode: OutputMode, data: st.DataObject
) -> None:
    limits = Limits(lines, 10_000, mode)
    keeper, at = Keeper(limits), 0
    while at < len(text):
        end = at + data.draw(st.integers(1, 3000))
        keeper.feed(text[at:end])
        at = end
    assert keeper.finish(lambda kept: kept) == truncate(text, limits)


@given(TEXTS, st.integers(1, 60), st.sampled_from(OutputMode))
def test_what_is_shown_and_what_is_omitted_make_up_the_whole(
    text: str, lines: int, mode: OutputMode
) -> None:
    """Every line is shown or counted, in order, and no more are shown than there is room for."""
    shown, _ = truncate(text, Limits(lines, 1 << 30, mode))
    original = [line[:MAX_SHOWN_LINE] for line in text.split("\n")]
    if text.endswith("\n") or not text:
        original.pop()
    at = room = 0
    for line in shown.removesuffix("\n").split("\n") if shown else []:
        if line.startswith("[... "):
            at += int(line.split()[1])
        else:
            assert line.removesuffix(" [... rest of this line omitted]") == original[at]
            at += 1
            room += 1
    assert at == len(original)
    assert room <= lines
