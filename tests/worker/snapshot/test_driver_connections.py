"""Drivers in C are wrapped where they connect, and get their functions back."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest

from appliance.worker.snapshot.driver_connections import DriverConnections


class Connection:
    """As mysqlclient's."""

    def __init__(self, host: str) -> None:
        self.host = host


@pytest.fixture
def drivers(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Modules like psycopg2 and mysqlclient."""
    modules: dict[str, Any] = {name: ModuleType(name) for name in ("psycopg2", "MySQLdb.connections")}
    modules["psycopg2"]._connect = lambda where: f"connected to {where}"
    modules["MySQLdb.connections"].Connection = Connection
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    return modules


def test_a_connection_is_noticed_before_it_is_made(drivers: dict[str, Any]) -> None:
    """A connection that is made meanwhile is reported before it is made."""
    noticed: list[str] = []
    connections = DriverConnections(noticed.append)
    connections.begin()
    connections.begin()
    drivers["psycopg2"]._connect("db")
    assert drivers["MySQLdb.connections"].Connection("db").host == "db"
    connections.end()
    assert noticed == ["connects to PostgreSQL", "connects to MySQL"]


def test_drivers_get_their_functions_back(drivers: dict[str, Any]) -> None:
    """After the end, the drivers are as before, and a kept wrapper notices nothing."""
    original, method = drivers["psycopg2"]._connect, Connection.__init__
    noticed: list[str] = []
    connections = DriverConnections(noticed.append)
    connections.begin()
    kept = drivers["psycopg2"]._connect
    connections.end()
    assert drivers["psycopg2"]._connect is original
    assert Connection.__init__ is method
    assert kept("db") == "connected to db"
    assert noticed == []


def test_a_driver_loaded_later_is_wrapped_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """A driver that was not there at first is wrapped by the next call; one that is half imported waits."""
    noticed: list[str] = []
    connections = DriverConnections(noticed.append)
    connections.begin()
    module: Any = ModuleType("pymssql")
    monkeypatch.setitem(sys.modules, "pymssql", module)
    connections.begin()
    module.connect = str
    connections.begin()
    module.connect("db")
    connections.end()
    assert noticed == ["connects to SQL Server"]
