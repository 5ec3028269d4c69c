"""What the kernel and the build offer to the walks."""

from __future__ import annotations

from collections.abc import Iterator

from docker_storage_exporter.doctor.facts import Facts
from docker_storage_exporter.doctor.finding import Finding, State


def findings(facts: Facts) -> Iterator[Finding]:
    """About kernel and walker; none of them costs a number, but some cost time."""
    kernel = facts.kernel
    features = {
        "openat2": kernel.openat2,
        "SCHED_IDLE": kernel.idle_class,
        "idle I/O": kernel.idle_io,
        "birth times": kernel.birth_times,
        "fanotify": kernel.fanotify,
    }
    there = ", ".join(name for name, has in features.items() if has) or "none of what is asked for"
    missing = [name for name, has in features.items() if not has]
    what = f"Linux {kernel.release} has {there}" + (f"; not {', '.join(missing)}" if missing else "")
    if not kernel.idle_class:
        do = "allow sched_setscheduler in the seccomp profile"
        yield Finding("kernel", State.WARNING, f"{what}: walks compete with everybody for the processor", do=do)
    elif not kernel.idle_io:
        do = "allow ioprio_set in the seccomp profile"
        yield Finding("kernel", State.WARNING, f"{what}: walks compete with everybody for the disk", do=do)
    elif not kernel.openat2:
        yield Finding(
            "kernel", State.WARNING, f"{what}: each component of a path is opened by itself, which takes longer"
        )
    else:
        yield Finding("kernel", State.OK, what)
    if facts.sizer == "c":
        yield Finding("walker", State.OK, "the C core")
    else:
        what = "the plain twin of the C core: the same numbers, but walks take several times as long"
        yield Finding("walker", State.WARNING, what, do="install from a wheel, or with a compiler and Python's headers")
