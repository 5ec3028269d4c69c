"""A data root of any size, in the demo's layout: that of a real engine with overlay2."""

from __future__ import annotations

import os
from datetime import datetime, timezone

from docker_storage_exporter.demo.data_root import Demo, _Container

_CONTENT = b"benchmark\n"
_FILES_PER_FOLDER = 50


class Many(Demo):
    """Writes so many volumes of so many small files each, and so many containers that mount one volume each."""

    def __init__(self, folder: str, volumes: int, files: int, containers: int) -> None:
        super().__init__(folder)
        self._sizes = volumes, files, containers

    def build(self) -> None:
        volumes, files, containers = self._sizes
        for number in range(volumes):
            _fill(f"{self.data_root}/volumes/volume-{number:05}/_data", files)
        created = datetime.now(timezone.utc)
        for number in range(containers):
            mounts = {f"volume-{number:05}": "/data"}
            project = f"project-{number // 10}"
            container = _Container(f"{project}-service-{number}-1", "image:1", project, volumes=mounts)
            self._build_container(container, created)


def _fill(folder: str, files: int) -> None:
    for first in range(0, files, _FILES_PER_FOLDER):
        subfolder = f"{folder}/folder-{first:04}"
        os.makedirs(subfolder)
        for number in range(first, min(first + _FILES_PER_FOLDER, files)):
            with open(f"{subfolder}/file-{number:04}", "wb") as file:
                file.write(_CONTENT)
