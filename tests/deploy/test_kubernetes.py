"""The Kubernetes manifests: valid, hardened, and consistent with the program and with each other."""

from __future__ import annotations

import re
import tomllib
from importlib import import_module
from typing import Any

import pytest

from agents.board.config import SECRETS as BOARD_SECRETS
from agents.cli.main import module_of
from agents.platform.settings import SECRETS, Settings
from tests.deploy.tools import DEPLOY, ROOT, documents, one, passes

FOLDER = DEPLOY / "kubernetes"
KUSTOMIZATION = one(FOLDER / "kustomization.yaml")
FILES = [FOLDER / name for name in KUSTOMIZATION["resources"]]
RESOURCES: dict[tuple[str, str], dict[str, Any]] = {
    (each["kind"], each["metadata"]["name"]): each for path in FILES for each in documents(path)
}
RUNNING = {name: each for (kind, name), each in RESOURCES.items() if kind in {"StatefulSet", "Deployment", "Job"}}
SECRET = one(FOLDER / "secrets.example.yaml")
VERSIONS = ("1.31", "1.33")


def pod(resource: dict[str, Any]) -> dict[str, Any]:
    return dict(resource["spec"]["template"]["spec"])


def container(resource: dict[str, Any]) -> dict[str, Any]:
    (only,) = pod(resource)["containers"]
    return dict(only)


@pytest.mark.parametrize("version", VERSIONS)
def test_resources_are_valid(version: str) -> None:
    passes("kubernetes-validate", "--strict", "-k", version, *FILES, FOLDER / "secrets.example.yaml")


def test_the_kustomization_names_every_file_but_the_secrets() -> None:
    there = {path.name for path in FOLDER.glob("*.yaml")}
    assert there == {path.name for path in FILES} | {"kustomization.yaml", "secrets.example.yaml"}
    assert not any(SECRET["stringData"].values()), "the example must hold no secret"
    (image,) = KUSTOMIZATION["images"]
    assert {container(each)["image"] for each in RUNNING.values()} == {image["name"]}
    assert image["newTag"] == "0.1.0"


def test_the_documented_commands_make_the_namespace_before_anything_in_it() -> None:
    """`kubectl apply -k` makes the namespace first by itself; a file applied alone does not."""
    text = (DEPLOY / "README.md").read_text(encoding="utf-8")
    made = {"default"}
    commands = re.findall(r"^kubectl apply (-[fk]) (\S+)", text, re.MULTILINE)
    assert commands[-1] == ("-k", "deploy/kubernetes")
    for _, place in commands[:-1]:
        for each in documents(ROOT / place) if (ROOT / place).is_file() else [SECRET]:
            if each["kind"] == "Namespace":
                made.add(each["metadata"]["name"])
            else:
                assert each["metadata"]["namespace"] in made, place
    assert SECRET["metadata"]["namespace"] in made


@pytest.mark.parametrize("name", RUNNING)
def test_a_pod_is_hardened(name: str) -> None:
    spec, only = pod(RUNNING[name]), container(RUNNING[name])
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    assert spec["terminationGracePeriodSeconds"] >= 60
    assert only["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert only["resources"]["requests"].keys() == {"cpu", "memory"}
    assert "memory" in only["resources"]["limits"]


@pytest.mark.parametrize("name", RUNNING)
def test_a_pod_runs_what_exists_with_settings_that_exist(name: str) -> None:
    only = container(RUNNING[name])
    given, *arguments = only["args"]
    command = import_module(str(module_of(given))).command
    command.make_context(given, [str(FILES[0]) if "/" in argument else argument for argument in arguments])
    known = {f"CRS_{field.upper()}" for field in Settings.model_fields} | {"KAFKA_BOOTSTRAP_SERVERS"}
    known |= {f"CRS_{field.upper()}_FILE" for field in SECRETS}
    known |= {f"{variable}_FILE" for variable in BOARD_SECRETS.values()}
    assert {each["name"] for each in only.get("env", [])} <= known
    assert RESOURCES["ConfigMap", "crs-settings"]["data"].keys() <= known


@pytest.mark.parametrize("name", RUNNING)
def test_what_a_pod_mounts_exists(name: str) -> None:
    resource = RUNNING[name]
    claims = [claim["metadata"]["name"] for claim in resource["spec"].get("volumeClaimTemplates", [])]
    volumes = {volume["name"]: volume for volume in pod(resource)["volumes"]}
    mounts = {mount["name"]: mount["mountPath"] for mount in container(resource)["volumeMounts"]}
    assert mounts.keys() == volumes.keys() | set(claims)
    files = {f"{mounts['secrets']}/{item['path']}" for item in volumes["secrets"]["secret"]["items"]}
    assert {item["key"] for item in volumes["secrets"]["secret"]["items"]} <= SECRET["stringData"].keys()
    settings = RESOURCES["ConfigMap", "crs-settings"]["data"]
    asked = {settings["CRS_SASL_PASSWORD_FILE"], settings["CRS_SSL_CAFILE"]}
    asked |= {each["value"] for each in container(resource).get("env", []) if each["name"].endswith("_FILE")}
    assert asked <= files


def test_workers_have_stable_names_disks_of_their_own_and_different_nodes() -> None:
    worker = RESOURCES["StatefulSet", "crs-worker"]["spec"]
    spec = worker["template"]["spec"]
    labels = worker["template"]["metadata"]["labels"]
    assert worker["podManagementPolicy"] == "Parallel"
    assert worker["updateStrategy"]["type"] == "RollingUpdate"
    assert RESOURCES["Service", worker["serviceName"]]["spec"]["clusterIP"] == "None"
    assert RESOURCES["Service", worker["serviceName"]]["spec"]["selector"] == labels
    budget = RESOURCES["PodDisruptionBudget", "crs-worker"]["spec"]
    assert (budget["maxUnavailable"], budget["selector"]["matchLabels"]) == (1, labels)
    (apart,) = spec["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert (apart["topologyKey"], apart["labelSelector"]["matchLabels"]) == ("kubernetes.io/hostname", labels)
    names = {each["name"]: each for each in spec["containers"][0]["env"]}
    assert names["CRS_INSTANCE_ID"]["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.name"
    assert int(RESOURCES["ConfigMap", "crs-settings"]["data"]["CRS_PARTITIONS"]) >= 4 * worker["replicas"]


@pytest.mark.parametrize("name", [name for name in RUNNING if not name.startswith("crs-topics")])
def test_liveness_and_readiness_probes_match_what_is_served(name: str) -> None:
    only = container(RUNNING[name])
    assert only["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "metrics"}
    assert only["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "metrics"}
    assert {"name": "metrics", "containerPort": 9101} in only["ports"]


def test_the_dispatch_configuration_is_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    from agents.dispatch.config import PagingConfig

    text = RESOURCES["ConfigMap", "crs-dispatch"]["data"]["dispatch.toml"]
    monkeypatch.setenv("CRS_SECRET_OF_A_TEST", "only-for-this-test-run")
    table = tomllib.loads(text)["dispatch"] | {"reference_secret": {"env": "CRS_SECRET_OF_A_TEST"}}
    assert PagingConfig.model_validate(table).destinations.keys() == {"alertmanager"}
