"""All checks, in the order in which one depends on the other: the first bad finding explains those after it."""

from __future__ import annotations

from docker_storage_exporter.doctor import confinement, engine, kernel, objects, propagation, rights, roots
from docker_storage_exporter.doctor.facts import Facts
from docker_storage_exporter.doctor.finding import Finding

_SUBJECTS = (engine, roots, propagation, rights, objects, confinement, kernel)


def examine(facts: Facts) -> list[Finding]:
    """Every finding about these facts, in the order of the checks."""
    return [finding for subject in _SUBJECTS for finding in subject.findings(facts)]
