"""The supervisor's answers to the desk's pages of settings and of the environment."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from appliance.config.env import load_environment
from appliance.config.settings import Settings, read_settings
from appliance.supervisor.answering.desk_answers import environment_answer, memory_answer, settings_answer


def opened(project: Path, text: str) -> tuple[Any, Settings, Any]:
    """A runtime with the settings of this .env file, and the analysis of its project."""
    (project / ".env").write_text(text)
    process = {"MODE": "test", "APPLIANCE_PORT": "8001"}
    environment = load_environment(process, project)
    settings = read_settings(environment.values, environment.origins, {"project": str(project)}, project)
    target = SimpleNamespace(name="app:app", framework="Flask", why="the only one")
    found = SimpleNamespace(target=target, root=project)
    planned = SimpleNamespace(
        environment=Path("/env"),
        interpreter="3.13",
        source="requirements.txt",
        files=(project / "r.txt",),
        extra=("x",),
    )
    analysis = SimpleNamespace(environment=environment, project=found, plan=planned)
    return cast(Any, SimpleNamespace(settings=settings)), settings, cast(Any, analysis)


def test_settings_have_their_origins(tmp_path: Path):
    """Each setting has its value and its origin, a secret is masked, and a variable that is hidden is named."""
    runtime, _, analysis = opened(tmp_path, "APPLIANCE_THREADS=3\nAPI_KEY=abcdefgh\nMODE=prod\nPLAIN=yes\n")
    found = settings_answer(runtime, analysis)
    rows = {row["name"]: (row["value"], row["origin"]) for row in found["settings"]}
    assert rows["APPLIANCE_THREADS"] == ("3", ".env")
    assert rows["APPLIANCE_PORT"] == ("8001", "environment")
    assert rows["APPLIANCE_PROJECT"] == (str(tmp_path), "flag")
    assert rows["APPLIANCE_RECORD"] == ("on", "default")
    assert {row["name"]: row["value"] for row in found["variables"]} == {"API_KEY": "********", "PLAIN": "yes"}
    assert found["hidden"] == [{"name": "MODE", "file": ".env"}]
    assert found["application"] == {"name": "app:app", "framework": "Flask", "why": "the only one"}


def test_little_is_known_before_the_first_analysis(tmp_path: Path):
    """Until the project is analysed there are the settings alone."""
    runtime, _, analysis = opened(tmp_path, "")
    found = settings_answer(runtime, None)
    assert found["settings"]
    assert (found["variables"], found["application"]) == ([], None)
    assert environment_answer(None) == {}
    assert environment_answer(analysis)["files"] == [str(tmp_path / "r.txt")]


def test_the_memory_has_a_limit_or_none():
    """The memory that the container uses is reported if it has a limit."""
    assert memory_answer(cast(Any, SimpleNamespace(use=lambda: (1, 2)))) == {"memory": {"used": 1, "limit": 2}}
    assert memory_answer(cast(Any, SimpleNamespace(use=lambda: None))) == {"memory": None}
