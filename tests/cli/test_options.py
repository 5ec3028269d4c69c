"""Options: every setting has its flag, and the flag wins."""

import os

import pytest

from docker_storage_exporter.cli.options import parser, settings_from
from docker_storage_exporter.errors import SettingError


def settings(*arguments, **environment):
    """The settings of a command that was called so."""
    return settings_from(parser("serve", "Serve.").parse_args(arguments, environment))


def test_a_flag_wins_over_its_variable():
    assert settings("--scan.interval", "1m", DSE_SCAN_INTERVAL="2m").scan_interval == 60
    assert settings(DSE_SCAN_INTERVAL="2m").scan_interval == 120


def test_a_switch_has_a_flag_for_yes_and_one_for_no():
    assert settings("--no-collector.logs").collector_logs is False
    assert settings("--collector.logs", DSE_COLLECTOR_LOGS="false").collector_logs is True
    assert settings(DSE_COLLECTOR_LOGS="false").collector_logs is False
    assert settings("--docker.tls-verify").docker_tls_verify is True
    assert settings("--no-docker.tls-verify", DOCKER_TLS_VERIFY="1").docker_tls_verify is False


def test_a_switch_cannot_be_yes_and_no():
    with pytest.raises(SettingError, match="not allowed with"):
        settings("--collector.logs", "--no-collector.logs")


def test_a_flag_is_not_guessed_from_its_beginning():
    with pytest.raises(SettingError, match=r"unrecognized arguments: --scan.inter=1m"):
        settings("--scan.inter=1m")


def test_every_flag_is_in_the_help_with_its_variable_and_default():
    text = parser("serve", "Serve.").format_help()

    for words in (
        "--scan.duty DUTY",
        "[DSE_SCAN_DUTY, default 0.1]",
        "[DOCKER_HOST, default unix:///var/run/docker.sock]",
    ):
        assert words in " ".join(text.split())
    assert "--no-" not in text.partition("options:")[2]


def test_a_command_shows_its_own_options_and_the_settings_that_it_reads_and_takes_the_others_too():
    command = parser("df", "Show.", ("docker.", "web.listen"))
    text = command.format_help()

    assert "--docker.host" in text
    assert "--scan.duty" not in text
    assert text.index("options:") < text.index("settings:") < text.index("--docker.host")
    assert settings_from(command.parse_args(["--scan.duty=0.5"], {})).scan_duty == 0.5


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("DSE_SCAN_INTERVALL", "did you mean DSE_SCAN_INTERVAL?"),
        ("DSE_XYZZY_QUUX_FROTZ", "--help names them all"),
    ],
)
def test_a_variable_that_is_no_setting_is_named(name, hint, capsys):
    parser("serve", "Serve.").parse_args([], {name: "1", "DSE_SCAN_DUTY": "0.2", "DOCKER_HOST": "unix:///s"})

    assert capsys.readouterr().err == f"docker-storage-exporter: the variable {name} is no setting: {hint}\n"


def test_more_duty_than_there_are_processors_is_cut_down_and_said(capsys):
    cores = os.cpu_count()

    assert settings_from(parser("serve", "Serve.").parse_args([f"--scan.duty={cores + 1}"], {})).scan_duty == cores
    assert (
        f"--scan.duty: {cores + 1} is more than the processors here can give: {cores} is used"
        in capsys.readouterr().err
    )


@pytest.mark.parametrize(("text", "verifies"), [("", False), ("1", True), ("0", True), ("false", True)])
def test_any_text_of_docker_s_variable_means_to_verify(text, verifies):
    made = parser("serve", "Serve.")

    assert settings_from(made.parse_args([], {"DOCKER_TLS_VERIFY": text})).docker_tls_verify is verifies


def test_without_another_one_the_environment_is_the_real_one(monkeypatch):
    monkeypatch.setenv("DSE_WEB_MAX_CONNECTIONS", "7")

    assert settings_from(parser("serve", "Serve.").parse_args([])).web_max_connections == 7
