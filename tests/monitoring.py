"""Real Prometheus and Alertmanager servers of the tests' own, and a receiver for what they send."""

from __future__ import annotations

import contextlib
import json
import re
import secrets
import socket
import subprocess
import threading
import urllib.parse
import urllib.request
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from waiting import wait_until

MACROS = {
    "$job": ".+",
    "$instance": ".+",
    "$volume": ".+",
    "$container": ".+",
    "$source": ".+",
    "$__rate_interval": "5m",
}


def free_port() -> int:
    """A port that nothing listens on now. It is none of those that the kernel gives away by itself.

    Somebody's connection would take one of those before the caller does.
    """
    while True:
        port = 15_000 + secrets.randbelow(17_000)
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("", port))
            return port


def substituted(expr: str, macros: Mapping[str, str] = MACROS) -> str:
    """A panel's expression as Grafana would send it with every variable on All."""
    for name, value in macros.items():
        expr = expr.replace(name, value)
    assert "$" not in expr, expr
    return expr


class Server:
    """A process that listens on a port and says at an address when it is ready."""

    def __init__(self, folder: Path, command: list[str], ready: str) -> None:
        self.log = folder / "log"
        self.ready = ready
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
        wait_until(self._is_ready, command[0])

    def _is_ready(self) -> bool:
        assert self._process.poll() is None, self.log.read_text()
        try:
            with urllib.request.urlopen(self.ready, timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def stop(self) -> None:
        """End the process."""
        self._process.terminate()
        self._process.wait(60)


class Prometheus(Server):
    """A Prometheus in a folder. `config` is its configuration without what is said here."""

    def __init__(self, folder: Path, config: dict[str, Any], *options: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        command = ["prometheus", f"--web.listen-address=127.0.0.1:{port}", f"--config.file={folder}/prometheus.yml"]
        command += [f"--storage.tsdb.path={folder}/data", "--log.level=warn", *options]
        super().__init__(folder, command, f"{self.url}/-/ready")

    def api(self, path: str, **parameters: str) -> Any:
        """What the HTTP API answers. Fails with its own words."""
        data = urllib.parse.urlencode(parameters).encode()
        request = urllib.request.Request(f"{self.url}/api/v1/{path}", data if parameters else None)
        try:
            with urllib.request.urlopen(request, timeout=300) as answer:
                document = json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{parameters}: {error.read().decode()}") from error
        return document["data"]

    def query(self, expr: str, at: float | None = None) -> list[dict[str, Any]]:
        """An instant query's series."""
        moment = {"time": f"{at:.3f}"} if at is not None else {}
        result: list[dict[str, Any]] = self.api("query", query=expr, **moment)["result"]
        return result

    def query_range(self, expr: str, start: float, end: float, step: float) -> list[dict[str, Any]]:
        """A range query's series."""
        times = {"start": f"{start:.3f}", "end": f"{end:.3f}", "step": f"{step:g}"}
        result: list[dict[str, Any]] = self.api("query_range", query=expr, **times)["result"]
        return result


class Alertmanager(Server):
    """An Alertmanager in a folder that sends everything to one webhook at once."""

    def __init__(self, folder: Path, webhook: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        route = {"receiver": "test", "group_by": ["..."], "group_wait": "0s", "group_interval": "1s"}
        receiver = {"name": "test", "webhook_configs": [{"url": webhook, "send_resolved": True}]}
        (folder / "alertmanager.yml").write_text(yaml.safe_dump({"route": route, "receivers": [receiver]}))
        self.port = free_port()
        command = [
            "prometheus-alertmanager",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--cluster.listen-address=",
        ]
        command += [f"--config.file={folder}/alertmanager.yml", f"--storage.path={folder}/data", "--log.level=warn"]
        super().__init__(folder, command, f"http://127.0.0.1:{self.port}/-/ready")


class Webhook:
    """Receives what an Alertmanager sends; `alerts` are in the order of their arrival."""

    def __init__(self) -> None:
        self.alerts: list[dict[str, Any]] = []
        received = self.alerts

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                received.extend(json.loads(body)["alerts"])
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def find(self, name: str, status: str, **labels: str) -> dict[str, Any] | None:
        """The latest alert of that name, status and labels."""
        wanted = {"alertname": name, **labels}
        for alert in reversed(self.alerts):
            if alert["status"] == status and wanted.items() <= alert["labels"].items():
                return alert
        return None

    def stop(self) -> None:
        """Close the door."""
        self._server.shutdown()
        self._server.server_close()


def panel_queries(board: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Every query of a dashboard: its panel's title, its refId, its expression."""
    return [(p["title"], t["refId"], t["expr"]) for p in board["panels"] for t in p.get("targets", ())]


def metric_names(text: str) -> set[str]:
    """Every word of an expression that could be one of our metrics."""
    return set(re.findall(r"[a-z_]*:?docker_[a-z_]+(?::[a-z0-9_]+)?", text))
