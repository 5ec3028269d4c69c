"""Reloading, by signal and by request: what can change does, what is bad changes nothing, and the page says which."""

import json
import os
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request

import pytest

from cli.conftest import COMMAND

SUCCESSFUL = "docker_storage_exporter_config_last_reload_successful"
SUCCEEDED_AT = "docker_storage_exporter_config_last_reload_success_timestamp_seconds"


@pytest.fixture
def config(tmp_path):
    """The configuration file; its text is written by calling it."""
    path = tmp_path / "c.yaml"

    def write(text):
        path.write_text(text)
        return f"--config.file={path}"

    return write


def said(serving, words):
    """Wait for a line in the log; the line."""
    ends = time.monotonic() + 40
    while not (found := [line for line in serving.lines if words in line]):
        assert time.monotonic() < ends, serving.lines
        time.sleep(0.05)
    return found[0]


def post(serving, method="POST"):
    """Ask for a reload; status and text of the answer."""
    request = urllib.request.Request(serving.url + "/-/reload", method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_sighup_takes_new_expressions_and_says_what_changed(serve, data_root, config):
    serving = serve(data_root, config("collector.volume-include: shop_.*\n"))
    assert len(serving.until("docker_volume_info", bool)) == 5
    started = serving.series(SUCCEEDED_AT)[""]

    config("collector: {volume-include: ci_.*, labels: team}\nscan.duty: 0.5\n")
    serving.process.send_signal(signal.SIGHUP)

    found = serving.until("docker_volume_info", lambda found: len(found) == 2)
    assert {labels.split()[0] for labels in found} == {"ci_registry", "ci_runner-cache"}
    assert 'label_team="' in serving.get()
    assert serving.series(SUCCESSFUL) == {"": 1}
    assert serving.series(SUCCEEDED_AT)[""] > started
    changed = "scan.duty, collector.volume-include, collector.labels changed"
    assert f'level=info msg="settings were read again: {changed}"' in said(serving, "read again")


def test_a_bad_file_keeps_the_old_settings_and_the_page_says_so(serve, data_root, config, tmp_path):
    serving = serve(data_root, config("collector.volume-include: shop_.*\n"))
    started = serving.series(SUCCEEDED_AT)

    config("collector.volume-include: ci_.*\nscan.intervall: 1m\n")
    serving.process.send_signal(signal.SIGHUP)

    assert serving.until(SUCCESSFUL, lambda found: found == {"": 0})
    assert serving.series(SUCCEEDED_AT) == started
    assert len(serving.series("docker_volume_info")) == 5
    line = said(serving, "level=error")
    assert f"settings stay as they were: {tmp_path}/c.yaml:2: unknown key 'scan.intervall': did you mean" in line
    config("collector.volume-include: ci_.*\n")
    serving.process.send_signal(signal.SIGHUP)
    assert serving.until(SUCCESSFUL, lambda found: found == {"": 1})
    assert serving.until("docker_volume_info", lambda found: len(found) == 2)


def test_what_needs_a_restart_is_named_and_stays(serve, data_root, config):
    serving = serve(data_root, config(""))

    config("web.max-connections: 1\npath.procfs: /nowhere\n")
    serving.process.send_signal(signal.SIGHUP)

    said(serving, "path.procfs changed, which takes effect only with a restart")
    said(serving, "web.max-connections changed, which takes effect only with a restart")
    assert serving.series(SUCCESSFUL) == {"": 1}


def test_the_level_and_the_style_of_the_log_change_while_it_runs(serve, data_root, config):
    serving = serve(data_root, config("log.level: error\n"))

    config("log: {level: debug, format: json}\n")
    serving.process.send_signal(signal.SIGHUP)

    line = said(serving, "read again")
    assert json.loads(line)["msg"] == "settings were read again: log.level, log.format changed"
    serving.get()
    assert json.loads(said(serving, "GET /metrics"))["level"] == "debug"


def test_a_post_reloads_where_it_may_and_tells_what_is_bad(serve, data_root, config, tmp_path):
    serving = serve(data_root, config("web.enable-reload: true\n"))

    assert post(serving) == (200, "settings were read again\n")
    config("scan.duty: 0\n")
    problem = f"{tmp_path}/c.yaml:1: scan.duty: '0' is not a share of a core: write it like 0.1"
    assert post(serving) == (500, f"settings stay as they were: {problem}\n")
    assert serving.series(SUCCESSFUL) == {"": 0}
    assert post(serving, "GET") == (405, "only POST\n")


def test_a_post_is_refused_by_default(serve, data_root):
    status, text = post(serve(data_root))

    assert (status, "start with --web.enable-reload, or send SIGHUP" in text) == (403, True)


def test_the_demo_reloads_too_and_keeps_serving_its_own_data_root(serve, config):
    serving = serve(config(""), command=("demo",))

    config("collector.volume-include: ci_.*\n")
    serving.process.send_signal(signal.SIGHUP)

    assert serving.until("docker_volume_info", lambda found: len(found) == 2)
    assert not any("restart" in line for line in serving.lines)


def test_sighup_does_not_end_it_while_it_still_waits_for_the_engine(kept_waiting):
    kept_waiting.send_signal(signal.SIGHUP)
    kept_waiting.terminate()

    assert kept_waiting.communicate(timeout=20) == (None, "")
    assert kept_waiting.returncode == 0


def test_with_json_every_line_on_stderr_is_an_object(data_root, tmp_path):
    process = subprocess.Popen(
        [*COMMAND, "serve", data_root, "--log.format=json", "--web.listen-address=127.0.0.1:0"],
        env={**os.environ, "DOCKER_HOST": f"unix://{tmp_path}/none"},
        stderr=subprocess.PIPE,
        text=True,
    )
    lines = []
    for line in process.stderr:
        lines.append(json.loads(line))
        if re.fullmatch(r"listening on http://\S+", lines[-1]["msg"]):
            break
    process.terminate()
    lines += [json.loads(line) for line in process.communicate(timeout=20)[1].splitlines()]

    assert any(line["level"] == "warn" and "no engine answers" in line["msg"] for line in lines)
    assert all(line.keys() == {"ts", "level", "msg"} for line in lines)


def test_limits_are_read_again_and_a_mistake_in_their_file_changes_nothing(serve, data_root, tmp_path):
    file = tmp_path / "limits.yaml"
    file.write_text("volumes: {.*: 1g}\n")
    serving = serve(data_root, f"--limits.file={file}", "--web.enable-reload")
    assert set(serving.until("docker_volume_limit_bytes", bool).values()) == {2**30}

    file.write_text("volumes: {.*: 2g}\n")
    assert post(serving)[0] == 200
    serving.until("docker_volume_limit_bytes", lambda found: set(found.values()) == {2**31})

    file.write_text("volumes: {.*: lots}\n")
    status, text = post(serving)
    assert (status, f"{file}:1: 'lots' is not a size" in text) == (500, True)
    assert set(serving.series("docker_volume_limit_bytes").values()) == {2**31}
