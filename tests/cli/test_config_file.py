"""The configuration file: keys dotted or nested, texts as they stand, and one clear line for each mistake."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docker_storage_exporter.cli.config_file import read_config
from docker_storage_exporter.cli.options import parser, render_settings, settings_from
from docker_storage_exporter.errors import SettingError
from docker_storage_exporter.settings import from_texts

FIXTURES = Path(__file__).parent.parent / "fixtures"
BAD = sorted(path.name for path in (FIXTURES / "config").glob("*.yaml"))


def options(*arguments, **environment):
    """The options of a command that was called so."""
    return parser("serve", "Serve.").parse_args(arguments, environment)


def settings(*arguments, **environment):
    """Its settings."""
    return settings_from(options(*arguments, **environment))


@pytest.fixture
def write(tmp_path):
    """Write a configuration file; the flag that names it."""

    def write(text):
        (tmp_path / "c.yaml").write_text(text, encoding="utf-8", errors="surrogateescape")
        return f"--config.file={tmp_path}/c.yaml"

    return write


def test_a_file_says_what_flags_say_dotted_or_nested():
    expected = {
        "scan_interval": "7m",
        "scan_duty": "0.25",
        "inventory_interval": "90s",
        "collector_volume_exclude": "cache_.*",
        "collector_labels": "team,com.example.cost-centre",
        "collector_logs": "false",
        "web_max_connections": "16",
        "web_enable_reload": "true",
        "log_level": "warn",
    }

    assert settings(f"--config.file={FIXTURES}/good_config.yaml") == from_texts(expected)


def test_a_flag_beats_a_variable_and_a_variable_beats_the_file(write):
    file = write("scan: {interval: 1m, duty: 0.1}\ninventory.interval: 1m\n")

    found = settings(file, "--scan.interval=3m", DSE_SCAN_INTERVAL="2m", DSE_SCAN_DUTY="0.2", DSE_INVENTORY_INTERVAL="")

    assert (found.scan_interval, found.scan_duty, found.inventory_interval) == (180, 0.2, 60)


@pytest.mark.parametrize("word", ["no", "false", "off", "0", "'no'", "False"])
def test_a_switch_of_the_file_is_beaten_in_both_directions(write, word):
    file = write(f"collector.logs: {word}\n")

    assert settings(file).collector_logs is False
    assert settings(file, DSE_COLLECTOR_LOGS="1").collector_logs is True
    assert settings(file, "--collector.logs").collector_logs is True
    on = write("collector.logs: yes\n")
    assert settings(on).collector_logs is True
    assert settings(on, DSE_COLLECTOR_LOGS="off").collector_logs is False
    assert settings(on, "--no-collector.logs", DSE_COLLECTOR_LOGS="on").collector_logs is False


@pytest.mark.parametrize("text", ["0123", "1:30", "1e3", "2026-01-02", "0x1F", "yes", "true", ".5", "=", "a\nb", "# x"])
def test_a_value_is_the_text_that_stands_there_whatever_yaml_makes_of_it(write, text):
    quoted = text if text.isprintable() and "#" not in text else '"' + text.replace("\n", "\\n") + '"'

    assert settings(write(f"collector.volume-include: {quoted}\n")).collector_volume_include.pattern == text


@pytest.mark.parametrize("text", ["", "\n", "# nothing yet\n", "---\n"])
def test_a_file_that_says_nothing_leaves_the_defaults(write, text):
    assert settings(write(text)) == from_texts({})


def test_the_file_may_be_named_by_a_variable():
    assert settings(DSE_CONFIG_FILE=f"{FIXTURES}/good_config.yaml").scan_interval == 420


def test_every_mistake_is_told_with_its_line_and_what_to_do(golden, monkeypatch):
    monkeypatch.chdir(FIXTURES / "config")
    lines = []
    for name in BAD:
        with pytest.raises(SettingError) as caught:
            settings(f"--config.file={name}")
        lines.append(str(caught.value))

    assert all(line.startswith(name) and line.isprintable() for line, name in zip(lines, BAD, strict=True))
    golden("bad_config.txt", "".join(f"{line}\n" for line in lines))


def test_a_bad_value_of_the_file_does_not_matter_where_a_flag_is_given():
    file = f"--config.file={FIXTURES}/config/duration_of_words.yaml"

    assert settings(file, "--scan.interval=1m").scan_interval == 60


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("/nonexistent/c.yaml", "No such file or directory; see --config.file"),
        ("/tmp", "Is a directory; see --config.file"),
        ("/dev/zero", "is no configuration: it is larger than a mebibyte"),
    ],
)
def test_a_file_that_cannot_be_read_says_so(path, problem):
    with pytest.raises(SettingError, match=f"^{re.escape(f'{path}: {problem}')}$"):
        settings(f"--config.file={path}")


@given(st.binary(max_size=200) | st.text("scan.interval: \n-[]{}&*!'\"#|>?,5m", max_size=80).map(str.encode))
def test_whatever_is_in_the_file_is_read_or_refused_in_one_line(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(text)
    try:
        read_config(str(path), {"scan.interval"}, ())
    except SettingError as error:
        assert str(error).isprintable()  # noqa: PT017 - most are refused, some are not


def test_printed_settings_name_where_each_comes_from(write, tmp_path):
    file = write("scan:\n  interval: 2m\ncollector.labels: [b, a]\n")

    lines = render_settings(options(file, "--no-collector.logs", DSE_SCAN_DUTY="0.2")).splitlines()

    assert f"scan.interval: 2m  # {tmp_path}/c.yaml:2" in lines
    assert f"collector.labels: b,a  # {tmp_path}/c.yaml:3" in lines
    assert "scan.duty: 0.2  # DSE_SCAN_DUTY" in lines
    assert "collector.logs: false  # --collector.logs" in lines
    assert "publish.interval: 10s  # default" in lines
    assert "# state.file is not set" in lines


@given(st.text(min_size=1, max_size=20).filter(lambda text: re.escape(text) not in ("", "~", "null")))
def test_printed_settings_are_a_file_that_says_the_same(tmp_path_factory, text):
    given = options(f"--collector.volume-include={re.escape(text)}", "--scan.duty=0.3", DSE_LOG_FORMAT="json")
    path = tmp_path_factory.getbasetemp() / "printed.yaml"
    path.write_text(render_settings(given), encoding="utf-8", errors="backslashreplace")

    assert settings(f"--config.file={path}") == settings_from(given)


def test_checking_says_whether_the_settings_are_good_and_starts_nothing(run, fails):
    done = run("--config.check", f"--config.file={FIXTURES}/good_config.yaml")
    assert (done.returncode, done.stdout, done.stderr) == (0, "the settings are good\n", "")

    line = fails(2, "serve", "--config.check", f"--config.file={FIXTURES}/config/unknown_key.yaml")
    assert line == f"{FIXTURES}/config/unknown_key.yaml:2: unknown key 'scan.intervall': did you mean scan.interval?"


def test_printing_goes_to_stdout_in_any_locale(run):
    done = run("--config.print", "--collector.volume-include=ü", environment={"LC_ALL": "C", "PYTHONUTF8": "0"})

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("docker.host: unix:///")
    assert done.stdout.count("\n") == len(render_settings(options()).splitlines())


@pytest.mark.parametrize("command", ["serve", "df", "demo"])
def test_every_command_with_settings_reads_the_file(fails, command):
    path = f"{FIXTURES}/config/duty_of_zero.yaml"

    line = fails(2, command, environment={"DSE_CONFIG_FILE": path})

    assert line == f"{path}:1: scan.duty: '0' is not a share of a core: write it like 0.1"


def test_df_leaves_out_what_the_file_excludes(run, data_root, write):
    done = run("df", data_root, write("collector: {volume-exclude: 'shop_.*', layers: no, logs: no}\n"))

    assert done.returncode == 0
    assert "shop_db-data" not in done.stdout
    assert "ci_registry" in done.stdout
