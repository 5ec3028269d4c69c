"""How this process is confined: what keeps it from doing harm, and which of that keeps it from seeing."""

from __future__ import annotations

import os
from collections.abc import Iterator

from docker_storage_exporter.doctor.facts import Facts
from docker_storage_exporter.doctor.finding import Finding, State
from docker_storage_exporter.model.text import path_below, printable

_FREE_SELINUX_TYPES = frozenset({"spc_t", "unconfined_t", "unconfined_service_t"})

_WRITES = frozenset({"CAP_DAC_OVERRIDE", "CAP_SYS_ADMIN"})


def findings(facts: Facts) -> Iterator[Finding]:
    """About Landlock, privileges, the security modules, the user namespace and, in a container, its root."""
    yield _landlock(facts)
    yield _privileges(facts)
    if facts.confinement.apparmor:
        yield _apparmor(facts.confinement.apparmor)
    if facts.confinement.selinux:
        yield _selinux(facts.confinement.selinux)
    if facts.confinement.is_remapped:
        yield _users(facts)
    if facts.contained:
        yield _root(facts)


def _landlock(facts: Facts) -> Finding:
    sandbox = facts.sandbox
    if sandbox.stands and sandbox.folder and _is_below(facts.host.view(facts.root.path), sandbox.folder):
        what = f"{sandbox}, and the data root lies there"
        return Finding("landlock", State.WARNING, what, do="give --state.file a folder of its own")
    if sandbox.missing:
        do = "allow landlock_* in the seccomp profile and have the kernel start with it; until then see read-only"
        return Finding("landlock", State.WARNING, str(sandbox), do=do)
    return Finding("landlock", State.OK, str(sandbox))


def _is_below(path: str, folder: str) -> bool:
    return bool(path_below(os.path.realpath(path), folder))


def _privileges(facts: Facts) -> Finding:
    """Without the flag, a program with set-user-ID could give more than the container was meant to have.

    Landlock comes with it, and so does the filter against file handles.
    """
    confinement = facts.confinement
    known = {True: "no new privileges", False: "new privileges by set-user-ID programs", None: ""}
    flag = True if facts.sandbox.stands or not facts.sandbox.handles else confinement.no_new_privileges
    parts = [known[flag], confinement.seccomp and f"seccomp {confinement.seccomp}"]
    parts += [] if facts.sandbox.handles else ["no file by handle"]
    what = ", ".join(part for part in parts if part) or "the kernel does not tell"
    excess = sorted(facts.rights.capabilities & _WRITES)
    if facts.contained and excess:
        what += f", {', '.join(excess)}, which writes where permissions would forbid it"
        do = "docker run --cap-drop ALL --cap-add DAC_READ_SEARCH"
        return Finding("privileges", State.WARNING, what, do=do)
    if facts.contained and flag is False:
        do = "docker run --security-opt no-new-privileges"
        return Finding("privileges", State.WARNING, what, do=do)
    return Finding("privileges", State.OK, what)


def _apparmor(profile: str) -> Finding:
    if profile.startswith("unconfined"):
        return Finding("apparmor", State.OK, "unconfined")
    what = f"{printable(profile)}: of other processes, it may let those alone be entered that have the same profile"
    return Finding("apparmor", State.OK, what)


def _selinux(context: str) -> Finding:
    kind = context.split(":")[2]
    if kind in _FREE_SELINUX_TYPES:
        return Finding("selinux", State.OK, printable(context))
    what = f"{printable(context)}: {printable(kind)} may read what is labelled for it alone, whatever the capabilities"
    return Finding("selinux", State.WARNING, what, do="docker run --security-opt label=disable")


def _users(facts: Facts) -> Finding:
    inside, outside, count = facts.confinement.users[0]
    total = sum(entry[2] for entry in facts.confinement.users)
    what = f"uid {inside} here is uid {outside} of the host: capabilities hold for files of {total} mapped users alone"
    if count == total == 1:
        what = f"uid {inside} here is uid {outside} of the host: capabilities hold for that user's files alone"
    return Finding("user namespace", State.WARNING, what, do="docker run --userns host")


def _root(facts: Facts) -> Finding:
    root = facts.mounts.at("/")
    if root is not None and root.read_only:
        return Finding("root filesystem", State.OK, "the container's own is read-only")
    return Finding("root filesystem", State.WARNING, "the container's own is writable", do="docker run --read-only")
