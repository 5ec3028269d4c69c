"""A node as far as a container can tell: runs what a DaemonSet says with its mounts, user, rights and arguments.

This machine's files are the image, with this checkout as the program. Mounts and the root are the container's own, in
a mount namespace that ends with it.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from conftest import need

from waiting import wait_until

PROJECT = Path(__file__).parent.parent.parent
PROGRAM = (sys.executable, "-m", "docker_storage_exporter")
_RECURSIVE = {"HostToContainer": "rslave", "None": "rprivate"}
Manifest = dict[str, Any]


class Node:
    """Runs pods. `sources` are folders for the volumes that are no hostPath, by the volume's name."""

    def __init__(self, folder: Path, pod: Manifest, sources: dict[str, Path]) -> None:
        need("unshare", "mount", "setpriv", "chroot", root=True)
        self.folder = folder
        self._pod = pod
        self._sources = sources
        self._container: Manifest = next(one for one in pod["containers"] if one["name"] == "exporter")
        (folder / "container").mkdir(exist_ok=True)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run another command in the container's place, to its end."""
        return subprocess.run(self._command(command), capture_output=True, text=True, timeout=60, check=False)

    def start(self) -> Running:
        """Start the container."""
        return Running(self._command((*PROGRAM, *self._container["args"])), self.folder / "log", self._container)

    def _command(self, command: tuple[str, ...]) -> list[str]:
        script = "\n".join(["set -e", *self._root(), *self._mounts(), self._enter(command)])
        namespaces = [] if self._pod.get("hostPID") else ["--pid", "--fork"]
        return ["unshare", "--mount", *namespaces, "--propagation", "slave", "sh", "-c", script]

    def _root(self) -> list[str]:
        """A root of the container's own, in which mount points can be made without a trace on this machine."""
        root, made = self._path(""), self.folder / "container"
        lines = [f"mount -t tmpfs tmpfs {made}", f"mkdir {made}/upper {made}/work {made}/root"]
        lines += [f"mount -t overlay -o lowerdir=/,upperdir={made}/upper,workdir={made}/work overlay {root}"]
        lines += [
            f"mount -t tmpfs tmpfs {root}/run",
            f"mount --rbind /proc {root}/proc",
            f"mount --rbind /dev {root}/dev",
        ]
        for path in dict.fromkeys((sys.base_prefix, sys.prefix, str(PROJECT))):
            lines += [f"mkdir -p {root}{path}", f"mount --rbind {path} {root}{path}"]
        return lines

    def _mounts(self) -> list[str]:
        """The volumes, as a runtime mounts them, and then the root, so that nothing but them can be written."""
        volumes = {volume["name"]: volume for volume in self._pod["volumes"]}
        lines = []
        for mount in self._container["volumeMounts"]:
            source, target = self._source(volumes[mount["name"]], mount), self._path(mount["mountPath"])
            make = f"mkdir -p {target}" if source.is_dir() else f"mkdir -p {target.parent}; touch {target}"
            propagation = _RECURSIVE[mount.get("mountPropagation", "None")]
            lines += [make, f"mount --rbind {source} {target}", f"mount --make-{propagation} {target}"]
            if mount.get("readOnly"):
                lines.append(f"mount -o remount,bind,ro {target}")
            if mount.get("recursiveReadOnly", "Disabled") != "Disabled":
                below = f"awk -v below={target}/ 'index($5, below) == 1 {{print $5}}' /proc/self/mountinfo"
                lines.append(f'for path in $({below}); do mount -o remount,bind,ro "$path"; done')
        if self._container["securityContext"]["readOnlyRootFilesystem"]:
            lines.append(f"mount -o remount,bind,ro {self._path('')}")
        return lines

    def _source(self, volume: Manifest, mount: Manifest) -> Path:
        if "hostPath" in volume:
            path = Path(volume["hostPath"]["path"])
            assert volume["hostPath"].get("type") != "Directory" or path.is_dir()
            return path
        folder = self._sources[volume["name"]]
        return folder / mount["subPath"] if "subPath" in mount else folder

    def _enter(self, command: tuple[str, ...]) -> str:
        context = {**self._pod["securityContext"], **self._container["securityContext"]}
        assert context["capabilities"]["drop"] == ["ALL"]
        kept = [f"+{name.lower()}" for name in context["capabilities"].get("add", ())]
        rights = ["setpriv", f"--reuid={context['runAsUser']}", f"--regid={context['runAsGroup']}", "--clear-groups"]
        rights += [f"--bounding-set={','.join(['-all', *kept])}", "--inh-caps=-all"]
        rights += [] if context["allowPrivilegeEscalation"] else ["--no-new-privs"]
        named = {one["name"]: one["value"] for one in self._container.get("env", ()) if "value" in one}
        variables = [f"{name}={value}" for name, value in {"PATH": os.environ["PATH"], **named}.items()]
        return "exec " + shlex.join(["chroot", str(self._path("")), "env", "-i", *variables, *rights, *command])

    def _path(self, path: str) -> Path:
        return Path(f"{self.folder}/container/root{path}")


class Running:
    """A started container; `port` is the one that it names `metrics`."""

    def __init__(self, command: list[str], log: Path, container: Manifest) -> None:
        self.log = log
        self.port = next(port["containerPort"] for port in container["ports"] if port["name"] == "metrics")
        self._probe = container["readinessProbe"]["httpGet"]["path"]
        with log.open("ab") as file:
            self._process = subprocess.Popen(command, stdout=file, stderr=file)
        wait_until(self._is_ready, f"{self._probe}: {log}")

    def _is_ready(self) -> bool:
        assert self._process.poll() is None, self.log.read_text()
        try:
            return self.get(self._probe) == "ready\n"
        except OSError:
            return False

    def get(self, path: str) -> str:
        """A page. Raises OSError."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
            text: str = answer.read().decode()
            return text

    def objects(self) -> Manifest:
        """The objects that it knows."""
        document: Manifest = json.loads(self.get("/api/v1/objects"))
        return document

    def stop(self) -> int:
        """End it as the kubelet does; its exit code. In a PID namespace it is the child of what made that."""
        started = self._process.pid
        if self._process.poll() is None:
            children = Path(f"/proc/{started}/task/{started}/children").read_text().split()
            os.kill(int(children[0]) if children else started, signal.SIGTERM)
        return self._process.wait(60)
