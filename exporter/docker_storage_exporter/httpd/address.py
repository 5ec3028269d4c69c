"""Where to listen."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Address:
    """An address to listen on; an empty host means every one, IPv6 included where the system has it."""

    host: str
    port: int

    def __str__(self) -> str:
        host = self.host or "0.0.0.0"  # noqa: S104 - shown to the user, who chose it
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"
