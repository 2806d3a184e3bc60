"""A guest book in PostgreSQL: one WSGI application, one table.

DATABASE_URL is the address of the database. Try `docker compose --profile postgres up`.
"""

import html
import os
from urllib.parse import parse_qs

import psycopg
from psycopg_pool import ConnectionPool

# Opened at the first request: importing the application needs no database.
pool = ConnectionPool(os.environ["DATABASE_URL"], min_size=1, max_size=4, open=False)

PAGE = """<!doctype html>
<title>Guest book</title>
<h1>Guest book</h1>
<form method="post"><input name="entry" autofocus required maxlength="200"> <button>Sign</button></form>
<ol>{entries}</ol>
"""


def application(environ, start_response):
    pool.open()
    with pool.connection() as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS entries (id serial PRIMARY KEY, entry text NOT NULL)")
        if environ["REQUEST_METHOD"] == "POST":
            sign(connection, environ)
            start_response("303 See Other", [("Location", "/"), ("Content-Length", "0")])
            return []
        rows = connection.execute("SELECT entry FROM entries ORDER BY id DESC LIMIT 50").fetchall()
    entries = "".join(f"<li>{html.escape(entry)}</li>" for (entry,) in rows)
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
    return [PAGE.format(entries=entries).encode()]


def sign(connection: psycopg.Connection, environ):
    form = parse_qs(environ["wsgi.input"].read().decode())
    entry = form.get("entry", [""])[0][:200].strip()
    if entry:
        connection.execute("INSERT INTO entries (entry) VALUES (%s)", [entry])
