"""The URLs under which a workspace's own proxy forwards a port, from the variables that the workspace sets."""

import pytest

from appliance.config.port_forwarding import forwarded_url, workspace_hosts

CODESPACE = {"CODESPACES": "true", "CODESPACE_NAME": "octo-tea-7x"}
CODER = "https://{{port}}--main--shop--kim.coder.example.test"


@pytest.mark.parametrize(
    ("process", "url", "hosts"),
    [
        (
            {**CODESPACE, "GITHUB_CODESPACES_PORT_FORWARDING_DOMAIN": "app.github.dev"},
            "https://octo-tea-7x-8000.app.github.dev",
            {"octo-tea-7x-{port}.app.github.dev", "octo-tea-7x-{port}.preview.app.github.dev",
             "octo-tea-7x-{port}.githubpreview.dev"},
        ),
        (
            {**CODESPACE, "GITHUB_CODESPACES_PORT_FORWARDING_DOMAIN": "ports.example.test"},
            "https://octo-tea-7x-8000.ports.example.test",
            {"octo-tea-7x-{port}.ports.example.test", "octo-tea-7x-{port}.app.github.dev",
             "octo-tea-7x-{port}.preview.app.github.dev", "octo-tea-7x-{port}.githubpreview.dev"},
        ),
        (
            {"VSCODE_PROXY_URI": CODER},
            "https://8000--main--shop--kim.coder.example.test",
            {"{port}--main--shop--kim.coder.example.test"},
        ),
        (
            {"VSCODE_PROXY_URI": f"{CODER.replace('https', 'http')}:7443"},
            "http://8000--main--shop--kim.coder.example.test:7443",
            {"{port}--main--shop--kim.coder.example.test"},
        ),
        ({"VSCODE_PROXY_URI": "https://code.example.test/proxy/{{port}}/"}, "", {"code.example.test"}),
        (
            {"GITPOD_WORKSPACE_URL": "https://octo-tea-7x.ws-eu1.gitpod.io"},
            "https://8000-octo-tea-7x.ws-eu1.gitpod.io",
            {"{port}-octo-tea-7x.ws-eu1.gitpod.io"},
        ),
    ],
    ids=["codespace", "codespace of another domain", "Coder", "Coder with a port", "code-server's path", "Gitpod"],
)  # fmt: skip
def test_a_workspace_names_its_own_urls(process, url, hosts):
    """Each rule gives the names of this workspace alone, and the URL that people open."""
    assert {host for _, host in workspace_hosts(process)} == hosts
    assert forwarded_url(process, 8000) == url


@pytest.mark.parametrize(
    "process",
    [
        {},
        {"CODESPACES": "true"},
        {"CODESPACE_NAME": "octo"},
        {"CODESPACES": "false", "CODESPACE_NAME": "octo"},
        {"CODESPACES": "true", "CODESPACE_NAME": "*"},
        {"CODESPACES": "true", "CODESPACE_NAME": "a.evil.example/"},
        {"CODER": "true"},
        {"VSCODE_PROXY_URI": ""},
        {"VSCODE_PROXY_URI": "./proxy/{{port}}"},
        {"VSCODE_PROXY_URI": "https://coder.example.test"},
        {"VSCODE_PROXY_URI": "https://{{port}}"},
        {"VSCODE_PROXY_URI": "https://*.example.test/{{port}}"},
        {"VSCODE_PROXY_URI": "ftp://{{port}}.example.test"},
        {"VSCODE_PROXY_URI": "https://{{port}}.[::1"},
        {"VSCODE_PROXY_URI": "https://{{port}}--a.example.test:x"},
        {"GITPOD_WORKSPACE_URL": "octo.gitpod.io"},
        {"GITPOD_WORKSPACE_URL": "https://"},
    ],
    ids=str,
)
def test_values_that_no_workspace_sets_allow_no_host(process):
    """A value that no workspace sets, or that is not a URL of a name with a dot, allows no host."""
    assert workspace_hosts(process) == []
    assert forwarded_url(process, 8000) == ""
