"""The application."""

from flask import Flask

from notes.models import database, seed
from notes.views import pages


def create_app():
    """Make it, with its database."""
    app = Flask(__name__)
    app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite://"
    database.init_app(app)
    with app.app_context():
        database.create_all()
        seed()
    app.register_blueprint(pages)
    return app
