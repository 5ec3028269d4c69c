"""Files and names that the demo is made of."""

from __future__ import annotations

import hashlib
import os

_PART = b"demo" * (16 * 1024)


def hexadecimal(*words: str) -> str:
    """An id of 64 digits that some words always have."""
    return hashlib.sha256("/".join(words).encode()).hexdigest()


def write(path: str, text: str) -> None:
    """A file with a text, in a folder that is made for it. Raises OSError."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def fill(path: str, size: int) -> None:
    """A file that really takes its room on disk, in a folder that is made for it. Raises OSError."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.writelines(_PART for _ in range(size // len(_PART)))
        file.write(b"." * (size % len(_PART)))
