"""The configuration of an assistant: the command or the URL with which it reaches this appliance."""

import json
import sys

import pytest

from appliance.commands.recorded import mcp_command
from appliance.errors import SettingsError


def printed(capsys, process, project, kind="stdio"):
    """The server in the configuration that the command prints."""
    assert mcp_command.command(process, {"project": str(project)}, config=kind) == 0
    return json.loads(capsys.readouterr().out)["mcpServers"]["appliance"]


def test_compose_starts_the_server_in_the_image_alone(tmp_path, capsys):
    """In the image the command is compose's; elsewhere it is this program, with the project's folder."""
    assert printed(capsys, {"APPLIANCE_IMAGE": "slim"}, tmp_path)["command"] == "docker"
    here = printed(capsys, {}, tmp_path)
    assert here == {"command": sys.executable, "args": ["-I", "-m", "appliance", "mcp", "--project", str(tmp_path)]}


def test_the_address_over_http_has_the_token(tmp_path, capsys, monkeypatch):
    """Over HTTP the configuration has the URL below the appliance's path, and the token."""
    monkeypatch.setattr(mcp_command, "ask", lambda *_: {"token": "t", "url": "http://localhost:8001"})
    server = printed(capsys, {}, tmp_path, "http")
    assert server["url"] == "http://localhost:8001/__appliance__/mcp"
    assert server["headers"] == {"Authorization": "Bearer t"}


@pytest.mark.parametrize(
    ("told", "name"),
    [({"token": "", "url": None}, "APPLIANCE_MCP"), ({"token": "t", "url": None}, "APPLIANCE_PUBLIC_URL")],
)
def test_a_refusal_over_http_names_the_setting(tmp_path, monkeypatch, told, name):
    """Without a token, the setting of assistants is named; without an address, the one of the URL."""
    monkeypatch.setattr(mcp_command, "ask", lambda *_: told)
    with pytest.raises(SettingsError) as refused:
        mcp_command.command({}, {"project": str(tmp_path)}, config="http")
    assert name in refused.value.action
