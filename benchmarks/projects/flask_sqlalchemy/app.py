"""Flask with SQLAlchemy: notes in a database in memory."""

from notes import create_app

app = create_app()
