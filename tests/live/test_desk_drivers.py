"""The queries of drivers and in frameworks, with a real PostgreSQL: a repeated one is found with its own line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.live.desk_client import details_of
from tests.live.live_appliance import Appliance
from tests.live.postgres_cluster import cluster
from tests.live.query_projects import DRIVERS, FRAMEWORKS
from tests.live.test_desk import recorded_request
from tests.releases import environment

pytestmark = pytest.mark.whole

Starting = Callable[..., Appliance]
OLD = ("psycopg2-binary==2.9.1", "psycopg[binary]==3.1")
NEW = (
    "psycopg2-binary==2.9.13", "psycopg[binary]==3.3.9", "django==6.0", "sqlalchemy==2.0.44", "flask==3.1.2",
    "bottle==0.13.4", "falcon==4.2.0", "pyramid==2.0.2", "setuptools<81",
)  # fmt: skip


@pytest.fixture(scope="module")
def socket_folder() -> Iterator[str]:
    """Start PostgreSQL, and yield the folder of its socket."""
    with cluster() as folder:
        yield folder


@pytest.mark.parametrize(
    ("python", "pins", "text"),
    [("3.10", OLD, DRIVERS), ("3.13", NEW, DRIVERS + FRAMEWORKS)],
    ids=["oldest", "newest, in frameworks"],
)
def test_a_repeated_query_is_found_in_any_project(
    start: Starting, project: Path, socket_folder: str, python: str, pins: tuple[str, ...], text: str
):
    """A repeated query is found for any driver and framework: six queries, with line, rows and parameters' types."""
    found = environment(python, *pins, project=text)
    (project / "app.py").write_text(text, encoding="utf-8")
    appliance = start(
        APPLIANCE_INSTALL="off", APPLIANCE_APP="app:app", APPLIANCE_PYTHON=str(found / "bin" / "python"),
        SHOP_HOST=socket_folder,
    )  # fmt: skip
    appliance.wait_for("worker.ready")
    lines = text.split("\n")
    names = [line.rpartition(" ")[2] for line in lines if "# line of " in line]
    for name in names:
        assert appliance.get(f"/{name}")[1] == b"[0, 1, 2, 3, 4, 5]"
        details = details_of(appliance, recorded_request(appliance, f"/{name}")["id"])
        place = f"{project / 'app.py'}:{next(at for at, line in enumerate(lines, 1) if line.endswith(f'of {name}'))}"
        (repeated,) = details["repeated"]
        assert (repeated["count"], repeated["place"]) == (6, place)
        own = [each for each in details["queries"] if each["place"] == place and each["sql"] == own_text(details)]
        assert len(own) == 6
        assert {(each["rows"], each["parameters"], each["kind"]) for each in own} == {(1, "int", "query")}
        if name.startswith("psycopg"):
            assert [each["sql"] for each in details["queries"] if each["kind"] == "transaction"] == ["COMMIT"]
    assert not [each for each in appliance.events if each["event"] == "hook.dropped"]


def own_text(details: dict[str, list[dict[str, str]]]) -> str:
    """The text of the last query."""
    return [each["sql"] for each in details["queries"] if each["kind"] == "query"][-1]
