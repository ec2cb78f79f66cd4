"""A file's way of writing lines, kept in what replaces it."""

from typing import Final

__all__ = ["as_before", "decoded", "lines_of", "uses_crlf"]

_BOM: Final = b"\xef\xbb\xbf"


def as_before(old: bytes | None, content: str) -> bytes:
    """`content` with the line ends and the byte order mark that `old` has.

    A content that has such line ends itself is taken as it is.
    """
    if old is not None and uses_crlf(old) and "\r\n" not in content:
        content = content.replace("\n", "\r\n")
    data = content.encode()
    return _BOM + data if old and old.startswith(_BOM) and not data.startswith(_BOM) else data


def uses_crlf(data: bytes) -> bool:
    """Whether most lines end as Windows has it."""
    return data.count(b"\r\n") * 2 > data.count(b"\n")


def decoded(data: bytes | None) -> str | None:
    """The text of a file, or None where it is no UTF-8."""
    try:
        return (data or b"").decode()
    except UnicodeDecodeError:
        return None


def lines_of(text: str) -> list[str]:
    """The lines with their ends; only a line feed ends one."""
    parts = text.split("\n")
    last = parts.pop()
    return [f"{part}\n" for part in parts] + ([last] if last else [])
