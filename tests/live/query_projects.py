"""Projects that repeat a query, one line each: with drivers, and in frameworks."""

from __future__ import annotations

DRIVERS = """
import os
import psycopg
import psycopg2
HOST = os.environ.get("SHOP_HOST", "")
DSN = f"host={HOST} dbname=postgres user=shop"
NUMBERS = range(6)

def one_psycopg2(cursor, number):
    cursor.execute("SELECT %s::int", (number,))  # line of psycopg2
    return cursor.fetchone()[0]

def books_psycopg2():
    connection = psycopg2.connect(DSN)
    assert type(connection) is psycopg2.extensions.connection
    found = [one_psycopg2(connection.cursor(), number) for number in NUMBERS]
    connection.commit()
    connection.close()
    return found

def one_psycopg(connection, number):
    return connection.execute("SELECT %s::int", (number,)).fetchone()[0]  # line of psycopg

def books_psycopg():
    with psycopg.connect(DSN) as connection:
        return [one_psycopg(connection, number) for number in NUMBERS]

BOOKS = {"psycopg": books_psycopg, "psycopg2": books_psycopg2}
APPLICATIONS = {}

def app(environ, start_response):
    name = environ["PATH_INFO"].strip("/")
    if name in APPLICATIONS:
        return APPLICATIONS[name](environ, start_response)
    found = str(BOOKS[name]()).encode()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [found]
"""
FRAMEWORKS = """
import sqlite3
import bottle
import django
import falcon
import flask
import sqlalchemy
from django.conf import settings
from pyramid.config import Configurator
from pyramid.response import Response
from sqlalchemy.pool import StaticPool

memory = sqlite3.connect(":memory:", check_same_thread=False)
engine = sqlalchemy.create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
flask_application = APPLICATIONS["flask"] = flask.Flask(__name__)
bottle_application = APPLICATIONS["bottle"] = bottle.Bottle()

def one_flask(connection, number):
    return connection.execute(sqlalchemy.text("SELECT :number"), {"number": number}).scalar()  # line of flask

@flask_application.route("/flask")
def books_flask():
    with engine.connect() as connection:
        return str([one_flask(connection, number) for number in NUMBERS])

def one_bottle(number):
    return memory.execute("SELECT ?", (number,)).fetchone()[0]  # line of bottle

@bottle_application.route("/bottle")
def books_bottle():
    return str([one_bottle(number) for number in NUMBERS])

def one_falcon(cursor, number):
    cursor.execute("SELECT ?", (number,))  # line of falcon
    return cursor.fetchall()[0][0]

class Books:
    def on_get(self, request, response):
        response.text = str([one_falcon(memory.cursor(), number) for number in NUMBERS])

APPLICATIONS["falcon"] = falcon.App()
APPLICATIONS["falcon"].add_route("/falcon", Books())

def one_pyramid(number):
    return memory.cursor().execute("SELECT ?", (number,)).fetchmany(5)[0][0]  # line of pyramid

with Configurator() as config:
    config.add_route("books", "/pyramid")
    config.add_view(lambda request: Response(str([one_pyramid(number) for number in NUMBERS])), route_name="books")
APPLICATIONS["pyramid"] = config.make_wsgi_app()

settings.configure(
    ROOT_URLCONF=__name__, SECRET_KEY="x", ALLOWED_HOSTS=["*"],
    DATABASES={
        "default": {"ENGINE": "django.db.backends.postgresql", "NAME": "postgres", "USER": "shop", "HOST": HOST},
    },
)
django.setup()
from django.core.wsgi import get_wsgi_application
from django.db import connection as django_connection
from django.http import HttpResponse
from django.urls import path

def one_django(number):
    with django_connection.cursor() as cursor:
        cursor.execute("SELECT %s::int", [number])  # line of django
        return cursor.fetchone()[0]

urlpatterns = [path("django", lambda request: HttpResponse(str([one_django(number) for number in NUMBERS])))]
APPLICATIONS["django"] = get_wsgi_application()
"""
