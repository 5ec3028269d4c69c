"""Numbers as people read them: bytes, growth, lengths of time."""

from __future__ import annotations

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_STEP = 1024
_ROUNDED_UP = 1023.95  # from here on one decimal would show a whole step


def human_bytes(number: float | None) -> str:
    """Bytes in the largest unit that keeps a whole part, or a dash."""
    if number is None:
        return "-"
    value, unit = abs(float(number)), 0
    sign = "-" if number < 0 else ""
    while value >= (_STEP if unit == 0 else _ROUNDED_UP) and unit < len(_UNITS) - 1:
        value, unit = value / _STEP, unit + 1
    return f"{sign}{value:.0f} B" if unit == 0 else f"{sign}{value:.1f} {_UNITS[unit]}"


def human_growth(number: float | None) -> str:
    """Bytes with a sign, or a dash."""
    if number is None:
        return "-"
    text = human_bytes(number)
    return f"+{text}" if number > 0 and text != "0 B" else text.replace("-0 B", "0 B")


def human_seconds(seconds: float) -> str:
    """A length of time in its two largest units: 5 s, 4 min 10 s, 2 h 5 min, 3 d 1 h."""
    whole = max(0, round(seconds))
    parts = []
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        number, whole = divmod(whole, length)
        parts.append((number, unit))
    first = next((at for at, (number, _) in enumerate(parts) if number), len(parts) - 1)
    return " ".join(f"{number} {unit}" for number, unit in parts[first : first + 2] if number) or "0 s"
