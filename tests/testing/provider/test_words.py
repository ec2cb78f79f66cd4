from hypothesis import given
from hypothesis import strategies as st

from stopper.testing.provider.words import Speech, pieces


@given(st.text())
def test_pieces_are_the_text(text: str) -> None:
    """Nothing is lost or added by cutting."""
    assert "".join(pieces(text)) == text


@given(st.integers(0, 500))
def test_made_up_words_count_as_they_were_made(count: int) -> None:
    """A client can count the tokens of a reply from its text alone."""
    assert len(pieces(str(Speech(count)))) == count


@given(st.text(), st.integers(0, 40), st.integers(1, 9))
def test_deltas_are_the_beginning_of_the_text(text: str, count: int, size: int) -> None:
    """Cut off and in deltas of any size, words and their number stay the same."""
    speech = Speech.of(text).first(count)
    deltas = list(speech.deltas(size))
    assert "".join(delta for delta, _ in deltas) == "".join(pieces(text)[:count])
    assert sum(tokens for _, tokens in deltas) == speech.count
    assert all(tokens <= size for _, tokens in deltas)
