"""A page of notes: Flask, one template, one form, SQLite."""

import os
import sqlite3
from pathlib import Path

from flask import Flask, flash, g, redirect, render_template, request, url_for

app = Flask(__name__)
app.secret_key = os.environ.get("SECRET_KEY", "dev")
app.config["DATABASE"] = Path(app.instance_path) / "notes.sqlite3"

SCHEMA = "CREATE TABLE IF NOT EXISTS note (id INTEGER PRIMARY KEY, text TEXT NOT NULL, written TEXT DEFAULT CURRENT_TIMESTAMP)"


def database():
    if "database" not in g:
        app.config["DATABASE"].parent.mkdir(exist_ok=True)
        g.database = sqlite3.connect(app.config["DATABASE"])
        g.database.row_factory = sqlite3.Row
        g.database.execute(SCHEMA)
    return g.database


@app.teardown_appcontext
def close_database(error):
    connection = g.pop("database", None)
    if connection is not None:
        connection.close()


@app.get("/")
def index():
    notes = database().execute("SELECT * FROM note ORDER BY id DESC LIMIT 100").fetchall()
    return render_template("index.html", notes=notes)


@app.post("/notes")
def add():
    text = request.form.get("text", "").strip()
    if not text:
        flash("A note needs a text.")
        return redirect(url_for("index"))
    with database() as connection:
        connection.execute("INSERT INTO note (text) VALUES (?)", (text,))
    app.logger.info("a note of %d characters", len(text))
    return redirect(url_for("index"))


if __name__ == "__main__":
    app.run(debug=True)
