"""The generated texts of the table are those in the repository."""

from pathlib import Path

import pytest
import yaml

from appliance.config.env import load_environment
from appliance.config.otel_variables import VARIABLES
from appliance.config.reference import compose_environment, help_table
from appliance.config.settings import read_settings
from appliance.config.table import TABLE
from appliance.healthcheck import SOCKET
from tools import settings

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", ["docker-compose.yml", "appliance/templates/devcontainer/docker-compose.yml"])
def test_compose_passes_each_setting_on(name):
    """The compose files pass each setting of the shell on, except those of the image; none becomes an empty text."""
    file = ROOT / name
    assert "\n".join(compose_environment("      ")) in file.read_text("utf-8")
    environment = yaml.safe_load(file.read_text("utf-8"))["services"]["app"]["environment"]
    image = {setting.variable for setting in TABLE if setting.in_image}
    known = {setting.variable for setting in TABLE} - image | {"FORCE_COLOR", "NO_COLOR"}
    known |= {"CODESPACES", "CODESPACE_NAME", "GITHUB_CODESPACES_PORT_FORWARDING_DOMAIN"}
    known |= {"GITPOD_WORKSPACE_URL", "VSCODE_PROXY_URI", *VARIABLES}
    passed = {key for key, value in environment.items() if value is None}
    assert passed | {"APPLIANCE_PUBLIC_URL", "APPLIANCE_EDITOR_FOLDER", "APPLIANCE_DEBUGPY"} == known


def test_the_image_has_the_tables_values():
    """The Dockerfile sets what the table says of the image, and the health check asks the socket that is set there."""
    dockerfile = (ROOT / "Dockerfile").read_text("utf-8")
    image = {setting.variable: setting.in_image for setting in TABLE if setting.in_image}
    assert [f"{name}={value}" for name, value in image.items() if f"{name}={value}" not in dockerfile] == []
    assert image["APPLIANCE_STATUS_SOCKET"] == SOCKET


def test_the_example_can_be_taken_over(tmp_path):
    """With every # taken away, .env.example is a file that is read, and that holds every setting once."""
    text = settings.environment_file()
    lines = [line[1:] for line in text.splitlines() if line.startswith("#") and not line.startswith("# ")]
    (tmp_path / ".env").write_text("\n".join(lines))
    values = load_environment({}, tmp_path).values
    ours = {name: value for name, value in values.items() if name.startswith("APPLIANCE_")}
    assert set(ours) == {*(setting.variable for setting in TABLE), "APPLIANCE_IMAGE"}
    assert set(values) - set(ours) == {"PROJECT_DIR", "PUBLISH_PORT", *VARIABLES}
    read_settings(ours, dict.fromkeys(ours, "environment"), {}, tmp_path)


def test_help_has_a_line_for_each():
    """Every setting is a flag, and its help survives argparse's formatting."""
    rows = help_table()
    assert [flag for flag, _, _ in rows] == [setting.flag for setting in TABLE]
    assert all(words % {} for _, _, words in rows)
