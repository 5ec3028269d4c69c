"""`health`: one line and an exit code, soon enough to be asked twice a minute for ever."""


def test_an_exporter_that_serves_is_healthy(run, serve, data_root):
    serving = serve(data_root)
    address = serving.url.removeprefix("http://")
    done = run("health", environment={"DSE_WEB_LISTEN_ADDRESS": address})

    assert (done.returncode, done.stdout, done.stderr) == (0, f"the exporter at {address} answers\n", "")


def test_it_asks_on_this_host_what_listens_on_every_address(run, serve, data_root):
    serving = serve(data_root)
    port = serving.url.rpartition(":")[2]

    for host in ("", "0.0.0.0"):
        assert run("health", f"--web.listen-address={host}:{port}").returncode == 0


def test_where_nothing_listens_is_nothing_healthy(fails):
    line = fails(1, "health", "--web.listen-address=127.0.0.1:1")

    assert line == "no exporter answers at 127.0.0.1:1: Connection refused"


def test_somebody_else_is_not_healthy(fails, engine):
    address = engine(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", tcp=True).removeprefix("tcp://")

    assert fails(1, "health", f"--web.listen-address={address}") == f"what listens at {address} is no exporter"


def test_what_ends_in_the_middle_of_its_headers_is_no_exporter(fails, engine):
    address = engine(b"HTTP/1.1 200 OK\r\nServer: docker-storage-exporter", tcp=True).removeprefix("tcp://")

    assert fails(1, "health", f"--web.listen-address={address}") == f"what listens at {address} is no exporter"


def test_a_list_of_options_that_serve_takes_is_taken_by_its_health_check(run, serve, data_root, tmp_path):
    address = serve(data_root).url.removeprefix("http://")
    file = tmp_path / "c.yaml"
    file.write_text(f"scan.interval: 1m\nweb.listen-address: {address}\n")

    assert run("health", "--scan.interval=5m", f"--web.listen-address={address}").returncode == 0
    assert run("health", environment={"DSE_CONFIG_FILE": str(file), "DSE_WEB_LISTEN_ADDRESS": ""}).returncode == 0
