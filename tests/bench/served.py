"""An exporter in a process of its own, looked at from outside: its page, its memory, its CPU time."""

from __future__ import annotations

import http.client
import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

_TICKS = os.sysconf("SC_CLK_TCK")
_OPENMETRICS = "application/openmetrics-text;version=1.0.0"
_POLL_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Scrape:
    """One scrape: how long it took from connecting to the last byte, and the bytes of the body on the wire."""

    seconds: float
    body: bytes


class Served:
    """The exporter on a data root without an engine, until the `with` block ends."""

    def __init__(self, folder: str, data_root: str, *flags: str) -> None:
        command = [sys.executable, "-m", "docker_storage_exporter", "serve", *flags]
        command += [f"--docker.host=unix://{folder}/none.sock", f"--path.data-root={data_root}"]
        self._command = [*command, "--web.listen-address=127.0.0.1:0"]

    def __enter__(self):
        self._started = time.monotonic()
        self._process = subprocess.Popen(self._command, stderr=subprocess.PIPE, text=True)
        for line in self._process.stderr:
            found = re.search(r"listening on http://127\.0\.0\.1:(\d+)", line)
            if found:
                self._port = int(found[1])
                return self
        raise SystemExit("the exporter did not start")

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()
        self._process.stderr.close()

    def scrape(self, *, gzip: bool = False) -> Scrape:
        """Scrape as Prometheus does: OpenMetrics, with or without gzip, on a new connection."""
        headers = {"Accept": _OPENMETRICS, "Accept-Encoding": "gzip" if gzip else "identity"}
        started = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        connection.request("GET", "/metrics", headers=headers)
        body = connection.getresponse().read()
        seconds = time.perf_counter() - started
        connection.close()
        return Scrape(seconds, body)

    def first_numbers(self, kinds: Sequence[str]) -> float:
        """Wait until an object of each of these kinds was measured; seconds since the start of the process."""
        while not all(self.sum("docker_storage_exporter_measurements_total", f'kind="{kind}"') for kind in kinds):
            time.sleep(_POLL_SECONDS)
        return time.monotonic() - self._started

    def first_pass(self) -> float:
        """Wait until every object was measured once; seconds since the start of the process."""
        while self.sum("docker_storage_pending_objects") > 0:
            time.sleep(_POLL_SECONDS)
        return time.monotonic() - self._started

    def sum(self, family: str, label: str = "") -> float:
        """The sum of a family's samples on the page now, those with a label if one is named."""
        labels = rf"\{{.*{label}.*\}}" if label else r"(?:\{.*\})?"
        line = rf"^{family}{labels} (\S+)$"
        samples = re.findall(line.encode(), self.scrape().body, re.MULTILINE)
        return sum(map(float, samples))

    def cpu_seconds(self) -> float:
        """CPU time of the process so far, user and system."""
        with open(f"/proc/{self._process.pid}/stat", encoding="ascii") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def memory(self, which: str = "VmRSS") -> int:
        """Resident memory of the process in bytes: now, or with VmHWM at its highest."""
        with open(f"/proc/{self._process.pid}/status", encoding="ascii") as file:
            return int(re.search(which + r":\s+(\d+)", file.read())[1]) * 1024
