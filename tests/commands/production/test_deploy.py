"""``appliance deploy``: the files for each engine are valid for every project, show no secret, and replace nothing."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.commands.production.schemas import compose_check, meets_kubernetes
from tests.live.launcher import command

APPS = Path(__file__).parents[3] / "tests" / "apps"
KINDS = ("plain", "flask_notes", "django_site", "rule_subfolder")
ENGINES = ("swarm", "kubernetes", "compose")
HOSTILE = {
    "PLAIN": "a word",
    "BOOLEAN": "no",
    "NUMBER": "1e3",
    "COMMENT": ": #",
    "QUOTED": 'it\'s "quoted"',
    "DOLLAR": "$HOME ${HOME} $$",
    "ANCHOR": "&a *b !c %d @name@ - ? |",
    "BACKSLASH": "C:\\new\\table",
    "UNICODE": "Zoë 🐍",
    "EQUALS": "a=b=c",
}

Deploy = Callable[..., "subprocess.CompletedProcess[str]"]


class _Loader(yaml.SafeLoader):
    """Reads compose's own tags as what they tag."""


def _tagged(loader: yaml.SafeLoader, _: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    if isinstance(node, yaml.ScalarNode):  # what `!reset` leaves
        assert node.value == "null"
        return None
    assert isinstance(node, yaml.MappingNode)
    return loader.construct_mapping(node, deep=True)


_Loader.add_multi_constructor("!", _tagged)


def read(file: Path) -> Any:
    """A YAML file's content."""
    return yaml.load(file.read_text("utf-8"), _Loader)


def deploy(root: Path, cache: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    """Run the command on a project."""
    return command(("deploy", f"--project={root}", f"--cache={cache}", *flags), {"PATH": os.defpath})


def example(values: dict[str, str]) -> str:
    """An .env.example of these values, quoted so that nothing in them is expanded."""
    return "".join(
        f"{name}='" + value.replace("\\", "\\\\").replace("'", "\\'") + "'\n" for name, value in values.items()
    )


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project called ``My Shop!``, with hostile values, secrets and a variable that it requires, and every file."""
    root = tmp_path_factory.mktemp("parent") / "My Shop!"
    root.mkdir()
    (root / "app.py").write_text("import os\nfrom flask import Flask\nos.environ['REGION']\napp = Flask(__name__)\n")
    secrets = {
        "SECRET_KEY": "correct-horse",
        "DATABASE_URL": "postgres://shop:pw@db/shop",
        "BROKER": "amqp://a:b4ttery@q/",
    }
    (root / ".env.example").write_text(
        example({**HOSTILE, **secrets, "EMPTY": ""}) + "a.b='odd'\nPEM='one\ntwo'\n", "utf-8"
    )
    for engine in ENGINES:
        done = deploy(root, root.parent / "cache", "--for", engine)
        assert done.returncode == 0, done.stderr
    return root


def files(root: Path) -> list[Path]:
    """The files that the command wrote."""
    return [
        root / "skaffold.yaml",
        root / "Tiltfile",
        *(file for file in (root / "deploy").rglob("*") if file.is_file()),
    ]


def test_the_name_is_that_of_the_folder_on_the_host(tmp_path: Path) -> None:
    """A container has each project at /workspace: the editor's folder names it, or a line says that nothing does."""
    for folder, name in (("", "app"), ("--editor-folder=/home/me//here/../My Shop", "my-shop")):
        root = tmp_path / name / "workspace"
        root.mkdir(parents=True)
        done = deploy(root, tmp_path, "--for", "compose", *filter(None, [folder]))
        assert f"${{PREVIEW:-{name}}}-preview" in (root / "deploy" / "compose.preview.yml").read_text("utf-8")
        assert ("--name gives another" in done.stdout) is not bool(folder)


def test_names_become_labels_of_dns(hostile: Path) -> None:
    """The stack, the Deployment and the image are called after the project, as DNS allows it."""
    (deployment,) = yaml.safe_load_all((hostile / "deploy/kubernetes/base/deployment.yaml").read_text("utf-8"))
    assert deployment["metadata"]["name"] == "my-shop"
    assert deployment["spec"]["template"]["spec"]["containers"][0]["image"] == "my-shop-preview"


@pytest.mark.parametrize("file", ["swarm.yml", "compose.preview.yml"])
def test_hostile_values_stay_what_they_are(hostile: Path, file: str) -> None:
    """YAML reads each value as the text that it was; a $ is doubled, so that no engine expands it."""
    environment = read(hostile / "deploy" / file)["services"]["app"]["environment"]
    assert {name: environment[name].replace("$$", "$") for name in HOSTILE} == HOSTILE


def test_no_secret_is_in_any_file(hostile: Path) -> None:
    """Values of secret variables, and of URLs with a password, are in no file; their names are there."""
    text = "".join(file.read_text("utf-8") for file in files(hostile))
    assert not any(word in text for word in ("correct-horse", "shop:pw", "b4ttery"))
    stack = read(hostile / "deploy" / "swarm.yml")
    assert set(stack["secrets"]) == {"SECRET_KEY", "DATABASE_URL", "BROKER"}
    assert stack["secrets"]["SECRET_KEY"] == {"external": True, "name": "my-shop_SECRET_KEY"}
    assert stack["services"]["app"]["environment"]["APPLIANCE_SECRETS"] == "/run/secrets"


def test_a_variable_that_the_files_can_not_hold_is_named(hostile: Path) -> None:
    """A variable without a value, of several lines, or of an odd name is named in the output."""
    shutil.rmtree(hostile / "deploy" / "kubernetes")
    done = deploy(hostile, hostile.parent / "cache", "--for", "kubernetes")
    assert "Without a value in .env.example: EMPTY, REGION\n" in done.stdout
    assert "Of several lines, and so not in settings.env: PEM\n" in done.stdout
    assert "Left out, because no container can have a variable of this name: a.b\n" in done.stdout
    assert done.stdout.rstrip().endswith("A database is yours to add.")


def test_a_file_that_exists_is_never_changed(hostile: Path) -> None:
    """An edited file stays, its difference is shown; without an edit there is nothing to do."""
    cache = hostile.parent / "cache"
    assert "Nothing to do" in deploy(hostile, cache, "--for", "compose").stdout
    file = hostile / "deploy" / "compose.preview.yml"
    before = file.read_text("utf-8")
    file.write_text("services: {}\n", "utf-8")
    done = deploy(hostile, cache, "--for", "compose")
    assert file.read_text("utf-8") == "services: {}\n"
    assert "Not changed: deploy/compose.preview.yml exists." in done.stdout
    assert "-services: {}\n" in done.stdout
    file.write_text(before, "utf-8")


def test_a_preview_that_would_serve_nothing_is_announced(tmp_path: Path) -> None:
    """The application is looked for with the variables that the preview has: those of .env.example, none of .env."""
    root = tmp_path / "shop"
    shutil.copytree(APPS / "asgi_only", root)
    (root / ".env").write_text("APPLIANCE_ASGI=adapt\n", encoding="utf-8")
    assert "Nothing would be served. " in deploy(root, tmp_path, "--for=swarm").stdout
    (root / ".env.example").write_text("APPLIANCE_ASGI=adapt\n", encoding="utf-8")
    assert "Nothing would be served. " not in deploy(root, tmp_path, "--for=swarm").stdout


@pytest.mark.parametrize(
    "environment", ["{DATABASE_URL: 'postgres://a:b@db/x', HOST: db, API_KEY: }", "[DATABASE_URL=x, HOST=db, API_KEY]"]
)
def test_the_overlay_leaves_to_the_compose_file_what_it_sets(tmp_path: Path, environment: str) -> None:
    """The services of the compose file need its values; what it only passes on is still a secret of the overlay."""
    (tmp_path / "docker-compose.yml").write_text(f"services:\n  app:\n    environment: {environment}\n", "utf-8")
    (tmp_path / ".env.example").write_text("DATABASE_URL=\nHOST=localhost\nAPI_KEY=\nCOLOUR=red\n", "utf-8")
    (tmp_path / "wsgi.py").write_text("application = print\n", "utf-8")
    for engine in ("compose", "swarm"):
        deploy(tmp_path, tmp_path / "cache", "--for", engine)
    overlay, stack = (read(tmp_path / "deploy" / name) for name in ("compose.preview.yml", "swarm.yml"))
    assert set(overlay["secrets"]) == {"API_KEY"}
    assert "HOST" not in overlay["services"]["app"]["environment"]
    assert overlay["services"]["app"]["environment"]["COLOUR"] == "red"
    assert set(stack["secrets"]) == {"DATABASE_URL", "API_KEY"}


def test_a_template_of_another_name_has_the_variables(tmp_path: Path) -> None:
    """The variables of a project come from its template of .env, whatever the name of that file is."""
    (tmp_path / "example.env").write_text("COLOUR=red\nREGION=\n", "utf-8")
    (tmp_path / "wsgi.py").write_text("application = print\n", "utf-8")
    done = deploy(tmp_path, tmp_path / "cache", "--for", "compose")
    overlay = read(tmp_path / "deploy" / "compose.preview.yml")
    assert overlay["services"]["app"]["environment"]["COLOUR"] == "red"
    assert "Without a value in example.env: REGION\n" in done.stdout


def test_the_overlay_starts_the_appliance(tmp_path: Path) -> None:
    """The project's own command, entrypoint and health check are for its own image, and a name is for one container."""
    (tmp_path / "compose.yml").write_text("services: {app: {command: gunicorn shop.wsgi}}\n", "utf-8")
    (tmp_path / "wsgi.py").write_text("application = print\n", "utf-8")
    assert "beside" not in deploy(tmp_path, tmp_path / "cache", "--for", "compose").stdout
    text = (tmp_path / "deploy" / "compose.preview.yml").read_text("utf-8")
    reset = set(re.findall(r"^    (\w+): !reset null$", text, re.MULTILINE))
    assert reset == {"command", "entrypoint", "working_dir", "healthcheck", "container_name"}


def test_a_compose_file_without_app_names_what_to_start(tmp_path: Path) -> None:
    """If the project's own service has another name, the services that the preview needs are named."""
    services = "services: {web: {build: ., ports: ['8000:8000']}, db: {image: postgres}}\n"
    (tmp_path / "compose.yml").write_text(services, "utf-8")
    (tmp_path / "wsgi.py").write_text("application = print\n", "utf-8")
    done = deploy(tmp_path, tmp_path / "cache", "--for", "compose")
    assert "compose.yml has no service `app`, so the preview is started beside web, db." in done.stdout
    assert "after `up --build --detach`: app db\n" in done.stdout


@pytest.mark.parametrize(
    ("flags", "found"),
    [
        (("--for", "nomad"), "invalid choice"),
        ((), "needs an engine"),
        (("--for", "swarm", "--name", "My Shop!"), "can't name a Deployment"),
        (("--for", "swarm", "--preview-host", "a b"), "is not a host name"),
        (("--for", "swarm", "--preview-host", "x`) || Host(`y"), "is not a host name"),
    ],
)
def test_wrong_flags_are_explained(tmp_path: Path, flags: tuple[str, ...], found: str) -> None:
    """Exit code 2, what was found, and what to do; nothing is written."""
    root = tmp_path / "shop"
    root.mkdir()
    done = deploy(root, tmp_path, *flags)
    assert done.returncode == 2
    assert found in done.stderr
    assert "do this:" in done.stderr
    assert list(root.iterdir()) == []


@pytest.mark.parametrize(
    "folder", ["no", "1e3", "Ünïcode", "-", "workspace", "x" * 90, "a--b__c", "shop\n  evil: true"]
)
def test_any_name_of_a_folder_is_usable(tmp_path: Path, folder: str) -> None:
    """Every file can be read for any name of a folder, and the name in the file is valid for DNS."""
    root = tmp_path / folder
    root.mkdir()
    assert deploy(root, tmp_path, "--for", "kubernetes").returncode == 0
    name = read(root / "deploy/kubernetes/base/deployment.yaml")["metadata"]["name"]
    assert name == name.lower()
    assert name.replace("-", "").isalnum()
    assert name[0].isalpha()
    assert len(name) <= 40
    assert read(root / "skaffold.yaml")["metadata"]["name"] == name


def meets_the_schemas(root: Path) -> None:
    """Kubernetes' own schemas accept every manifest of the project."""
    for file in sorted((root / "deploy" / "kubernetes").rglob("*.yaml")):
        for manifest in yaml.safe_load_all(file.read_text("utf-8")):
            if manifest["kind"] != "Kustomization":
                meets_kubernetes(manifest)


def test_manifests_with_hostile_values_meet_the_schemas(hostile: Path) -> None:
    """Kubernetes' own schemas accept every manifest, whatever a value is."""
    meets_the_schemas(hostile)


@pytest.mark.parametrize("kind", KINDS)
def test_manifests_meet_the_schemas(tmp_path: Path, kind: str) -> None:
    """Kubernetes' own schemas accept every manifest, for each kind of project."""
    root = tmp_path / kind
    shutil.copytree(APPS / kind, root, ignore=shutil.ignore_patterns("__pycache__"))
    for engine in ENGINES:
        assert deploy(root, tmp_path, "--for", engine).returncode == 0
    meets_the_schemas(root)


def test_compose_files_meet_the_schema(hostile: Path, tmp_path: Path) -> None:
    """The specification of Compose accepts the stack and the overlay."""
    plain = [tmp_path / f"{name}.json" for name in ("swarm", "compose.preview")]
    for file in plain:
        written = read(hostile / "deploy" / f"{file.stem}.yml")
        app = written["services"]["app"]
        written["services"]["app"] = {key: value for key, value in app.items() if value is not None}
        file.write_text(json.dumps(written), "utf-8")
    done = compose_check(*plain)
    assert done.returncode == 0, done.stdout


def test_the_tiltfile_is_starlark(hostile: Path) -> None:
    """Starlark is a part of Python's syntax: it parses, and each call is one of Tilt's."""
    tree = ast.parse((hostile / "Tiltfile").read_text("utf-8"))
    calls = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    assert calls == {"docker_build", "sync", "k8s_yaml", "kustomize", "k8s_resource"}


def test_the_pods_are_restricted(hostile: Path) -> None:
    """Every container meets the Pod Security Standard "restricted", with a read-only root."""
    pod = read(hostile / "deploy/kubernetes/base/deployment.yaml")["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in [*pod["initContainers"], *pod["containers"]]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
        }  # fmt: skip


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
@pytest.mark.parametrize("folder", ["base", "preview"])
def test_kustomize_renders_the_manifests(hostile: Path, folder: str) -> None:
    """Kubectl renders the files; the settings have their values, and the ConfigMap a name that changes with them."""
    done = subprocess.run(
        ["kubectl", "kustomize", str(hostile / "deploy" / "kubernetes" / folder)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rendered = {manifest["kind"]: manifest for manifest in yaml.safe_load_all(done.stdout)}
    settings = rendered["ConfigMap"]
    assert {name: settings["data"].get(name) for name in HOSTILE} == HOSTILE
    pod = rendered["Deployment"]["spec"]["template"]["spec"]
    assert pod["containers"][0]["envFrom"][0]["configMapRef"]["name"] == settings["metadata"]["name"]
    assert settings["metadata"]["name"].startswith("my-shop-settings")
    claims = [
        volume["persistentVolumeClaim"]["claimName"] for volume in pod["volumes"] if "persistentVolumeClaim" in volume
    ]
    assert claims == [rendered["PersistentVolumeClaim"]["metadata"]["name"]]
