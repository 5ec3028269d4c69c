"""Times as engines write them."""

from __future__ import annotations

import re
from datetime import datetime, timezone

_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)")


def epoch_seconds(text: str) -> float:
    """Seconds since the epoch of an engine's timestamp, which carries nanoseconds; 0 for what is none."""
    match = _TIME.match(text)
    if match is None:
        return 0.0
    try:
        moment = datetime.fromisoformat(match[1] + match[3].replace("Z", "+00:00")).astimezone(timezone.utc)
        return moment.timestamp() + float(match[2] or 0)
    except (ValueError, OverflowError):  # the 31st of February, or the year 0 in an eastern time zone
        return 0.0
