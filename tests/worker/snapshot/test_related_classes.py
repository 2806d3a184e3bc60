"""Classes of SQLAlchemy are related in the snapshot if that runs no code of the project, and fails nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import releases
from tests.worker.snapshot.snapshot_player import Player, played

APP = """
from sqlalchemy import Column, ForeignKey, Integer, event, inspect
from sqlalchemy.orm import Mapper, configure_mappers, declarative_base, relationship

Base = declarative_base()
SEEN = []

class Item(Base):
    __tablename__ = "item"
    id = Column(Integer, primary_key=True)

class Order(Base):
    __tablename__ = "order"
    id = Column(Integer, primary_key=True)
    item_id = Column(ForeignKey("item.id"))
    item = relationship(RELATED, backref="orders")

def listen():
    SEEN.append("listened")

def application(environ, start_response):
    start_response("200 OK", [])
    related = inspect(Order).configured
    try:
        configure_mappers()
    except Exception as error:
        SEEN.append(str(error))
    return [f"{related} {SEEN}".encode()]
"""


@pytest.fixture(scope="module")
def python() -> str:
    """An interpreter with SQLAlchemy."""
    folder = releases.environment("3.13", "sqlalchemy==2.0.44", project="import sqlalchemy.orm\n")
    return str(folder / "bin" / "python")


def answer(root: Path, python: str, text: str) -> str:
    """The answer of a worker after a swap that changes nothing."""
    with played(root / "project", {"app.py": text}, python) as player:
        return served(player)


def served(player: Player) -> str:
    """The answer of a fork of the project's snapshot."""
    snapshot, ready = player.import_ahead()
    assert not ready.refused
    player.swapped(snapshot, [])
    return player.get()


def test_classes_are_related_ahead(tmp_path: Path, python: str):
    """A worker after a swap has what the first query would make."""
    assert answer(tmp_path, python, APP.replace("RELATED", "'Item'")) == "True []"


@pytest.mark.parametrize(
    ("related", "more", "seen"),
    [
        ("'Item'", "event.listen(Mapper, 'after_configured', listen)\n", "['listened']"),
        ("lambda: SEEN.append('named') or Item", "", "['named']"),
    ],
    ids=["a listener", "a function that names a class"],
)
def test_code_of_the_project_waits_for_a_request(tmp_path: Path, python: str, related: str, more: str, seen: str):
    """Nothing is related ahead if functions of the project would run for that; they run once, in a request."""
    assert answer(tmp_path, python, APP.replace("RELATED", related) + more) == f"False {seen}"


def test_a_wrong_relation_fails_as_without_a_snapshot(tmp_path: Path, python: str):
    """The first request meets the error itself, and not the one by which SQLAlchemy says that it has failed before."""
    found = answer(tmp_path, python, APP.replace("RELATED", "'Gone'"))
    assert found.startswith("False")
    assert "failed to locate a name ('Gone')" in found
    assert "One or more mappers failed" not in found
