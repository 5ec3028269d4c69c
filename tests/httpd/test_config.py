"""The web configuration file: our reader and promtool, which has the original one, are of one opinion."""

import re
import subprocess
from pathlib import Path

import pytest
from conftest import need
from hypothesis import given
from hypothesis import strategies as st

from docker_storage_exporter.errors import SettingError
from docker_storage_exporter.httpd.config import RateLimit, read_web_config
from docker_storage_exporter.httpd.security import CurrentWebSecurity
from httpd import pki

FIXTURES = Path(__file__).parent.parent / "fixtures" / "web-config"
GOOD = sorted(path.stem for path in FIXTURES.glob("good/*.yml"))
BAD = sorted(path.stem for path in FIXTURES.glob("bad/*.yml"))
# Keys that the format has today and the promtool of Debian 12 does not know yet.
NEWER = {"inline_certificate", "inline_client_ca", "client_allowed_sans", "rate_limit", "rate_limit_off"}
# What we refuse though promtool does not, as docs/web-configuration.md says, and why.
STRICTER = {
    "require_any_client_cert": "Python's ssl always verifies",
    "require_client_cert": "its older name",
    "version_old": "OpenSSL no longer speaks it at its default security level",
    "maximum_old": "the same",
    "version_above_maximum": "nobody could connect",
    "cipher_suites_above_maximum": "nobody could connect",
    "curves": "Python's ssl takes one",
    "client_ca_is_garbage": "nobody could connect",
    "key_too_small": "OpenSSL refuses it at its default security level",
    "certificate_forgotten": "it would mean plain HTTP",
    "certificate_left_empty": "the same",
    "hash_nobody_has": "nobody could log in",
    "header_on_two_lines": "no header is",
    "header_beyond_ascii": "nobody reads it the same way",
    "merge_key": "no other file of ours has them",
    "two_documents": "the second would be left out in silence",
}


@pytest.fixture
def fixture(web_config):
    """The path of a fixture beside the certificates that it names."""
    return lambda folder, name: web_config((FIXTURES / folder / f"{name}.yml").read_text())


@pytest.fixture(scope="session")
def promtool(certificates, tmp_path_factory):
    """What promtool says of each fixture: nothing for a good one, else what is wrong."""
    need("promtool")
    folder = tmp_path_factory.mktemp("promtool") / "all"
    subprocess.run(["cp", "-r", certificates, folder], check=True)
    for kind in ("good", "bad"):
        for path in FIXTURES.glob(f"{kind}/*.yml"):
            (folder / path.name).write_text(pki.filled(path.read_text(), folder))
    names = [f"{name}.yml" for name in GOOD + BAD]
    done = subprocess.run(["promtool", "check", "web-config", *names], cwd=folder, capture_output=True, text=True)
    said = done.stdout + done.stderr
    return dict(re.findall(r"^(\w+)\.yml (?:SUCCESS|FAILED: ((?:.|\n(?!\w+\.yml ))*))", said, re.MULTILINE))


def test_promtool_looked_at_every_file(promtool):
    assert sorted(promtool) == sorted(GOOD + BAD)


@pytest.mark.parametrize("name", GOOD)
def test_a_good_file_is_taken_by_both(name, fixture, promtool):
    CurrentWebSecurity(fixture("good", name))

    if promtool[name]:
        assert name in NEWER
        assert "not found in type" in promtool[name]


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_refused_by_both(name, fixture, promtool):
    with pytest.raises(SettingError) as caught:
        CurrentWebSecurity(fixture("bad", name))

    assert str(caught.value).isprintable()
    assert bool(promtool[name]) != (name in STRICTER)


def test_the_messages_for_bad_files_are_the_golden_ones(fixture, golden, tmp_path):
    lines = []
    for name in BAD:
        with pytest.raises(SettingError) as caught:
            CurrentWebSecurity(fixture("bad", name))
        lines.append(f"{name}: {caught.value}\n".replace(f"{tmp_path}/", ""))

    golden("bad_web_config.txt", "".join(lines))


def test_paths_are_relative_to_the_folder_of_the_file(fixture, tmp_path, monkeypatch):
    fixture("good", "tls_folder_below")
    monkeypatch.chdir(tmp_path.parent)

    CurrentWebSecurity(f"{tmp_path.name}/web.yml")

    tls = read_web_config(str(tmp_path / "web.yml")).tls
    assert tls.files == (f"{tmp_path}/below/server.pem", f"{tmp_path}/./below/../server.key")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), ("1s", 1), ("500ms", 0.5), ("1h30m", 5400), ("1.5s", 1.5), ("250us", 0.00025), ("0s", 0)],
)
def test_an_interval_is_spelled_as_go_spells_it(web_config, text, seconds):
    found = read_web_config(web_config(f"rate_limit: {{interval: {text}, burst: 2}}"))

    assert found.rate_limit == RateLimit(pytest.approx(seconds), 2)


def test_what_keeps_others_out_is_known_by_its_keys(fixture):
    assert read_web_config(fixture("good", "empty")).protections == ()
    assert read_web_config(fixture("good", "request_client_cert")).protections == ("tls_server_config",)
    found = read_web_config(fixture("good", "everything")).protections
    assert found == ("tls_server_config", "client_auth_type", "client_ca_file", "basic_auth_users")


def test_a_file_that_cannot_be_read_is_one_line(tmp_path):
    with pytest.raises(SettingError, match=r"nowhere.yml: No such file or directory; see --web.config.file"):
        CurrentWebSecurity(str(tmp_path / "nowhere.yml"))
    with pytest.raises(SettingError, match=r": Is a directory; see --web.config.file"):
        CurrentWebSecurity(str(tmp_path))


@given(st.text("tls_server_config:basic_auth_users\n  {}[]-*&!'\"<>,#|", max_size=60))
def test_whatever_a_file_holds_is_read_or_refused_in_one_line(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "any.yml"
    path.write_text(text)
    try:
        read_web_config(str(path))
    except SettingError as error:
        assert str(error).isprintable()  # noqa: PT017 - most texts are refused, some are not
