"""One shop for each framework: the same view asks for an author for each book, on a line that ends with a mark."""

from __future__ import annotations

_DJANGO = """
import os
import time
import django
from django.conf import settings
settings.configure(
    ROOT_URLCONF=__name__, SECRET_KEY="x", ALLOWED_HOSTS=["*"], DATABASES={"default": DATABASE},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField", DEBUG=True,
)
django.setup()
from django.core.wsgi import get_wsgi_application
from django.db import connection, models
from django.http import JsonResponse
from django.urls import path

EDITION, PAUSE_S = 1, 0

class Author(models.Model):
    name = models.TextField()
    class Meta:
        app_label = "shop"

class Book(models.Model):
    author = models.ForeignKey(Author, on_delete=models.CASCADE)
    class Meta:
        app_label = "shop"

if not connection.introspection.table_names():
    with connection.schema_editor() as editor:
        editor.create_model(Author)
        editor.create_model(Book)
    for number in range(6):
        Book.objects.create(author=Author.objects.create(name=f"author {number}"))

def books(request):
    print("looking for", request.POST["title"])
    time.sleep(PAUSE_S)
    authors = []
    for book in Book.objects.order_by("id"):
        authors.append(book.author.name)  # the line
    return JsonResponse({"edition": EDITION, "authors": authors})

urlpatterns = [path("books", books)]
app = get_wsgi_application()
"""
DJANGO_SQLITE = _DJANGO.replace("DATABASE}", '{"ENGINE": "django.db.backends.sqlite3", "NAME": "shop.sqlite3"}}')
DJANGO_PSYCOPG = _DJANGO.replace(
    "DATABASE}",
    '{\n        "ENGINE": "django.db.backends.postgresql", "NAME": "postgres", "USER": "shop", '
    '"HOST": os.environ.get("SHOP_HOST"),\n    }}',
)
FLASK = """
import time
from flask import Flask, jsonify, request
from sqlalchemy import ForeignKey, create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship
from sqlalchemy.pool import StaticPool

EDITION, PAUSE_S = 1, 0
app = Flask(__name__)
engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})

class Base(DeclarativeBase):
    pass

class Author(Base):
    __tablename__ = "authors"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]

class Book(Base):
    __tablename__ = "books"
    id: Mapped[int] = mapped_column(primary_key=True)
    author_id: Mapped[int] = mapped_column(ForeignKey("authors.id"))
    author: Mapped[Author] = relationship()

Base.metadata.create_all(engine)
with Session(engine) as session:
    session.add_all([Book(author=Author(name=f"author {number}")) for number in range(6)])
    session.commit()

@app.post("/books")
def books():
    print("looking for", request.form["title"])
    time.sleep(PAUSE_S)
    authors = []
    with Session(engine) as session:
        for book in session.scalars(select(Book).order_by(Book.id)):
            authors.append(book.author.name)  # the line
    return jsonify({"edition": EDITION, "authors": authors})
"""
_SQLITE = """
import json
import sqlite3
import time
{imports}
EDITION, PAUSE_S = 1, 0
connection = sqlite3.connect(":memory:", check_same_thread=False)
connection.execute("CREATE TABLE books (id INTEGER PRIMARY KEY, author INTEGER)")
connection.execute("CREATE TABLE authors (id INTEGER PRIMARY KEY, name TEXT)")
connection.executemany("INSERT INTO authors VALUES (?, ?)", [(n, f"author {{n}}") for n in range(6)])
connection.executemany("INSERT INTO books VALUES (?, ?)", [(n, n) for n in range(6)])
connection.commit()

def author_of(number):
    return connection.execute("SELECT name FROM authors WHERE id = ?", (number,)).fetchone()[0]  # the line

def found(title):
    print("looking for", title)
    time.sleep(PAUSE_S)
    numbers = connection.execute("SELECT author FROM books ORDER BY id").fetchall()
    return {{"edition": EDITION, "authors": [author_of(number) for (number,) in numbers]}}
{rest}"""
PLAIN = _SQLITE.format(
    imports="from urllib.parse import parse_qs\n",
    rest="""
def app(environ, start_response):
    form = parse_qs(environ["wsgi.input"].read().decode())
    content = json.dumps(found(form["title"][0])).encode()
    start_response("200 OK", [("Content-Type", "application/json")])
    return [content]
""",
)
BOTTLE = _SQLITE.format(
    imports="import bottle\n",
    rest="""
app = bottle.Bottle()

@app.post("/books")
def books():
    return found(bottle.request.forms["title"])
""",
)
FALCON = _SQLITE.format(
    imports="import falcon\n",
    rest="""
class Books:
    def on_post(self, request, response):
        response.media = found(request.get_media()["title"])

app = falcon.App()
app.add_route("/books", Books())
""",
)
PYRAMID = _SQLITE.format(
    imports="from pyramid.config import Configurator\n",
    rest="""
def books(request):
    return found(request.POST["title"])

with Configurator() as config:
    config.add_route("books", "/books")
    config.add_view(books, route_name="books", renderer="json")
    app = config.make_wsgi_app()
""",
)
ALL = {
    "Django with psycopg": DJANGO_PSYCOPG, "Django with sqlite": DJANGO_SQLITE, "Flask with SQLAlchemy": FLASK,
    "Pyramid": PYRAMID, "Falcon": FALCON, "Bottle": BOTTLE, "plain": PLAIN,
}  # fmt: skip
PINS = (
    "psycopg[binary]==3.3.9", "django==6.0", "sqlalchemy==2.0.44", "flask==3.1.2", "bottle==0.13.4", "falcon==4.2.0",
    "pyramid==2.0.2", "setuptools<81",
)  # fmt: skip
IMPORTS = """
import bottle, falcon, flask, sqlalchemy, sqlalchemy.orm, pyramid.config, pyramid.renderers, psycopg
import django.core.wsgi, django.db.models, django.db.backends.postgresql.base, django.db.backends.sqlite3.base
"""
