"""Text that is fit for a page, and paths as text."""

from __future__ import annotations

from collections.abc import Sequence


def printable(text: str) -> str:
    r"""The text as valid UTF-8 for a label, a log line or a table: undecodable bytes and NUL become \xNN."""
    if "\0" in text:  # ends the page for Prometheus's lexer
        text = text.replace("\0", r"\x00")
    if text.isascii():
        return text
    try:
        raw = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # a surrogate that no byte stands behind: JSON can spell one
        raw = text.encode("utf-8", "backslashreplace")
    return raw.decode("utf-8", "backslashreplace")


def one_line(text: str) -> str:
    """The text with control characters escaped, so that it neither breaks its line nor commands the terminal."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def is_inside(path: str, folder: str) -> bool:
    """Whether a path is a folder or below it."""
    return path_below(path, folder) is not None


def path_below(path: str, folder: str) -> str | None:
    """What of a path lies below a folder: empty for the folder itself, None for a path elsewhere."""
    if path == folder:
        return ""
    prefix = folder.rstrip("/") + "/"
    return path[len(prefix) :] if path.startswith(prefix) else None


def some_of(names: Sequence[str], most: int = 3) -> str:
    """The first few of some names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def counted(number: int, noun: str, plural: str = "") -> str:
    """A number with its noun: 1 inode, 2 inodes."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"
