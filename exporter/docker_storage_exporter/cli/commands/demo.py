"""`demo`: a generated data root, served like a real one."""

from __future__ import annotations

import dataclasses
import sys
import tempfile
from collections.abc import Sequence

from docker_storage_exporter.cli.commands.serve import serve
from docker_storage_exporter.cli.options import parser, settings_from
from docker_storage_exporter.cli.signals import leave_on_sigterm
from docker_storage_exporter.demo.data_root import Demo
from docker_storage_exporter.demo.engine import DemoEngine
from docker_storage_exporter.errors import ExporterError
from docker_storage_exporter.settings import Settings

_GROW_SECONDS = 5.0
_READS = ("scan.", "inventory.", "publish.", "web.", "collector.", "limits.", "log.")


def run(arguments: Sequence[str]) -> int:
    """Build the demo in a temporary folder, serve it until SIGTERM or Ctrl-C, and remove it."""
    command = parser(
        "demo", "Serve a generated data root: a dozen volumes and containers, some growing while you watch.", _READS
    )
    settings = settings_from(command.parse_args(arguments))

    def shaped(settings: Settings) -> Settings:
        """The same settings, for what is made up here."""
        return dataclasses.replace(
            settings,
            docker_host=engine.host,
            path_rootfs="/",
            path_data_root=demo.data_root,
            state_file=None,
            security_landlock="off",  # it writes what it measures, and removes it in the end
            scan_interval=min(settings.scan_interval, _GROW_SECONDS),
            publish_interval=min(settings.publish_interval, _GROW_SECONDS / 2),
        )

    leave_on_sigterm()
    with tempfile.TemporaryDirectory(prefix="docker-storage-exporter-demo-") as folder:
        demo = Demo(folder)
        try:
            demo.build()
        except OSError as error:
            raise ExporterError(f"cannot build the demo in {folder}: {error.strerror}; set TMPDIR elsewhere") from error
        engine = DemoEngine(demo)
        print(f"demo: a made-up engine with its data root in {demo.data_root}, removed when this ends", file=sys.stderr)
        print(f"for the other commands: export DOCKER_HOST={engine.host}; df and watch need nothing", file=sys.stderr)
        demo.start_growing(_GROW_SECONDS)
        try:
            return serve(shaped(settings), lambda: shaped(settings_from(command.parse_args(arguments))))
        finally:
            demo.stop()
            engine.close()
