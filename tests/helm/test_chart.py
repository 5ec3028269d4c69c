"""The chart as a package: what is generated is not stale, helm finds nothing, mistakes in values are refused."""

import json
import re
import tarfile

import pytest
import yaml

from docker_storage_exporter import __version__
from docker_storage_exporter.settings import DEFAULT_DATA_ROOT, DEFAULT_PORT, Settings
from helm.cluster import Cluster
from helm.generate import CHART, SET_BY_THE_CHART, comments, documents
from helm.rendering import FEATURES, NAMESPACE, NEWEST, OLDEST, RELEASE, helm, template

VERSION = f"--kube-version={NEWEST}"
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
DOCUMENTS = documents()
METADATA = yaml.safe_load((CHART / "Chart.yaml").read_text())


@pytest.fixture(scope="module")
def install():
    """Have helm say what it would install in a cluster."""
    cluster = Cluster(NEWEST)
    where = ("--namespace", NAMESPACE, "--kube-apiserver", cluster.url)

    def install(chart, *options):
        done = helm("install", RELEASE, chart, "--dry-run=client", "--disable-openapi-validation", *where, *options)
        assert done.returncode == 0, done.stderr
        return done.stdout

    yield install
    cluster.stop()


@pytest.mark.parametrize("name", DOCUMENTS)
def test_generated_files_are_not_stale(name):
    assert DOCUMENTS[name] == (CHART / name).read_text(), "run make chart"


def test_a_package_holds_what_its_links_lead_to(tmp_path):
    assert helm("package", str(CHART), "--destination", str(tmp_path)).returncode == 0
    with tarfile.open(next(tmp_path.glob("*.tgz"))) as package:
        members = {member.name: member for member in package if "/files/" in member.name}
        kept = {name.partition("/files/")[2]: package.extractfile(member).read() for name, member in members.items()}
        assert all(member.isfile() for member in members.values())

    root = CHART.parent.parent
    sources = {f"dashboards/{path.name}": path for path in (root / "dashboards/json").iterdir()}
    sources |= {f"rules/{path.name}": path for path in (root / "dashboards/rules").glob("*.yaml")}
    sources["proxy/haproxy.cfg"] = root / "deploy/proxy/haproxy.cfg"
    assert kept == {name: path.read_bytes() for name, path in sources.items()}


def test_it_installs_the_version_of_the_package():
    assert METADATA["appVersion"] == __version__
    assert re.fullmatch(r"\d+\.\d+\.\d+", METADATA["version"])


def test_its_defaults_are_those_of_the_exporter():
    assert VALUES["containerPort"] == VALUES["service"]["port"] == DEFAULT_PORT
    assert VALUES["dataRoot"] == DEFAULT_DATA_ROOT


def test_what_the_chart_sets_itself_is_a_setting_of_the_exporter():
    flags = {entry.metadata["flag"] for entry in Settings.__dataclass_fields__.values()}

    assert flags >= SET_BY_THE_CHART


@pytest.mark.parametrize("feature", FEATURES)
def test_helm_finds_nothing_to_say(feature):
    done = helm("lint", "--strict", str(CHART), VERSION, f"--values={CHART}/ci/{feature}-values.yaml")

    assert done.returncode == 0, done.stdout
    assert "1 chart(s) linted, 0 chart(s) failed" in done.stdout
    assert "[WARNING]" not in done.stdout


def test_it_packs_and_installs_from_the_package(install, tmp_path):
    packed = helm("package", str(CHART), "--destination", str(tmp_path))
    archive = f"{tmp_path}/docker-storage-exporter-{METADATA['version']}.tgz"

    assert packed.returncode == 0, packed.stderr
    shown = install(archive)
    assert "\nkind: DaemonSet\n" in shown
    assert "\nSTATUS: pending-install\n" in shown


def test_an_older_kubernetes_is_refused():
    done = helm("template", RELEASE, str(CHART), "--kube-version", "1.24.0")

    assert done.returncode != 0
    assert "incompatible with Kubernetes" in done.stderr


@pytest.mark.parametrize(
    ("option", "named"),
    [
        ("--set=imagee.tag=1", "imagee"),
        ("--set=image.tagg=1", "tagg"),
        ("--set=image.pullPolicy=Often", "pullPolicy"),
        ("--set=image.digest=sha256:1", "digest"),
        ("--set=hostMounts.variant=everything", "variant"),
        ("--set=dataRoot=var/lib/docker", "dataRoot"),
        ("--set=engine.socket=unix:///var/run/docker.sock", "socket"),
        ("--set=config.scan.intervall=10m", "intervall"),
        (r"--set=config.scan\.intervall=10m", "scan.intervall"),
        (r"--set=config.path\.rootfs=/host", "path.rootfs"),
        ("--set=containerPort=70000", "containerPort"),
        ("--set=probes.method=ask", "method"),
        ("--set=probes.liveness.periodSecond=1", "periodSecond"),
        ("--set=prometheus.monitor.intervall=1m", "intervall"),
        ("--set=prometheusRule.disabled.DockerVolumeDangling=true", "DockerVolumeDangling"),
        ("--set=prometheusRule.disabledGroups.docker-storage=true", "docker-storage"),
        ("--set=service.type=ClusterIp", "type"),
        ("--set=appArmorProfile.type=unconfined", "type"),
        ('--set-json=extraHostVolumeMounts=[{"name":"a"}]', "hostPath"),
    ],
)
def test_a_mistake_in_the_values_is_refused_by_name(option, named):
    done = helm("template", RELEASE, str(CHART), VERSION, option)

    assert done.returncode != 0
    assert named in done.stderr
    assert "don't meet the specifications of the schema" in done.stderr


def test_a_parent_chart_may_have_a_condition_and_globals_of_its_own():
    text = template("--set=enabled=true", "--set=global.somethingElse=1", "--set=global.imageRegistry=r.example")

    assert 'image: "r.example/docker-storage-exporter:' in text


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (
            ("--set=prometheus.monitor.enabled=true", "--set=prometheus.podMonitor.enabled=true"),
            "every pod would be scraped twice",
        ),
        (("--set=prometheus.monitor.enabled=true", "--set=service.enabled=false"), "needs service.enabled"),
        (("--set=engine.proxy.enabled=true",), "engine.proxy needs engine.socket"),
        (("--set=networkPolicy.enabled=true", "--set=hostNetwork=true"), "does not hold for pods with hostNetwork"),
        (("--set=hostNetwork=true", "--set=hostPort=80"), "with hostNetwork there is only the port that"),
        (
            ("--set=hostMounts.recursiveReadOnly=Enabled", f"--kube-version={OLDEST}"),
            "needs Kubernetes 1.31, this is v1.25.0",
        ),
    ],
)
def test_values_that_contradict_each_other_are_refused_with_the_reason(options, line):
    done = helm("template", RELEASE, str(CHART), VERSION, *options)

    assert done.returncode != 0
    assert line in done.stderr


def test_the_schema_is_of_the_draft_that_helm_reads_and_describes_every_value():
    schema = json.loads((CHART / "values.schema.json").read_text())

    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
    for path, comment in comments((CHART / "values.yaml").read_text()).items():
        here = schema
        for name in path:
            here = here["properties"][name]
        assert here["description"]
        assert comment.description in here["description"] or path[0] == "prometheusRule"


def test_every_value_is_in_the_readme():
    listed = re.findall(r"^\| `([\w.]+)` \|", (CHART / "README.md").read_text(), re.MULTILINE)

    assert listed == sorted(set(listed), key=listed.index)
    for name in ("dataRoot", "hostMounts.variant", "engine.socket", "prometheusRule.disabled", "probes.liveness"):
        assert name in listed


def test_every_feature_says_what_it_is():
    for feature in FEATURES:
        assert (CHART / f"ci/{feature}-values.yaml").read_text().startswith("# ")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (
            (),
            ("port-forward daemonset/release-docker-storage-exporter 10054", "No engine is asked", "helm test release"),
        ),
        (("--set=service.type=NodePort",), ("curl http://$NODE_IP:$NODE_PORT/metrics", "externalTrafficPolicy")),
        (("--set=service.type=LoadBalancer", "--set=webConfig.secretName=s"), ("curl https://$ADDRESS:10054/metrics",)),
        (("--set=service.enabled=false",), ("every pod answers at http://POD_IP:10054/metrics",)),
        (("--set=engine.socket=/var/run/docker.sock",), ("whoever takes over the exporter is root on the node",)),
        (("--set=hostMounts.variant=wholeHost",), ("that of a runtime is root on the node", "ends with exit code 3")),
        (("--set=prometheus.podMonitor.enabled=true",), ("by the PodMonitor release-docker-storage-exporter",)),
        (("--set=dataRoot=/mnt/docker",), ('without /mnt/docker the pod waits with "hostPath type check failed"',)),
    ],
)
def test_the_notes_fit_what_was_installed(install, options, told):
    notes = install(str(CHART), *options).partition("NOTES:\n")[2]

    assert "pod-security.kubernetes.io/enforce=privileged" in notes
    assert "cri-dockerd" in notes
    for line in told:
        assert line in notes
    assert ("helm test" in notes) == ("--set=service.enabled=false" not in options)
    assert not re.search(r"\n\n\n|<no value>|\{\{", notes)
