"""The files of dev containers: this repository's and the template say the same where they mean the same."""

import json
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
TEMPLATES = ROOT / "appliance" / "templates"
BOTH = [ROOT / ".devcontainer", TEMPLATES / "devcontainer"]


def with_comments(path):
    """The JSON of a file whose lines may be comments."""
    return json.loads(re.sub(r"^\s*//.*$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE))


@pytest.mark.parametrize("folder", BOTH, ids=["this repository", "template"])
def test_the_server_runs_beside_the_editor(folder):
    """The container's command goes on, the user is remapped, and what is forwarded is what is listened on."""
    container = with_comments(folder / "devcontainer.json")
    (service,) = yaml.safe_load((folder / "docker-compose.yml").read_text(encoding="utf-8"))["services"].items()
    assert container["service"] == service[0]
    assert container["overrideCommand"] is False
    assert (container["remoteUser"], container["updateRemoteUserUID"]) == ("dev", True)
    assert container["forwardPorts"] == [8000]
    assert service[1]["environment"]["APPLIANCE_DEBUGPY"] in container["portsAttributes"]
    assert "ports" not in service[1], "the editor forwards; nothing is published"
    assert {mount["target"] for mount in service[1]["volumes"]} == {container["workspaceFolder"], "/cache"}


def test_launch_json_is_the_template_and_documented():
    """This repository's launch.json is the template, and the documentation shows its configuration."""
    template = with_comments(TEMPLATES / "vscode" / "launch.json")
    assert with_comments(ROOT / ".vscode" / "launch.json") == template
    shown = re.search(r"```json\n(.*?)```", (ROOT / "docs" / "debugging.md").read_text(encoding="utf-8"), re.DOTALL)
    assert shown is not None
    (configuration,) = json.loads(shown[1])["configurations"]
    assert configuration.items() <= template["configurations"][0].items()


def test_the_image_says_what_the_template_says():
    """The label that dev container tools read from the image agrees with the template where both say something."""
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    found = re.search(r"^LABEL devcontainer\.metadata='(.*?)'$", dockerfile, re.MULTILINE | re.DOTALL)
    assert found is not None
    (label,) = json.loads(found[1].replace("\\\n", ""))
    template = with_comments(TEMPLATES / "devcontainer" / "devcontainer.json")
    shared = {"overrideCommand", "updateContentCommand", "forwardPorts", "portsAttributes"}
    assert {name: label[name] for name in shared} == {name: template[name] for name in shared}
    code, ours = template["customizations"]["vscode"], label["customizations"]["vscode"]
    assert code["extensions"] == ours["extensions"]
    assert ours["settings"].items() <= code["settings"].items()
    assert label["remoteUser"] in label["entrypoint"].split()
    assert f"--uid 60500 --gid 60500 {label['remoteUser']}" in dockerfile
