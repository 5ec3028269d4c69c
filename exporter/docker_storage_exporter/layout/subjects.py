"""All kinds of objects, found among the files of this room."""

from __future__ import annotations

from typing import cast

from docker_storage_exporter.layout.subject import Subject
from docker_storage_exporter.model.keys import Kind
from docker_storage_exporter.model.parts import parts

SUBJECTS: tuple[Subject, ...] = tuple(
    sorted(cast("list[Subject]", parts("docker_storage_exporter.layout", "SUBJECT")), key=lambda subject: subject.order)
)
"""The SUBJECT of each file here, in their order."""

KINDS: tuple[Kind, ...] = tuple(subject.kind for subject in SUBJECTS)
"""Every kind, in the same order: the closed set of the page's `kind` labels."""
