"""The values of fields in a row: a secret may be cut over them, with names in between."""

from collections.abc import Iterable

from stopper.detect.fields import EDGE, fields

__all__ = ["in_a_row", "spread"]


def spread(data: bytes) -> bytes:
    """The values of a JSON, multipart or form body, or of a query, one behind the other.

    Those that have a name come twice: among all of them, and with all of that name by themselves.
    """
    named: dict[bytes, list[bytes]] = {}
    row = []
    for name, text, *_ in fields(data):
        row.append(text)
        named.setdefault(name, []).append(text)
    if len(named) > 1:
        row += [text for texts in named.values() if len(texts) > 1 for text in texts]
    return b"".join(row)


def in_a_row(values: Iterable[bytes]) -> bytes:
    """What a value may be put together from that is cut over these."""
    return b"".join(
        value if len(value) <= 2 * EDGE else value[:EDGE] + value[-EDGE:] for value in values
    )
