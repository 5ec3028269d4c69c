"""A real Docker Engine of the tests' own, an exporter beside it, and the page that it serves."""

from __future__ import annotations

import json
import shutil
import subprocess
import urllib.request
from collections.abc import Callable
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from docker_storage_exporter.cli.commands.serve import Exporter
from docker_storage_exporter.settings import Settings
from waiting import wait_until

IMAGE = "busybox:test"
_PATIENCE = 60


class Dockerd:
    """A dockerd in a folder; `docker(...)` runs the client against it.

    `prefix` is the command that runs both where they are installed, if that is not here.
    """

    def __init__(self, folder: Path, prefix: tuple[str, ...] = ()) -> None:
        self.folder = folder
        self.prefix = prefix
        self.data_root = folder / "data"
        self.host = f"unix://{folder}/docker.sock"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *options: str) -> None:
        """Start with these options and wait until it answers."""
        command: list[str | Path] = [*self.prefix, "dockerd", "--data-root", self.data_root]
        command += ["--exec-root", self.folder / "exec", "-H", self.host]
        command += [
            "--pidfile",
            self.folder / "pid",
            "--bridge=none",
            "--iptables=false",
            "--ip6tables=false",
            *options,
        ]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_until(self._answers, what="dockerd to answer")

    def stop(self) -> None:
        """Stop as a host that shuts down does: running containers are ended."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(_PATIENCE)
            self._process = None

    def clean_up(self) -> None:
        """Remove its containers, stop, and unmount what a stopped dockerd leaves mounted."""
        if self._process is not None and self._process.poll() is None:
            client = [*self.prefix, "docker", "-H", self.host]
            listed = subprocess.run([*client, "ps", "-aq"], capture_output=True, text=True, check=False)
            if ids := listed.stdout.split():
                subprocess.run([*client, "rm", "-fv", *ids], capture_output=True, check=False)
        self.stop()
        mounts = [line.split(" ")[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
        for mountpoint in sorted((path for path in mounts if path.startswith(f"{self.folder}/")), reverse=True):
            subprocess.run(["umount", "-l", mountpoint], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def docker(self, *arguments: str, stdin: bytes | None = None) -> str:
        """What the docker client prints."""
        done = subprocess.run(
            [*self.prefix, "docker", "-H", self.host, *arguments],
            input=stdin,
            capture_output=True,
            check=False,
            timeout=_PATIENCE,
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode().strip()

    def run(self, name: str, script: str, *options: str) -> str:
        """Start a container with a shell script that then sleeps; its id."""
        shell = ["/bin/sh", "-c", f"{script}; echo ready >/dev/null; touch /done; exec sleep 100000"]
        return self.docker("run", "-d", "--network", "none", "--name", name, *options, IMAGE, *shell)

    def get(self, path: str) -> dict:
        """The engine's own answer to a GET."""
        socket = self.host.removeprefix("unix://")
        command = ["curl", "-sf", "--unix-socket", socket, f"http://engine{path}"]
        return json.loads(subprocess.run(command, capture_output=True, check=True, timeout=_PATIENCE).stdout)

    def volume_path(self, name: str) -> Path:
        """The folder of a plain volume."""
        return self.data_root / "volumes" / name / "_data"

    def layer_path(self, container: str) -> Path:
        """The folder of a container's writable layer."""
        mounts = self.data_root / "image/overlay2/layerdb/mounts"
        return self.data_root / "overlay2" / (mounts / container / "mount-id").read_text() / "diff"

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.folder / "log").read_text()
        asked = subprocess.run([*self.prefix, "docker", "-H", self.host, "version"], capture_output=True, check=False)
        return asked.returncode == 0

    def import_image(self, folder: Path) -> None:
        """Make the image: a static busybox and nothing else."""
        (folder / "bin").mkdir(parents=True)
        shutil.copy(shutil.which("busybox"), folder / "bin/busybox")
        for applet in ("sh", "sleep", "dd", "cat", "ln", "mkdir", "touch", "seq", "rm", "yes", "head", "truncate"):
            (folder / "bin" / applet).symlink_to("busybox")
        tar = subprocess.run(["tar", "-C", folder, "-c", "."], capture_output=True, check=True)
        self.docker("import", "-", IMAGE, stdin=tar.stdout)


class Page:
    """One scrape, as a mapping of (name, labels) to values."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.samples = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def value(self, name: str, **labels: str) -> float | None:
        """The value of one series, None when it is not there."""
        return self.samples.get((name, frozenset(labels.items())))

    def by(self, label: str, name: str) -> dict[str, float]:
        """The values of a family by one label."""
        return {dict(labels)[label]: value for (sample, labels), value in self.samples.items() if sample == name}


class Scraped:
    """An exporter at a `url`."""

    url: str

    def page(self) -> Page:
        """Scrape it."""
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=10) as answer:
            return Page(answer.read().decode())

    def wait_for(self, condition: Callable[[Page], bool], what: str = "the page") -> Page:
        """Scrape until a condition holds; the page on which it did."""
        found: list[Page] = []

        def holds() -> bool:
            try:
                found[:] = [self.page()]
            except OSError:
                if self.may_answer_later():
                    return False
                raise
            return condition(found[0])

        wait_until(holds, what)
        return found[0]

    def settled(self) -> Page:
        """The first page on which nothing is pending."""

        def nothing_is_pending(page: Page) -> bool:
            pending = page.by("kind", "docker_storage_pending_objects")
            return bool(pending) and not any(pending.values())

        return self.wait_for(nothing_is_pending, "measurements")

    def may_answer_later(self) -> bool:
        """Whether one that does not answer is only slow to start."""
        return False


class Running(Scraped):
    """An exporter that runs in this process."""

    def __init__(self, settings: Settings) -> None:
        self.exporter = Exporter(settings)
        self.exporter.start()
        self.url = self.exporter.server.urls[0]


def du(path: Path) -> int:
    """What `du -sx -B1` says of a path."""
    return int(subprocess.run(["du", "-sx", "-B1", path], capture_output=True, check=True).stdout.split()[0])
