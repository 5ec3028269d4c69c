"""Whether two processes run on one host: every boot of a kernel has a number that all of its containers see."""

from __future__ import annotations

import hashlib


def host_mark(procfs: str) -> str:
    """A text that is equal in all processes of a host, and changes at its next boot; empty without /proc.

    It is a digest: the kernel's own number stays here.
    """
    try:
        with open(f"{procfs}/sys/kernel/random/boot_id", "rb") as file:
            return hashlib.sha256(b"docker-storage-exporter " + file.read().strip()).hexdigest()[:16]
    except OSError:
        return ""
