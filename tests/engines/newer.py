"""Today's Docker Engine with today's containerd, out of a tree of their own, in a mount namespace of their own."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

from engine.dockerd import Dockerd

from waiting import wait_until

TREE = Path("/var/cache/docker-storage-exporter/engines")
"""Where `tests/engines/tree` makes it."""

_ENTER = Path(__file__).parent / "enter"
_PATIENCE = 60
_CONFIG = """\
version = 3
root = "{root}"
state = "{folder}/state"
disabled_plugins = ["io.containerd.cri.v1.runtime", "io.containerd.cri.v1.images", "io.containerd.grpc.v1.cri"]
[grpc]
  address = "{socket}"
"""


class NewerEngine(Dockerd):
    """A Docker of today with one of its stores: `overlayfs` or `native` in containerd, or `overlay2`.

    A `managed` containerd is started by dockerd itself; else there is one as a distribution has it.
    """

    def __init__(self, folder: Path, store: str, *, managed: bool = False) -> None:
        subprocess.run(["mount", "--bind", folder, folder], check=True)
        subprocess.run(["mount", "--make-shared", folder], check=True)
        command = ["unshare", "--mount", "--propagation", "unchanged", _ENTER, TREE, folder]
        self._space = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        wait_until(lambda: self._space.poll() is not None or (folder / "entered").exists(), "a mount namespace")
        assert self._space.poll() is None, f"{TREE} cannot be entered"
        super().__init__(folder, ("nsenter", "--target", str(self._space.pid), "--mount", "--root", "--wd", "env",
                                  "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"))  # fmt: skip
        self.store = store
        self.managed = managed
        self.containerd_root = self.data_root / "containerd/daemon" if managed else folder / "containerd"
        self.socket = folder / ("exec/containerd/containerd.sock" if managed else "containerd.sock")
        self._containerd: subprocess.Popen[bytes] | None = None

    def start(self, *options: str) -> None:
        """Start containerd, unless it still runs, and dockerd."""
        if not self.managed and self._containerd is None:
            self.start_containerd()
        features = {"containerd-snapshotter": self.store != "overlay2"}
        settings: dict[str, object] = {"features": features}
        if self.store != "overlayfs":
            settings["storage-driver"] = self.store
        if not self.managed:
            settings["containerd"] = str(self.socket)
        (self.folder / "daemon.json").write_text(json.dumps(settings))
        super().start("--config-file", str(self.folder / "daemon.json"), *options)

    def stop_all(self) -> None:
        """Stop dockerd, then containerd."""
        self.stop()
        if self._containerd is not None:
            self._containerd.terminate()
            self._containerd.wait(_PATIENCE)
            self._containerd = None

    def kill(self) -> None:
        """Let dockerd end as if by a crash."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(_PATIENCE)
        self._process = None

    def ctr(self, *arguments: str) -> str:
        """What containerd's own client prints."""
        command = [*self.prefix, "ctr", "--address", str(self.socket), "--namespace", "moby", *arguments]
        return subprocess.run(command, capture_output=True, check=True, text=True, timeout=_PATIENCE).stdout

    def build(self, tag: str, dockerfile: str) -> None:
        """Build an image with BuildKit."""
        context = self.folder / f"build-{tag.partition(':')[0]}"
        context.mkdir(exist_ok=True)
        (context / "Dockerfile").write_text(dockerfile)
        self.docker("build", "--network", "none", "--tag", tag, str(context))

    def clean_up(self) -> None:
        """End everything that was started, and remove what it left."""
        with contextlib.suppress(AssertionError, subprocess.SubprocessError):
            for identity in self.docker("ps", "--all", "--quiet").split() if self._process is not None else ():
                self.docker("rm", "--force", "--volumes", identity)
        self.stop_all()
        for pid in _processes_of(self.folder):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._space.kill()
        self._space.wait(_PATIENCE)
        lines = Path("/proc/self/mountinfo").read_text().splitlines()
        for mountpoint in sorted({line.split(" ")[4] for line in lines}, reverse=True):
            if mountpoint == str(self.folder) or mountpoint.startswith(f"{self.folder}/"):
                subprocess.run(["umount", "--lazy", mountpoint], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def start_containerd(self) -> None:
        """Start containerd alone."""
        config = self.folder / "containerd.toml"
        config.write_text(_CONFIG.format(root=self.containerd_root, folder=self.folder, socket=self.socket))
        with (self.folder / "containerd.log").open("ab") as log:
            self._containerd = subprocess.Popen(
                [*self.prefix, "containerd", "--config", str(config)], stdout=log, stderr=log
            )
        wait_until(self._containerd_answers, "containerd to answer")

    def _containerd_answers(self) -> bool:
        assert self._containerd is not None
        assert self._containerd.poll() is None, (self.folder / "containerd.log").read_text()
        asked = [*self.prefix, "ctr", "--address", str(self.socket), "version"]
        return subprocess.run(asked, capture_output=True, check=False).returncode == 0


def _processes_of(folder: Path) -> list[int]:
    """The shims of an engine in this folder, and their containers' first processes: what a crash leaves running."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (process / "cmdline").read_bytes().split(b"\0")
            if b"containerd-shim" in command[0] and any(part.startswith(os.fsencode(folder)) for part in command):
                children = (process / "task" / process.name / "children").read_text().split()
                found += [*map(int, children), int(process.name)]
    return found
