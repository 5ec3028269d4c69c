"""The web configuration, addresses and sockets of a command as users run it."""

import re
import shutil
import signal
import socket
import subprocess
import time

import pytest
from conftest import need

from cli.conftest import COMMAND, Serving
from cli.test_reload import said
from docker_storage_exporter.cli.commands.health import alive
from docker_storage_exporter.errors import NoAnswerError
from docker_storage_exporter.settings import from_texts
from httpd import pki
from httpd.conftest import TLS, VERIFIED
from httpd.test_passwords import SECRET
from waiting import wait_until

SUCCESSFUL = "docker_storage_exporter_web_config_last_reload_successful"
SUCCEEDED_AT = "docker_storage_exporter_web_config_last_reload_success_timestamp_seconds"
USERS = f"basic_auth_users: {{prometheus: {SECRET}}}\n"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """A folder with certificates and keys; for reading only."""
    need("openssl", "curl")
    return pki.make(tmp_path_factory.mktemp("pki") / "authority")


@pytest.fixture
def folder(certificates, tmp_path):
    """A folder of this test with copies of all certificates."""
    return shutil.copytree(certificates, tmp_path / "web")


@pytest.fixture
def web_config(folder):
    """Write the file; the flag that names it."""

    def write(text):
        (folder / "web.yml").write_text(text)
        return f"--web.config.file={folder}/web.yml"

    return write


def curl(folder, url, *options):
    """The body at a URL, asked by a curl that trusts our authority."""
    need("curl")
    command = ["curl", "-sS", "-m", "30", "--cacert", "ca.pem", *options, url]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def connects(port):
    """Whether somebody listens there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def value(page, family):
    """The one number of a family on a page; None if it is not there."""
    found = re.search(rf"^{family} (\S+)$", page, re.MULTILINE)
    return float(found[1]) if found else None


@pytest.mark.parametrize("command", [("serve",), ("serve", "--config.check")])
def test_a_broken_file_ends_the_start_with_one_line(fails, data_root, web_config, folder, command):
    flag = web_config("tls_server_config: {cert_file: server.pem, key_file: other.key}\n")

    line = fails(2, *command, data_root, flag)

    assert line == (
        f"{folder}/web.yml: tls_server_config: cert_file {folder}/server.pem with key_file {folder}/other.key:"
        " the key does not belong to the certificate"
    )


def test_a_good_file_is_checked_and_nothing_is_served(run, data_root, web_config):
    done = run("serve", data_root, "--config.check", web_config(VERIFIED + USERS))

    assert (done.returncode, done.stdout, done.stderr) == (0, "the settings are good\n", "")


def test_without_a_file_its_families_have_no_samples(serve, data_root):
    page = serve(data_root).get()

    assert f"# TYPE {SUCCESSFUL} gauge" in page
    assert value(page, SUCCESSFUL) is None


def test_it_is_served_over_tls_and_reads_the_file_anew(serve, data_root, web_config, folder):
    serving = serve(data_root, web_config(TLS + USERS))
    login = ("-u", "prometheus:secret")
    page = curl(folder, serving.url + "/metrics", *login)
    assert (value(page, SUCCESSFUL), value(page, "docker_storage_exporter_config_last_reload_successful")) == (1, 1)
    started = value(page, SUCCEEDED_AT)

    web_config(TLS.replace("server.key", "other.key") + USERS)
    page = curl(folder, serving.url + "/metrics", *login)
    assert (value(page, SUCCESSFUL), value(page, SUCCEEDED_AT)) == (0, started)
    assert "the key does not belong to the certificate" in said(serving, "level=error")

    web_config(TLS.replace("server.", "renewed.") + USERS.replace("prometheus", "alice"))
    page = curl(folder, serving.url + "/metrics", "-u", "alice:secret")
    assert value(page, SUCCESSFUL) == 1
    assert value(page, SUCCEEDED_AT) > started
    assert len([line for line in serving.lines if "web configuration" in line]) == 2
    assert curl(folder, serving.url + "/metrics", *login) == "Unauthorized\n"


def test_a_reload_leaves_the_file_s_name_as_it_is(serve, data_root, web_config, folder, tmp_path):
    (tmp_path / "c.yaml").write_text(f"web.config.file: {folder}/web.yml\n")
    web_config(TLS)
    serving = serve(data_root, f"--config.file={tmp_path}/c.yaml")

    (tmp_path / "c.yaml").write_text("")
    serving.process.send_signal(signal.SIGHUP)

    said(serving, "web.config.file changed, which takes effect only with a restart")
    assert curl(folder, serving.url + "/-/healthy") == "healthy\n"


def test_every_address_is_listened_on_whoever_names_it(serve, data_root, tmp_path):
    (tmp_path / "c.yaml").write_text('web.listen-address: ["127.0.0.1:0", "[::1]:0"]\n')
    process = subprocess.Popen(
        [*COMMAND, "serve", data_root, f"--config.file={tmp_path}/c.yaml", f"--docker.host=unix://{tmp_path}/none"],
        stderr=subprocess.PIPE,
        text=True,
    )
    by_file = Serving(process)
    by_flag = serve(data_root, "--web.listen-address=[::1]:0")
    try:
        for serving in (by_file, by_flag):
            said(serving, "listening on http://[::1]:")
            urls = [line.removeprefix("listening on ") for line in serving.lines if line.startswith("listening")]
            assert [url.rpartition(":")[0] for url in urls] == ["http://127.0.0.1", "http://[::1]"]
            assert [curl(tmp_path, url + "/-/healthy", "--cacert", "/dev/null") for url in urls] == ["healthy\n"] * 2
    finally:
        by_file.end()


def test_one_taken_address_ends_the_start(fails, data_root):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        addresses = f"--web.listen-address=127.0.0.1:0,127.0.0.1:{port}"
        line = fails(5, "serve", data_root, addresses)

    assert line.startswith(f"cannot listen on 127.0.0.1:{port}: Address already in use; ")


def test_without_systemd_its_sockets_are_missed_in_one_line(fails, data_root):
    line = fails(2, "serve", data_root, "--web.systemd-socket")

    assert line == "--web.systemd-socket: no socket was passed; start this from a .socket unit of systemd"


def test_sockets_of_systemd_are_served_from_their_first_connection_on(data_root, tmp_path):
    need("systemd-socket-activate", "curl")
    ports = []
    for _ in range(2):
        with socket.create_server(("127.0.0.1", 0)) as probe:
            ports.append(probe.getsockname()[1])
    command = ["systemd-socket-activate", *(f"--listen=127.0.0.1:{port}" for port in ports)]
    command += [*COMMAND, "serve", data_root, "--web.systemd-socket", f"--docker.host=unix://{tmp_path}/none"]
    with open(tmp_path / "log", "wb") as log:
        process = subprocess.Popen(command, stderr=log)
    try:
        for port in ports:
            wait_until(lambda port=port: connects(port), "the sockets")
            assert curl(tmp_path, f"http://127.0.0.1:{port}/-/healthy") == "healthy\n"
    finally:
        process.terminate()
        assert process.wait(30) in (0, -signal.SIGTERM)
    urls = re.findall(r"^listening on (\S+)$", (tmp_path / "log").read_text(), re.MULTILINE)
    assert urls == [f"http://127.0.0.1:{port}" for port in ports]


class TestAsking:
    """`df`, `watch` and a probe, beside an exporter that wants certificates and passwords."""

    @pytest.fixture
    def df(self, run, demo, folder):
        """Run df beside a serving exporter."""

        def df(serving, *arguments):
            environment = {"DSE_WEB_LISTEN_ADDRESS": serving.url.partition("://")[2]}
            given = (f"--path.data-root={demo.data_root}", "--top=1", *arguments)
            return run("df", *given, environment=environment, cwd=folder).stderr.splitlines()[0]

        return df

    @pytest.fixture
    def serving(self, serve, data_root, web_config):
        """Start an exporter with a web configuration that has measured everything."""

        def start(text):
            serving = serve(data_root, web_config(text), "--scan.duty=1")
            said(serving, "listening on")
            return serving

        return start

    def until_measured(self, ask):
        """Ask until nothing is pending; the answer."""
        ends = time.monotonic() + 40
        while "still to measure" in (answer := ask()):
            assert time.monotonic() < ends
            time.sleep(0.2)
        return answer

    def test_df_takes_the_answer_over_tls_with_password_and_certificate(self, serving, df, folder, web_config):
        text = VERIFIED.replace("server.pem", "expired.pem") + USERS  # still the right one: it is the very same
        server, flag = serving(text), web_config(text)
        (folder / "login").write_text("prometheus:secret\n")
        login, certificate = f"--ask.login-file={folder}/login", f"--ask.certificate-file={folder}/both.pem"

        found = self.until_measured(lambda: df(server, flag, login, certificate))

        address = server.url.removeprefix("https://")
        assert found.startswith(f"from the exporter at {address}, up to ")
        assert df(server, flag, certificate) == (
            f"what listens at {address} wants another password: see --ask.login-file; measuring now"
        )
        assert df(server, flag, login) == (
            f"what listens at {address} lets nobody in without another certificate: see --ask.certificate-file;"
            " measuring now"
        )
        assert df(server) == (
            f"what listens at {address} speaks TLS: name its web configuration with --web.config.file; measuring now"
        )
        (folder / "mine.yml").write_text(TLS.replace("server.", "renewed."))
        assert df(server, f"--web.config.file={folder}/mine.yml", login, certificate) == (
            f"what listens at {address} shows another certificate than {folder}/mine.yml; measuring now"
        )
        assert df(server, "--web.config.file=nowhere.yml") == (
            "cannot tell which certificate the exporter has: nowhere.yml: No such file or directory;"
            " see --web.config.file; measuring now"
        )

    def test_without_tls_where_it_is_expected_it_is_not_believed(self, fails, engine, web_config):
        address = engine(b"HTTP/1.0 200 OK\r\n\r\n", tcp=True).removeprefix("tcp://")

        line = fails(1, "watch", "--once", web_config(TLS), environment={"DSE_WEB_LISTEN_ADDRESS": address})

        assert line.startswith(f"what listens at {address} does not speak TLS as --web.config.file says; ")

    def test_a_probe_says_what_else_is_there(self, engine):
        for answer in (b"HTTP/1.0 200 OK\r\nServer: nginx\r\n\r\n", b"SSH-2.0-OpenSSH_9\r\n", b""):
            address = engine(answer, tcp=True).removeprefix("tcp://")
            with pytest.raises(NoAnswerError, match=f"^(what listens|no exporter answers) at {address}"):
                alive(from_texts({"web_listen_address": address}))
        with pytest.raises(NoAnswerError, match=r"^no exporter answers at 127\.0\.0\.1:1: Connection refused$"):
            alive(from_texts({"web_listen_address": "127.0.0.1:1"}))

    @pytest.mark.parametrize(
        ("flag", "content", "reason"),
        [
            ("login-file", None, "No such file or directory"),
            ("login-file", "secret\n", "has to hold one line, USER:PASSWORD"),
            ("login-file", "a:b\nc:d\n", "has to hold one line, USER:PASSWORD"),
            ("certificate-file", None, "No such file or directory"),
            ("certificate-file", "secret\n", "holds no certificate with its key"),
        ],
    )
    def test_a_file_to_log_in_with_that_is_no_such_file_is_told(self, fails, folder, web_config, flag, content, reason):
        if content is not None:
            (folder / "mine").write_text(content)

        line = fails(2, "watch", "--once", web_config(TLS), f"--ask.{flag}={folder}/mine")

        assert line == f"--ask.{flag}: {folder}/mine: {reason}"
