"""Who this process is, as the kernel sees it: its user and the capabilities that are in effect."""

from __future__ import annotations

from dataclasses import dataclass

# The numbers of linux/capability.h. Only those are named that change what can be seen here.
_NAMES = {1: "CAP_DAC_OVERRIDE", 2: "CAP_DAC_READ_SEARCH", 19: "CAP_SYS_PTRACE", 21: "CAP_SYS_ADMIN"}


@dataclass(frozen=True, slots=True)
class Rights:
    """The effective user, and those of its effective capabilities that matter for reading."""

    uid: int
    capabilities: frozenset[str] = frozenset()

    @property
    def reads_everything(self) -> bool:
        """Whether files and directories of any user can be read."""
        return bool(self.capabilities & {"CAP_DAC_READ_SEARCH", "CAP_DAC_OVERRIDE"})

    @property
    def enters_processes(self) -> bool:
        """Whether the root directory of any process can be opened."""
        return "CAP_SYS_PTRACE" in self.capabilities


def read_rights(status: str = "/proc/self/status") -> Rights:
    """The rights in a status file (man 5 proc). Raises OSError without /proc."""
    with open(status, encoding="utf-8", errors="replace") as lines:
        facts = dict(line.rstrip("\n").split(":", 1) for line in lines if ":" in line)
    mask = int(facts["CapEff"], 16)
    return Rights(int(facts["Uid"].split()[1]), frozenset(name for bit, name in _NAMES.items() if mask >> bit & 1))
