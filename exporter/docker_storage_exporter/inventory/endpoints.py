"""The published list: every request this program ever sends to an engine. All are GET, none makes the engine walk."""

from __future__ import annotations

import re

ENDPOINTS: dict[str, str] = {
    "/version": "which engine and API version answers",
    "/info": "data root, storage driver, identity",
    "/volumes": "volumes with driver, labels and options",
    "/containers/json": "containers in every state",
    "/containers/<id>/json": "one container's mounts, log settings, process and layer",
    "/events": "a hint that something changed",
}
"""Path (without the version prefix) to purpose. `<id>` stands for 64 hexadecimal digits."""

_ALLOWED = re.compile(
    r"(?:/v1\.\d+)?(?:" + "|".join(re.escape(path).replace("<id>", "[0-9a-f]{64}") for path in ENDPOINTS) + ")"
)
_SIZES = re.compile(r"(?:^|[?&])size=(?!0(?:&|$))")


def allowed(method: str, path: str, query: str = "") -> bool:
    """Whether a request is on the list and does not ask the engine for sizes, which would make it walk."""
    return method == "GET" and _ALLOWED.fullmatch(path) is not None and _SIZES.search(query) is None
