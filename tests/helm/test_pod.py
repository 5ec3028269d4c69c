"""The DaemonSet's pods: their arguments, mounts, rights and probes are what is promised."""

import hashlib
import json

import pytest

from docker_storage_exporter import __version__
from docker_storage_exporter.cli.commands.health import command_parser as health_parser
from docker_storage_exporter.cli.commands.serve import command_parser
from docker_storage_exporter.cli.options import settings_from
from helm.rendering import FEATURES, NEWEST, OLDEST, PROJECT, exporter, find, manifests, parsed, pod, template

LEAST = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"], "add": ["DAC_READ_SEARCH"]},
}


def mounts(feature, version=NEWEST):
    """The exporter's mounts by name."""
    return {mount["name"]: mount for mount in exporter(feature, version)["volumeMounts"]}


def volumes(feature):
    """The pod's volumes by name."""
    return {volume.pop("name"): volume for volume in json.loads(json.dumps(pod(feature)["volumes"]))}


@pytest.mark.parametrize("feature", FEATURES)
def test_the_arguments_and_the_configuration_are_what_the_exporter_takes(feature, tmp_path):
    """The real parser reads them; files are found where this test puts them instead of the kubelet."""
    arguments, environment = list(exporter(feature)["args"]), {}
    for number, argument in enumerate(arguments):
        if argument.startswith("--config.file="):
            (tmp_path / "exporter.yaml").write_text(configuration(feature))
            arguments[number] = f"--config.file={tmp_path}/exporter.yaml"
    for variable in exporter(feature).get("env", ()):
        environment[variable["name"]] = variable.get("value", "")

    settings = settings_from(command_parser().parse_args(arguments, env_vars=environment))

    assert settings.path_rootfs == "/host"
    if feature == "config":
        assert (settings.scan_interval, settings.scan_duty) == (600, 0.05)
        assert settings.collector_labels == ("team", "com.example.cost-centre")
        assert settings.collector_max_objects == 10_000_000
        assert settings.collector_logs is False
    if feature == "state":
        assert settings.state_file == "/state/ledger.json"
        assert settings.state_interval == 300


def configuration(feature):
    """The configuration file in the ConfigMap that the pod mounts."""
    name = next(volume["configMap"]["name"] for volume in pod(feature)["volumes"] if "configMap" in volume)
    text: str = find(manifests(feature), "ConfigMap", name)["data"]["exporter.yaml"]
    return text


def test_a_changed_configuration_makes_new_pods():
    def checksum(*options):
        made = find(parsed(template(*options)), "DaemonSet")["spec"]["template"]["metadata"].get("annotations", {})
        return made.get("checksum/config")

    first, second = checksum("--set=config.scan.interval=10m"), checksum("--set=config.scan.interval=11m")

    assert checksum() is None
    assert first != second
    assert checksum("--set=config.scan.interval=10m", "--set=podAnnotations.a=b") == first
    assert len(first) == len(hashlib.sha256().hexdigest())


@pytest.mark.parametrize("feature", [name for name in FEATURES if name not in ("non-root", "host-pid")])
def test_the_exporter_is_root_in_name_only(feature):
    assert exporter(feature)["securityContext"] == LEAST
    assert pod(feature)["securityContext"] == {
        "runAsUser": 0,
        "runAsGroup": 0,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert not {"hostPID", "hostIPC"} & pod(feature).keys()
    assert pod(feature)["automountServiceAccountToken"] is False


@pytest.mark.parametrize("feature", FEATURES)
def test_nothing_of_the_node_can_be_written(feature):
    """But for the state, and for what values ask for by name."""
    on_node = {volume["name"] for volume in pod(feature)["volumes"] if "hostPath" in volume}
    writable = {m["name"] for m in exporter(feature)["volumeMounts"] if m["name"] in on_node and not m.get("readOnly")}

    assert writable == ({"state"} if feature == "state-on-host" else set())


def test_the_storage_root_is_mounted_at_its_own_path_with_late_mounts():
    expected = {"name": "data-root", "mountPath": "/host/var/lib/docker", "readOnly": True}

    assert list(mounts("default").values()) == [{**expected, "mountPropagation": "HostToContainer"}]
    assert volumes("default") == {"data-root": {"hostPath": {"path": "/var/lib/docker", "type": "Directory"}}}
    assert exporter("default")["args"] == [
        "--path.rootfs=/host",
        "--path.data-root=/var/lib/docker",
        "--web.listen-address=:10054",
    ]


def test_more_paths_are_mounted_like_it():
    found = {mount["mountPath"]: volumes("paths")[name]["hostPath"]["path"] for name, mount in mounts("paths").items()}

    assert found == {"/host/mnt/docker": "/mnt/docker", "/host/srv": "/srv", "/host/opt/data": "/opt/data"}
    assert {mount["mountPropagation"] for mount in mounts("paths").values()} == {"HostToContainer"}


def test_the_whole_host_is_one_mount():
    assert mounts("whole-host") == {
        "root": {"name": "root", "mountPath": "/host", "readOnly": True, "mountPropagation": "HostToContainer"}
    }
    assert volumes("whole-host") == {"root": {"hostPath": {"path": "/", "type": "Directory"}}}


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("1.25.0", {"mountPropagation": "HostToContainer"}),
        ("1.30.4", {"mountPropagation": "HostToContainer"}),
        ("1.31.0", {"mountPropagation": "None", "recursiveReadOnly": "IfPossible"}),
        ("1.37.0", {"mountPropagation": "None", "recursiveReadOnly": "IfPossible"}),
    ],
)
def test_a_recursively_read_only_mount_is_never_propagated(version, expected):
    """Kubernetes refuses a mount that asks for both, and older ones do not know the field."""
    made = mounts("recursive-read-only", version)["data-root"]

    assert made == {"name": "data-root", "mountPath": "/host/var/lib/docker", "readOnly": True, **expected}


def test_the_process_namespace_comes_with_the_capability_that_it_is_for():
    assert pod("host-pid")["hostPID"] is True
    assert exporter("host-pid")["securityContext"] == {
        **LEAST,
        "capabilities": {"drop": ["ALL"], "add": ["DAC_READ_SEARCH", "SYS_PTRACE"]},
        "appArmorProfile": {"type": "Unconfined"},
        "seLinuxOptions": {"type": "spc_t"},
    }


def test_apparmor_is_an_annotation_where_the_field_is_not_known():
    template_of = find(manifests("host-pid", OLDEST), "DaemonSet")["spec"]["template"]

    assert template_of["metadata"]["annotations"] == {
        "container.apparmor.security.beta.kubernetes.io/exporter": "unconfined"
    }
    assert "appArmorProfile" not in exporter("host-pid", OLDEST)["securityContext"]


def test_the_engine_is_reached_by_its_socket_only_when_asked_for():
    with_socket = [name for name in FEATURES if any("docker.sock" in str(v) for v in pod(name)["volumes"])]

    assert "--docker.host=unix:///var/run/docker.sock" in exporter("engine-socket")["args"]
    assert volumes("engine-socket")["engine"] == {"hostPath": {"path": "/var/run/docker.sock", "type": "Socket"}}
    assert with_socket == ["engine-proxy", "engine-socket", "prometheus-rule", "prometheus-rule-linked"]


def test_with_the_proxy_the_exporter_has_no_socket_but_the_proxy_s():
    """Which requests it lets through is tested where its configuration comes from."""
    (proxy,) = (container for container in pod("engine-proxy")["containers"] if container["name"] == "engine")
    mounted = {mount["mountPath"]: mount["name"] for mount in proxy["volumeMounts"]}
    configuration = find(manifests("engine-proxy"), "ConfigMap")

    assert "--docker.host=unix:///run/engine/docker.sock" in exporter("engine-proxy")["args"]
    assert {m["mountPath"] for m in exporter("engine-proxy")["volumeMounts"]} == {"/host/var/lib/docker", "/run/engine"}
    assert mounted["/var/run/docker.sock"] == "engine"
    assert volumes("engine-proxy")["engine"] == {"hostPath": {"path": "/run/docker.sock", "type": "Socket"}}
    assert volumes("engine-proxy")["proxy-config"] == {"configMap": {"name": configuration["metadata"]["name"]}}
    assert configuration["data"]["haproxy.cfg"] == (PROJECT / "deploy/proxy/haproxy.cfg").read_text()
    assert proxy["securityContext"] == {**LEAST, "capabilities": {"drop": ["ALL"]}}


PROBES = ("startupProbe", "livenessProbe", "readinessProbe")


@pytest.mark.parametrize(("feature", "scheme"), [("default", "HTTP"), ("web-config-headers", "HTTPS")])
def test_the_kubelet_asks_by_what_the_exporter_speaks(feature, scheme):
    asked = [exporter(feature)[name]["httpGet"] for name in PROBES]

    assert [one["scheme"] for one in asked] == [scheme] * 3
    assert [one["path"] for one in asked] == ["/-/healthy", "/-/healthy", "/-/ready"]
    assert {one["port"] for one in asked} == {"metrics"}
    if feature == "web-config-headers":
        assert asked[0]["httpHeaders"] == [{"name": "Authorization", "value": "Basic cHJvbWV0aGV1czpzZWNyZXQ="}]


def test_with_a_web_configuration_the_kubelet_asks_the_exporter_s_own_command():
    (command,) = {tuple(exporter("web-config")[name]["exec"]["command"]) for name in PROBES}

    assert command == ("docker-storage-exporter", "health", "--web.listen-address=:10054")
    assert settings_from(health_parser().parse_args(command[2:])).web_listen_address
    assert exporter("web-config-password-only")["readinessProbe"]["tcpSocket"] == {"port": "metrics"}


def test_a_secret_is_mounted_as_a_folder_so_that_it_is_renewed():
    assert mounts("web-config")["web-config"] == {
        "name": "web-config",
        "mountPath": "/etc/docker-storage-exporter/web",
        "readOnly": True,
    }
    assert volumes("web-config")["web-config"] == {"secret": {"secretName": "exporter-web", "defaultMode": 0o440}}


def test_the_state_is_kept_in_the_pod_or_on_the_node():
    assert volumes("state")["state"] == {"emptyDir": {"sizeLimit": "16Mi"}}
    assert volumes("state-on-host")["state"] == {
        "hostPath": {"path": "/var/lib/docker-storage-exporter", "type": "DirectoryOrCreate"}
    }
    assert mounts("state")["state"] == {"name": "state", "mountPath": "/state"}


def test_the_image_is_the_package_s_version_or_what_values_say():
    assert exporter("default")["image"] == f"docker-storage-exporter:{__version__}"
    assert exporter("image")["image"].startswith("registry.example/storage/docker-storage-exporter@sha256:0123")
    assert pod("image")["imagePullSecrets"] == [{"name": "everywhere"}, {"name": "here"}]


def test_it_runs_on_every_linux_node_and_one_pod_is_renewed_at_a_time():
    daemonset = find(manifests("default"), "DaemonSet")["spec"]

    assert daemonset["updateStrategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}}
    assert pod("default")["nodeSelector"] == {"kubernetes.io/os": "linux"}
    assert pod("default")["tolerations"] == [{"effect": "NoSchedule", "operator": "Exists"}]
    assert pod("scheduling")["priorityClassName"] == "system-node-critical"
    assert pod("scheduling")["containers"][0]["resources"]["limits"] == {"memory": "256Mi"}


def test_everything_else_finds_its_place():
    assert exporter("extras")["args"][-2:] == ["--log.format=json", "--no-collector.tmpfs"]
    assert {v["name"] for v in exporter("extras")["env"]} == {"DSE_SCAN_INTERVAL", "NODE_NAME"}
    assert mounts("extras")["home"]["readOnly"] is True
    assert mounts("extras")["scratch"] == {"name": "scratch", "mountPath": "/scratch"}
    assert [container["name"] for container in pod("extras")["containers"]] == ["exporter", "beside"]
    assert pod("extras")["initContainers"][0]["name"] == "wait"
    assert find(manifests("extras"), "ConfigMap", "release-text")["data"] == {"key": "value"}
    assert find(manifests("extras"), "ConfigMap", "release-docker-storage-exporter-object")
