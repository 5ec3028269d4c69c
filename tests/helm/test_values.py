"""Values that nobody foresaw: whatever they are, the objects are valid, mean what was said, and are still found."""

import json

import kubernetes_validate
import pytest
import yaml

from helm.generate import CHART, comments
from helm.rendering import NEWEST, RELEASE, find, helm, parsed, template
from helm.test_manifests import CUSTOM, selects

VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
ODD = """/mnt/it's "a" #1 {{ .x }} \\ - *"""


@pytest.fixture
def made(tmp_path):
    """The valid objects of the chart with some values, which are written to a file as users do."""

    def made(values=(), *options, release=RELEASE):
        (tmp_path / "values.yaml").write_text(json.dumps(dict(values)))
        text = template(f"--values={tmp_path}/values.yaml", *options, release=release)
        for one in parsed(text):
            if one["kind"] not in CUSTOM:
                kubernetes_validate.validate(one, NEWEST.rpartition(".")[0], strict=True)
        return parsed(text)

    return made


def empty_values(values=VALUES, path=()):
    """The values that are empty by default, and the maps of users, as nothing at all."""
    known = comments((CHART / "values.yaml").read_text())
    for name, value in values.items():
        here = (*path, name)
        if isinstance(value, dict) and any(other[:-1] == here for other in known):
            yield name, dict(empty_values(value, here))
        elif value in ("", [], None) or isinstance(value, (dict, list)):
            yield name, None


def test_an_empty_value_may_as_well_be_null(made):
    """As in `nameOverride:` with nothing behind it. Helm then knows no such key."""
    objects = made(empty_values(), "--set=prometheus.monitor.enabled=true", "--set=prometheusRule.enabled=true")
    container = find(objects, "DaemonSet")["spec"]["template"]["spec"]["containers"][0]

    assert container["image"] == "docker-storage-exporter:0.1.0"
    assert not {"startupProbe", "livenessProbe", "readinessProbe"} & container.keys()
    assert "nodeSelector" not in find(objects, "DaemonSet")["spec"]["template"]["spec"]
    made(empty_values(), "--set=networkPolicy.enabled=true", "--set=dashboards.enabled=true")


def test_a_token_never_reaches_the_pod_by_a_null(made):
    """Kubernetes would put one in where nothing is said."""
    objects = made({"serviceAccount": {"automountServiceAccountToken": None}})

    assert find(objects, "ServiceAccount")["automountServiceAccountToken"] is False
    assert find(objects, "DaemonSet")["spec"]["template"]["spec"]["automountServiceAccountToken"] is False


def test_any_text_arrives_as_it_was_written(made):
    values = {
        "dataRoot": ODD,
        "containerdRoot": f"{ODD}/c",
        "hostMounts": {"paths": [f"{ODD}/b"]},
        "engine": {"socket": "/run/a #b"},
        "state": {"enabled": True, "hostPath": ODD},
        "env": {"DSE_A": ODD, "DSE_B": 10_000_000, "DSE_C": True, "DSE_D": 0.05},
        "podAnnotations": {"a": ODD},
        "prometheus": {"monitor": {"enabled": True, "proxyUrl": "http://u:p #@proxy", "interval": "1m"}},
    }
    objects = made(values)
    spec = find(objects, "DaemonSet")["spec"]["template"]["spec"]
    container = spec["containers"][0]
    sources = {volume["name"]: volume["hostPath"]["path"] for volume in spec["volumes"]}

    places = {"data-root": ODD, "containerd-root": f"{ODD}/c", "path-0": f"{ODD}/b"}
    assert sources == {**places, "engine": "/run/a #b", "state": ODD}
    assert f"--path.containerd-root={ODD}/c" in container["args"]
    assert {m["mountPath"] for m in container["volumeMounts"]} >= {f"/host{ODD}", f"/host{ODD}/b", "/run/a #b"}
    assert {f"--path.data-root={ODD}", "--docker.host=unix:///run/a #b"} <= set(container["args"])
    assert [one["value"] for one in container["env"]] == [ODD, "10000000", "true", "0.05"]
    assert find(objects, "ServiceMonitor")["spec"]["endpoints"][0]["proxyUrl"] == "http://u:p #@proxy"


def test_names_that_look_like_numbers_stay_names(made):
    values = {"releaseLabel": True, "imagePullSecrets": ["123", {"name": "0x1"}], "priorityClassName": "1e3"}
    values |= {"namespaceOverride": "456", "nameOverride": "789", "fullnameOverride": "a"}

    objects = made(values, "--set=prometheus.podMonitor.enabled=true", release="123")

    assert find(objects, "DaemonSet")["spec"]["selector"]["matchLabels"] == {
        "app.kubernetes.io/name": "789",
        "app.kubernetes.io/instance": "123",
    }
    assert {one["metadata"]["namespace"] for one in objects} == {"456"}
    assert find(objects, "PodMonitor")["spec"]["namespaceSelector"] == {"matchNames": ["456"]}


def test_labels_are_never_said_twice_and_never_hide_a_pod_from_its_selectors(made):
    hidden = {"app.kubernetes.io/name": "else", "app.kubernetes.io/component": "storage", "release": "common"}
    values = {
        "commonLabels": hidden,
        "podLabels": {"app.kubernetes.io/instance": "else", "release": "pod"},
        "service": {"labels": hidden},
        "releaseLabel": True,
        "prometheus": {"monitor": {"enabled": True, "additionalLabels": {"release": "operator"}}},
        "dashboards": {"enabled": True, "additionalLabels": {"grafana_dashboard": "else"}},
    }
    objects = made(values)
    pods = find(objects, "DaemonSet")["spec"]["template"]["metadata"]["labels"]
    service = find(objects, "Service")

    assert selects(find(objects, "DaemonSet")["spec"]["selector"]["matchLabels"], pods)
    assert selects(find(objects, "ServiceMonitor")["spec"]["selector"]["matchLabels"], service["metadata"]["labels"])
    assert pods["app.kubernetes.io/component"] == "storage"
    assert (pods["release"], service["metadata"]["labels"]["release"]) == ("pod", "common")
    assert find(objects, "ServiceMonitor")["metadata"]["labels"]["release"] == "operator"
    assert {one["metadata"]["labels"].get("grafana_dashboard") for one in objects if "data" in one} == {"1"}


@pytest.mark.parametrize("kind", ["monitor", "podMonitor"])
def test_rules_know_the_job_whatever_the_chart_is_called(made, kind):
    values = {"nameOverride": "bytes", "fullnameOverride": "b", "prometheus": {kind: {"enabled": True}}}
    objects = made(values)
    monitor = next(one for one in objects if one["kind"].endswith("Monitor"))
    labelled = find(objects, "Service") if kind == "monitor" else find(objects, "DaemonSet")["spec"]["template"]

    assert labelled["metadata"]["labels"][monitor["spec"]["jobLabel"]] == "docker-storage-exporter"


def test_a_limit_is_a_whole_number_however_large(made):
    limits = {"sampleLimit": 1_000_000, "labelValueLengthLimit": 20_000_000}
    objects = made({"prometheus": {"podMonitor": {"enabled": True, **limits}}})

    assert find(objects, "PodMonitor")["spec"].items() >= limits.items()


def test_two_releases_with_long_names_share_no_object(made):
    values = {"dashboards": {"enabled": True}, "prometheusRule": {"enabled": True}, "config": {"log.level": "warn"}}
    values |= {"engine": {"socket": "/s", "proxy": {"enabled": True}}}
    releases = ["r" * 52 + "a", "r" * 52 + "b"]
    names = [{(one["kind"], one["metadata"]["name"]) for one in made(values, release=name)} for name in releases]

    assert not names[0] & names[1]
    assert all(len(name) <= 63 for kind, name in names[0] if kind in ("Service", "DaemonSet", "Pod"))


def test_a_directory_is_mounted_once(made):
    objects = made({"dataRoot": "/srv/docker/", "hostMounts": {"paths": ["/opt", "/srv/docker", "/opt/", "/srv//x"]}})
    container = find(objects, "DaemonSet")["spec"]["template"]["spec"]["containers"][0]

    assert [one["mountPath"] for one in container["volumeMounts"]] == ["/host/srv/docker", "/host/opt", "/host/srv/x"]
    assert "--path.data-root=/srv/docker" in container["args"]


def test_containerd_s_root_is_mounted_where_it_is_named_and_not_with_the_whole_host(made):
    named = {"containerdRoot": "/var/lib/containerd/", "hostMounts": {"paths": ["/var/lib/containerd", "/srv"]}}
    whole = {"containerdRoot": "/var/lib/containerd", "hostMounts": {"variant": "wholeHost"}}

    for values, mounted in ((named, ["/var/lib/docker", "/var/lib/containerd", "/srv"]), (whole, [""])):
        container = find(made(values), "DaemonSet")["spec"]["template"]["spec"]["containers"][0]
        assert {one["mountPath"] for one in container["volumeMounts"]} == {f"/host{path}" for path in mounted}
        assert "--path.containerd-root=/var/lib/containerd" in container["args"]
    plain = find(made({}), "DaemonSet")["spec"]["template"]["spec"]["containers"][0]
    assert not any("containerd" in argument for argument in plain["args"])


def test_a_port_of_the_nodes_is_for_services_that_have_one(made):
    chosen = {"nodePort": 31054, "externalTrafficPolicy": "Local"}
    inside = find(made({"service": chosen}), "Service")["spec"]
    outside = find(made({"service": {**chosen, "type": "NodePort"}}), "Service")["spec"]

    assert "externalTrafficPolicy" not in inside
    assert "nodePort" not in inside["ports"][0]
    assert (outside["externalTrafficPolicy"], outside["ports"][0]["nodePort"]) == ("Local", 31054)


def test_the_connection_test_runs_where_the_image_does(made):
    values = {"nodeSelector": {"pool": "docker"}, "tolerations": [{"operator": "Exists"}]}
    asking = find(made(values), "Pod")["spec"]

    assert asking["nodeSelector"] == {"kubernetes.io/os": "linux", "pool": "docker"}
    assert asking["tolerations"] == [{"operator": "Exists"}]


def test_labels_and_annotations_that_are_no_texts_are_refused_by_name(tmp_path):
    wrong = {"a": 1}
    values = {
        **dict.fromkeys(("commonLabels", "podLabels", "podAnnotations", "daemonsetAnnotations", "nodeSelector"), wrong),
        "service": {"labels": wrong, "annotations": wrong},
        "serviceAccount": {"annotations": wrong},
        "prometheus": {kind: {"additionalLabels": wrong} for kind in ("monitor", "podMonitor")},
        "prometheusRule": {"additionalLabels": wrong},
        "dashboards": {"additionalLabels": wrong, "annotations": wrong},
    }
    (tmp_path / "values.yaml").write_text(json.dumps(values))

    done = helm("template", RELEASE, str(CHART), f"--values={tmp_path}/values.yaml")

    assert done.returncode != 0
    assert done.stderr.count("/a': got number, want string") == 13
