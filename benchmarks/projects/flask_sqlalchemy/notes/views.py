"""What is shown."""

from flask import Blueprint, jsonify
from sqlalchemy import func, select

from notes.models import Author, Note, database

VERSION = 0

pages = Blueprint("pages", __name__)


@pages.get("/")
def index():
    """How many notes there are."""
    counted = database.session.execute(
        select(Author.name, func.count(Note.id)).join(Note.author).group_by(Author.name)
    ).all()
    return jsonify(said=f"version {VERSION + inside()}", notes={name: count for name, count in counted})


def inside():
    """Which save this is, if it changes a function only."""
    VERSION = 0
    return VERSION
