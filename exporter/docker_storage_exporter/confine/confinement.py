"""What else confines this process: no new privileges, seccomp, AppArmor or SELinux, and a user namespace."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

_EVERY_ID = 2**32 - 1
_SECCOMP = {"0": "off", "1": "strict", "2": "filter"}


@dataclass(frozen=True, slots=True)
class Confinement:
    """How this process is confined. `None` and empty texts stand for what the kernel does not tell.

    `seccomp` is off, strict or filter. `apparmor` is a profile with its mode, as in `docker-default (enforce)`, or
    `unconfined`; `selinux` a context, as in `system_u:system_r:container_t:s0`. `users` has how user ids here are those
    of the host, as (first here, first there, how many).
    """

    no_new_privileges: bool | None = None
    seccomp: str = ""
    apparmor: str = ""
    selinux: str = ""
    users: tuple[tuple[int, int, int], ...] = ((0, 0, _EVERY_ID),)

    @property
    def is_remapped(self) -> bool:
        """Whether this is a user namespace of its own: capabilities then hold for files of mapped users alone."""
        return self.users != ((0, 0, _EVERY_ID),)


def read_confinement(process: str = "/proc/self") -> Confinement:
    """The confinement of a process, by its folder in /proc (man 5 proc)."""
    lines = (line.split(":", 1) for line in _text(f"{process}/status").splitlines() if ":" in line)
    facts = {name: value.strip() for name, value in lines}
    apparmor, selinux = _label(process)
    return Confinement(
        no_new_privileges=facts["NoNewPrivs"] == "1" if "NoNewPrivs" in facts else None,
        seccomp=_SECCOMP.get(facts.get("Seccomp", ""), ""),
        apparmor=apparmor,
        selinux=selinux,
        users=_users(_text(f"{process}/uid_map")) or ((0, 0, _EVERY_ID),),
    )


def _label(process: str) -> tuple[str, str]:
    """AppArmor's profile and SELinux's context: both come from one file, where the first module that has one wins."""
    current = _text(f"{process}/attr/current")
    is_context = current.count(":") >= 3  # noqa: PLR2004 - user:role:type:level
    apparmor = _text(f"{process}/attr/apparmor/current") or ("" if is_context else current)
    return apparmor, current if is_context else ""


def _users(text: str) -> tuple[tuple[int, int, int], ...]:
    mappings = []
    with suppress(ValueError):
        for line in text.splitlines():
            inside, outside, count = (int(part) for part in line.split())
            mappings.append((inside, outside, count))
    return tuple(mappings)


def _text(path: str) -> str:
    """The content of a small file, empty when there is none or the kernel has nothing to say."""
    try:
        with open(path, "rb") as file:
            return file.read().rstrip(b"\0\n").decode(errors="replace")
    except OSError:
        return ""
