"""A step in a table of decisions: the row of the event decides, and each action has a performer."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from appliance.state_table import Row, perform, step_of

SUPERVISOR = "appliance.supervisor"
# The module of a table's actions, and those that name a performer for each.
PERFORMERS = {
    f"{SUPERVISOR}.companions.companion_states": ["companions/companion"],
    f"{SUPERVISOR}.lifecycle_events": ["supervisor", "page_display", "steps/steps", "workers/worker_group"],
    f"{SUPERVISOR}.preloading.preload_events": ["preloading/preloading"],
    f"{SUPERVISOR}.snapshots.checkpoints.checkpoint_events": ["snapshots/checkpoints/checkpoints"],
    f"{SUPERVISOR}.snapshots.snapshot_events": ["snapshots/snapshot_runner", "snapshots/snapshot_reports"],
    f"{SUPERVISOR}.steps.before_start_states": ["steps/before_start"],
    f"{SUPERVISOR}.remedy_runs.remedy_states": ["remedy_runs/remedy_run"],
    f"{SUPERVISOR}.watched_run.watched_states": ["watched_run/watched_command"],
    f"{SUPERVISOR}.workers.acceptor_events": ["workers/connection_router"],
    f"{SUPERVISOR}.workers.worker_events": ["workers/workers"],
    "appliance.telemetry.delivery_states": ["../telemetry/delivery"],
}


class Event:
    """An event that a table knows."""


class Pressed(Event):
    """A button was pressed."""


class Held(Pressed):
    """A press that goes on: an event of its own."""


ROWS: dict[type[Event], Row[int, str]] = {Pressed: lambda state, _: (state + 1, ("ring",))}


def test_a_listed_event_takes_its_row():
    """The row of the event's own class gives the next state and the actions."""
    event: Event = Pressed()
    assert step_of(ROWS, 1, event) == (2, ("ring",))


def test_an_event_without_a_row_changes_nothing():
    """The state stays, and nothing is done, also for a subclass of a listed event."""
    event: Event = Held()
    assert step_of(ROWS, 1, event) == (1, ())


def test_actions_are_performed_in_their_order():
    """Each action has its performer, and the step that a performer takes is performed before the rest."""
    done: list[object] = []
    performers: dict[type, Callable[[Any], object]] = {
        str: done.append,
        int: lambda number: perform(performers, [str(number)]),
    }
    perform(performers, ["first", 2, "third"])
    assert done == ["first", "2", "third"]


@pytest.mark.parametrize("table", PERFORMERS)
def test_each_action_has_a_performer(table: str):
    """A table can't ask for what nobody does."""
    root = Path(__file__).parents[1] / "appliance" / "supervisor"
    named = set()
    for name in PERFORMERS[table]:
        for node in ast.walk(ast.parse((root / f"{name}.py").read_text(encoding="utf-8"))):
            if isinstance(node, ast.Dict):
                named |= {ast.unparse(key).rpartition(".")[2] for key in node.keys if key is not None}
    actions = {each.__name__ for each in importlib.import_module(table).Action.__subclasses__()}
    assert actions
    assert actions <= named


def test_each_performer_is_compared():
    """Each performer of a table's actions is in the list above."""
    root = Path(__file__).parents[1] / "appliance"
    found = {path for path in root.rglob("*.py") if "state_table.perform(" in path.read_text(encoding="utf-8")}
    listed = {(root / "supervisor" / f"{name}.py").resolve() for names in PERFORMERS.values() for name in names}
    assert found - {root / "supervisor" / "lifecycle_runner.py"} <= listed
