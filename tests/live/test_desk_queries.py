"""The queries of a request, with old releases of Django, SQLAlchemy and sqlite3: an N+1 is found with its line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.live.desk_client import details_of
from tests.live.live_appliance import Appliance
from tests.live.test_desk import recorded
from tests.releases import environment, interpreter
from tests.thorough import THOROUGH

pytestmark = pytest.mark.whole

Starting = Callable[..., Appliance]
DJANGO = """
import django
from django.conf import settings
settings.configure(
    ROOT_URLCONF=__name__, SECRET_KEY="x", ALLOWED_HOSTS=["*"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
)
django.setup()
from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.http import HttpResponse
from django.urls import path

def one(number):
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s", [number])  # the line
        return cursor.fetchone()[0]

def books(request):
    return HttpResponse(str([one(number) for number in range(6)]))

urlpatterns = [path("books", books)]
app = get_wsgi_application()
"""
SQLALCHEMY = """
import sqlalchemy
from sqlalchemy.pool import StaticPool
engine = sqlalchemy.create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})

def one(connection, number):
    return connection.execute(sqlalchemy.text("SELECT :number"), {"number": number}).scalar()  # the line

def app(environ, start_response):
    with engine.connect() as connection:
        found = str([one(connection, number) for number in range(6)])
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [found.encode()]
"""
PLAIN = """
import sqlite3
from sqlite3 import connect
connection = connect(":memory:", check_same_thread=False)
connection.execute("CREATE TABLE books (number)")
connection.executemany("INSERT INTO books VALUES (?)", [(number,) for number in range(6)])

def one(number):
    return connection.execute(f"SELECT {number} FROM books").fetchone()[0]  # the line

def app(environ, start_response):
    assert type(connection) is sqlite3.Connection
    found = str([one(number) for number in range(6)])
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [found.encode()]
"""


@pytest.mark.parametrize(
    ("python", "pin", "project_text"),
    # test_desk_questions asks the same of today's releases.
    [("3.10", "", PLAIN), ("3.10", "django==3.2.25", DJANGO), ("3.10", "sqlalchemy==1.4.54", SQLALCHEMY)]
    + (
        [("3.13", "", PLAIN), ("3.13", "django==6.0", DJANGO), ("3.13", "sqlalchemy==2.0.44", SQLALCHEMY)]
        if THOROUGH
        else []
    ),
)
def test_a_repeated_query_is_found_with_its_line(
    start: Starting, project: Path, python: str, pin: str, project_text: str
):
    """The first request already has its queries in their order, without parameters, and those that one line repeats."""
    interpreted = str(environment(python, pin, project=project_text) / "bin" / "python") if pin else interpreter(python)
    (project / "app.py").write_text(project_text, encoding="utf-8")
    appliance = start(APPLIANCE_INSTALL="off", APPLIANCE_PYTHON=interpreted)
    appliance.wait_for("worker.ready")
    assert appliance.get("/books")[1] == b"[0, 1, 2, 3, 4, 5]"
    with recorded(appliance) as requests:
        number = next(each["id"] for each in requests if each["path"] == "/books")
    details = details_of(appliance, number)
    queries = details["queries"]
    assert [each["began_s"] for each in queries] == sorted(each["began_s"] for each in queries)
    (repeated,) = details["repeated"]
    lines = project_text.split("\n")
    place = f"{project / 'app.py'}:{lines.index(next(each for each in lines if '# the line' in each)) + 1}"
    sql = "SELECT ? FROM books" if project_text is PLAIN else "SELECT ?"
    assert (repeated["count"], repeated["place"], repeated["sql"]) == (6, place, sql)
    own = [each for each in queries if each["place"] == place]
    facts = {(each["rows"], each["parameters"], each["error"], each["kind"]) for each in own}
    assert (len(own), facts) == (6, {(1, "" if project_text is PLAIN else "int", "", "query")})
    assert not [each for each in appliance.events if each["event"] == "hook.dropped"]
