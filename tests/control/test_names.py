"""Names for bottles that nobody named."""

import re

from hypothesis import given
from hypothesis import strategies as st

from stopper.control.names import fresh_name


class Everything:
    """Where each name is taken."""

    def __contains__(self, _: object) -> bool:
        return True


def test_a_name_is_easy_to_say() -> None:
    assert re.fullmatch(r"[a-z]+-[a-z]+", fresh_name(()))


@given(st.integers(0, 90))
def test_a_name_is_free(count: int) -> None:
    taken: set[str] = set()
    for _ in range(count):
        name = fresh_name(taken)
        assert name not in taken
        taken.add(name)


def test_a_name_has_a_number_where_all_are_taken() -> None:
    assert re.fullmatch(r"[a-z]+-[a-z]+-[0-9a-f]{6}", fresh_name(Everything()))
