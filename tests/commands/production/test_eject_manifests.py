"""The compose file and the Kubernetes base: valid by their schemas, restricted, and without a secret."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from appliance.commands.production import eject_manifests
from appliance.commands.production.eject_facts import image_name
from appliance.commands.production.eject_locks import Lock
from tests.commands.production.conftest import facts
from tests.commands.production.schemas import compose_check, meets_kubernetes

PROJECTS = [{}, {"required": ("KEY",), "given": ("MODE",)}]


@pytest.mark.parametrize("project", PROJECTS, ids=["plain", "variables"])
def test_the_compose_file_is_valid(tmp_path, project):
    """The file fits compose's schema and yamllint's rules, and is restricted."""
    file = tmp_path / eject_manifests.COMPOSE
    file.write_text(
        eject_manifests.compose_text(facts(**project), "Dockerfile", ["hosts: # a: [b\nc"]), encoding="utf-8"
    )
    rules = "{extends: relaxed, rules: {line-length: disable}}"
    yamllint = [Path(sys.executable).parent / "yamllint", "--strict", "-d", rules, file]
    linted = subprocess.run(yamllint, capture_output=True, text=True, timeout=60, check=False)
    for done in (compose_check(file), linted):
        assert done.returncode == 0, done.stdout + done.stderr
    assert (eject_manifests.EXAMPLE in file.read_text("utf-8")) is bool(project)  # else it is not written
    service = yaml.safe_load(file.read_text("utf-8"))["services"]["app"]
    assert (service["read_only"], service["cap_drop"], service["tmpfs"]) == (True, ["ALL"], ["/tmp"])
    assert service["env_file"][0]["required"] is bool(project)


def test_the_kubernetes_base_is_restricted():
    """The pod meets the Pod Security Standard "restricted", writes to /tmp alone, and names no secret's value."""
    texts = dict(eject_manifests.kubernetes_texts(facts(required=("KEY",)), ["hosts: some"]))
    pod = yaml.safe_load(texts[f"{eject_manifests.FOLDER}/deployment.yaml"])["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert [mount["mountPath"] for mount in container["volumeMounts"]] == ["/tmp"]
    assert container["envFrom"][0]["secretRef"] == {"name": "shop-variables", "optional": False}
    assert {"startupProbe", "readinessProbe", "livenessProbe"} <= set(container)
    kustomization = yaml.safe_load(texts[f"{eject_manifests.FOLDER}/kustomization.yaml"])
    assert {f"{eject_manifests.FOLDER}/{name}" for name in kustomization["resources"]} < set(texts)


def written(tmp_path, project):
    """The Kubernetes base as files; the folder of its kustomization."""
    for name, text in eject_manifests.kubernetes_texts(facts(**project), ["hosts: # a: [b\nc"]):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    return tmp_path / eject_manifests.FOLDER


@pytest.mark.parametrize("project", PROJECTS, ids=["plain", "variables"])
def test_the_kubernetes_base_meets_the_schemas(tmp_path, project):
    """Kubernetes' own schemas accept each manifest."""
    files = [each for each in written(tmp_path, project).iterdir() if each.name != "kustomization.yaml"]
    assert {each.name for each in files} == {"deployment.yaml", "service.yaml"}
    for file in files:
        meets_kubernetes(yaml.safe_load(file.read_text("utf-8")))


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
def test_kustomize_renders_the_kubernetes_base(tmp_path):
    """Kubectl renders the base, with the image under the name and the tag that the kustomization gives."""
    folder = written(tmp_path, PROJECTS[1])
    file = folder / "kustomization.yaml"
    file.write_text(file.read_text("utf-8").replace('newTag: "latest"', 'newTag: "2"\n    newName: example.org/shop'))
    done = subprocess.run(["kubectl", "kustomize", folder], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    rendered = {each["kind"]: each for each in yaml.safe_load_all(done.stdout)}
    assert set(rendered) == {"Deployment", "Service"}
    (container,) = rendered["Deployment"]["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "example.org/shop:2"


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("Shop", "shop"), ("my shop_2.0", "my-shop-2-0"), ("-x-", "x"), ("42", "corner-shop"), ("лавка", "corner-shop"),
        ("workspace", "corner-shop"), ("a" * 80, "a" * 50), ("$(reboot)\n", "reboot"),
    ],
)  # fmt: skip
def test_the_name_is_valid_for_kubernetes(folder, name):
    """The image's name is of the folder, or of the distribution, in the letters that Kubernetes takes."""
    lock = Lock("", hashed=True, own={"Corner.Shop": "."})
    assert image_name(Path("/srv") / folder, lock) == name
    assert image_name(Path("/workspace"), Lock("", hashed=True)) == "app"


def test_variables_have_names_and_no_values():
    """The example lists the names that the project needs, and those that the .env files set."""
    text = eject_manifests.variables_text(facts(required=("KEY",), given=("MODE",)))
    assert "\nKEY=\n" in text
    assert "\n# MODE=\n" in text
