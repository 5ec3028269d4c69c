"""How large the user's terminal is, and how its line is cleared."""

from __future__ import annotations

import os
from typing import TextIO

CLEAR = "\r\x1b[K"
"""Returns to the start of the line and clears it."""


def size_of(stream: TextIO) -> tuple[int, int]:
    """Columns and lines of the terminal now; 80 and 24 where it does not know."""
    try:
        columns, lines = os.get_terminal_size(stream.fileno())
    except OSError:
        columns = lines = 0
    return columns or 80, lines or 24
