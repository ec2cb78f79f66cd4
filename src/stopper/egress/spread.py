"""The values of fields in a row: a secret may be cut over them, with names in between."""

from collections.abc import Iterable

from stopper.detect.fields import Field, edges, fields

__all__ = ["in_a_row", "rows", "spread"]


def spread(data: bytes) -> bytes:
    """The values of a JSON, multipart or form body, or of a query, one behind the other.

    Those that have a name come twice: among all of them, and with all of that name by themselves.
    """
    return b"".join(field.text for row in rows(data) for field in row)


def rows(data: bytes) -> list[list[Field]]:
    """The rows that `spread` is made of: all fields, then those of each name that comes again."""
    named: dict[bytes, list[Field]] = {}
    row = []
    for field in fields(data):
        row.append(field)
        named.setdefault(field.name, []).append(field)
    again = [those for those in named.values() if len(those) > 1] if len(named) > 1 else []
    return [row, *again]


def in_a_row(values: Iterable[bytes]) -> bytes:
    """What a value may be put together from that is cut over these."""
    return b"".join(map(edges, values))
