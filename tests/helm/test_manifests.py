"""The objects that the chart makes: valid on every supported Kubernetes, labelled, and selecting nothing else."""

import functools
import json

import kubernetes_validate
import pytest

from docker_storage_exporter.cli.commands.health import command_parser as health_parser
from docker_storage_exporter.cli.options import settings_from
from helm.rendering import FEATURES, NAMESPACE, NEWEST, OLDEST, find, manifests, pod

CUSTOM = {"ServiceMonitor", "PodMonitor", "PrometheusRule", "VerticalPodAutoscaler"}


SELECTED = {"app.kubernetes.io/name": "docker-storage-exporter", "app.kubernetes.io/instance": "release"}


def selects(selector, labels):
    """Whether a selector finds what has these labels."""
    return selector.items() <= labels.items()


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@pytest.mark.parametrize("feature", FEATURES)
def test_every_object_is_valid_on_the_oldest_and_the_newest_kubernetes(feature, version):
    for one in manifests(feature, version):
        if one["kind"] not in CUSTOM:
            validate(json.dumps(one), version.rpartition(".")[0])


@functools.cache
def validate(text, version):
    """Check an object once: most features leave most objects as they are. Raises ValidationError."""
    kubernetes_validate.validate(json.loads(text), version, strict=True)


def test_the_newest_kubernetes_is_the_newest_that_is_known():
    known = tuple(map(int, kubernetes_validate.latest_version().split(".")))

    assert ".".join(map(str, known[:2])) == NEWEST.rpartition(".")[0]


def test_a_wrong_object_would_not_be_valid():
    wrong = json.loads(json.dumps(find(manifests("default"), "DaemonSet")))
    wrong["spec"]["template"]["spec"]["containers"][0]["volumeMount"] = []

    with pytest.raises(kubernetes_validate.ValidationError):
        validate(json.dumps(wrong), "1.37")


@pytest.mark.parametrize("feature", FEATURES)
def test_selectors_find_the_exporters_pods_and_no_others(feature):
    objects = manifests(feature)
    daemonset = find(objects, "DaemonSet")
    expected = dict(SELECTED, **({"app.kubernetes.io/name": "storage"} if feature == "labels" else {}))
    selectors = [daemonset["spec"]["selector"]["matchLabels"]]
    selectors += [one["spec"]["selector"] for one in objects if one["kind"] == "Service"]
    selectors += [one["spec"]["selector"]["matchLabels"] for one in objects if one["kind"].endswith("Monitor")]
    selectors += [one["spec"]["podSelector"]["matchLabels"] for one in objects if one["kind"] == "NetworkPolicy"]
    asking = [one["metadata"]["labels"] for one in objects if one["kind"] == "Pod"]

    assert selectors == [expected] * len(selectors)
    assert selects(expected, daemonset["spec"]["template"]["metadata"]["labels"])
    assert not any(selects(expected, labels) for labels in asking)


@pytest.mark.parametrize("feature", FEATURES)
def test_every_object_has_the_usual_labels_and_a_namespace(feature):
    for one in manifests(feature):
        if one["kind"] == "Pod" or "key" in one.get("data", {}):  # the test's, and the user's own
            continue
        labels = one["metadata"]["labels"]
        assert labels["helm.sh/chart"].startswith("docker-storage-exporter-")
        assert labels["app.kubernetes.io/component"] == "metrics"
        assert labels["app.kubernetes.io/managed-by"] == "Helm"
        assert one["metadata"]["namespace"] in (NAMESPACE, "monitoring", "elsewhere")


@pytest.mark.parametrize(
    ("feature", "kind", "scheme"),
    [
        ("service-monitor", "ServiceMonitor", "http"),
        ("web-config", "ServiceMonitor", "https"),
        ("web-config-password-only", "PodMonitor", "http"),
    ],
)
def test_monitors_speak_what_the_exporter_speaks(feature, kind, scheme):
    spec = find(manifests(feature), kind)["spec"]

    assert [one["scheme"] for one in spec.get("endpoints") or spec["podMetricsEndpoints"]] == [scheme]


def test_the_connection_test_asks_the_service():
    container = find(manifests("node-port"), "Pod")["spec"]["containers"][0]
    service = find(manifests("node-port"), "Service")

    assert container["args"] == ["health", f"--web.listen-address={service['metadata']['name']}:80"]
    assert [port["port"] for port in service["spec"]["ports"]] == [80]
    assert settings_from(health_parser().parse_args(container["args"][1:]))


def test_names_and_labels_of_ones_own_reach_every_object():
    for one in manifests("labels"):
        assert one["metadata"]["name"].startswith("docker-bytes")
        assert one["metadata"]["namespace"] == "elsewhere"
        if one["kind"] != "Pod":
            assert one["metadata"]["labels"]["team"] == "storage"
            assert one["metadata"]["labels"]["release"] == "release"


def test_the_service_account_has_no_token_and_no_rights():
    for feature in FEATURES:
        kinds = {one["kind"] for one in manifests(feature)}
        assert not kinds & {"Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"}
    assert find(manifests("default"), "ServiceAccount")["automountServiceAccountToken"] is False
    assert pod("service-account")["serviceAccountName"] == "storage-reader"
    assert not [one for one in manifests("service-account") if one["kind"] == "ServiceAccount"]


def test_a_network_policy_lets_scrapes_in_and_nothing_out():
    policy = find(manifests("network-policy"), "NetworkPolicy")["spec"]
    (rule,) = policy["ingress"]
    asking = find(manifests("network-policy"), "Pod")["metadata"]["labels"]

    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert policy["egress"] == []
    assert rule["ports"] == [{"port": "metrics", "protocol": "TCP"}]
    assert rule["from"][0] == {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
    assert selects(rule["from"][1]["podSelector"]["matchLabels"], asking)


def test_nothing_is_left_without_a_value():
    for feature in FEATURES:
        for one in manifests(feature):
            found = {path for path, value in leaves(one) if value in (None, "<no value>")}
            assert not found


def leaves(value, path=""):
    """Every value in an object that holds no others, with the names on the way to it."""
    inner = (
        value.items() if isinstance(value, dict) else [("", one) for one in value] if isinstance(value, list) else ()
    )
    for name, below in inner:
        yield from leaves(below, f"{path}.{name}".strip("."))
    if not isinstance(value, (dict, list)):
        yield path, value
