"""Time `df` from a running exporter against `df` that measures, with 10,000 volumes: python tests/bench/bench_df.py."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.many import Many

_COMMAND = (sys.executable, "-m", "docker_storage_exporter")
_RUNS = 5


def main() -> None:
    """Build a data root, let an exporter measure it, and print what each way takes."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--volumes", type=int, default=10_000)
    options.add_argument("--containers", type=int, default=200)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Many(folder, given.volumes, 3, given.containers)
        root.build()
        common = [f"--path.data-root={root.data_root}", f"--docker.host=unix://{folder}/none"]
        serve = [*_COMMAND, "serve", *common, "--web.listen-address=127.0.0.1:0", "--scan.duty=1"]
        with subprocess.Popen(serve, stderr=subprocess.PIPE, text=True) as process:
            try:
                url = _settled(process)
                address = f"--web.listen-address={url.removeprefix('http://')}"
                asked = sorted(_seconds(*common, address) for _ in range(_RUNS))
                _tell("from the exporter", asked)
                measured = sorted(_seconds(*common, "--no-exporter") for _ in range(_RUNS))
                _tell("measured", measured)
            finally:
                process.terminate()


def _tell(how: str, seconds: list[float]) -> None:
    sys.stdout.write(f"{how}: median {seconds[_RUNS // 2]:.2f} s, at most {seconds[-1]:.2f} s ({_RUNS} runs)\n")


def _settled(process: subprocess.Popen[str]) -> str:
    """Where the exporter is, once it has measured everything."""
    assert process.stderr is not None
    url = next(match[1] for line in process.stderr if (match := re.fullmatch(r"listening on (\S+)\n", line)))
    pending = re.compile(rb"^docker_storage_pending_objects\{.*\} [1-9]", re.MULTILINE)
    while pending.search(urllib.request.urlopen(f"{url}/metrics").read()):
        time.sleep(1)
    return url


def _seconds(*arguments: str) -> float:
    """How long `df` takes, start to end."""
    started = time.monotonic()
    done = subprocess.run([*_COMMAND, "df", *arguments], capture_output=True, check=True, env={**os.environ})
    seconds = time.monotonic() - started
    assert (b"from the exporter" in done.stderr) == ("--no-exporter" not in arguments)
    return seconds


if __name__ == "__main__":
    main()
