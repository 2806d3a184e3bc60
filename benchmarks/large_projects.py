"""Write a Flask or a Django project of many own modules: as large as those whose import takes a second.

Each part (a blueprint, or an app) has ten modules: models, forms, services, signals, caches, decorators, views and what
else such projects have. The page ``/`` says a version: ``saved_inside`` has it within a function, ``saved_at_top`` at
the top of the module, before most others are imported, ``saved_late`` at the top of the module that is imported last.
"""

from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

MODULES_OF_PART: Final = 10
_FIELDS: Final = 12  # of a model
_FUNCTIONS: Final = 8  # of a module

_VERSION_INSIDE: Final = """
def version_inside():
    VERSION = 0
    return VERSION
"""

_SERVICES: Final = '''
    """What part {number} does."""

    from dataclasses import dataclass, field
    from enum import Enum
    from functools import lru_cache, partial, singledispatch

    from {package}.errors import PartError
    from {package}.decorators import counted, registered


    class State(Enum):
        """The states of an order."""

        OPEN = "open"
        PAID = "paid"
        SENT = "sent"


    @dataclass(order=True)
    class Order:
        """One order."""

        number: int
        state: State = State.OPEN
        lines: list = field(default_factory=list)

        @property
        def total(self):
            """The sum of its lines."""
            return sum(line["price"] * line["count"] for line in self.lines)


    @lru_cache(maxsize=128)
    def rate(country):
        """The tax of a country."""
        return {{"de": 19, "fr": 20}}.get(country, {number})


    @singledispatch
    def shown(value):
        """A value as text."""
        return str(value)


    @shown.register
    def _(value: Order):
        return f"order {{value.number}}"


    first = partial(rate, "de")
'''
_FUNCTION: Final = '''

    @registered("service-{number}-{index}")
    @counted
    def service_{index}(orders, limit={index}, *, country="de"):
        """Service {index} of part {number}."""
        chosen = [each for each in orders if each.total > limit]
        if len(chosen) > 1000:
            raise PartError("too many", len(chosen))
        return {{each.number: shown(each) + str(rate(country) * {index}) for each in chosen}}
'''
_DECORATORS: Final = '''
    """Decorators of part {number}."""

    import functools

    REGISTRY = {{}}


    def registered(name):
        """Keep a function by name."""

        def register(function):
            REGISTRY[name] = function
            return function

        return register


    def counted(function):
        """Count the calls of a function."""
        calls = 0

        @functools.wraps(function)
        def count(*given, **named):
            nonlocal calls
            calls += 1
            return function(*given, **named)

        return count
'''
_ERRORS: Final = '''
    """Errors of part {number}."""


    class PartError(Exception):
        """Any of them."""

        code = {number}

        def __init__(self, text, count):
            super().__init__(text)
            self.count = count


    class Missing(PartError):
        """Something is not there."""
'''
_CACHES: Final = '''
    """Caches of part {number}."""

    from functools import cached_property, lru_cache


    class Prices:
        """The prices of part {number}."""

        def __init__(self, factor):
            self.factor = factor
            self.known = {{}}

        @cached_property
        def table(self):
            """All of them."""
            return {{number: number * self.factor for number in range(100)}}

        def price(self, number):
            """One of them."""
            if number not in self.known:
                self.known[number] = self.table.get(number, 0)
            return self.known[number]


    @lru_cache
    def prices(factor={number}):
        """The prices with a factor."""
        return Prices(factor)


    DEFAULT = Prices({number})
'''

_FLASK_MODELS: Final = '''
    """Models of part {number}."""

    from sqlalchemy import ForeignKey, String
    from sqlalchemy.orm import Mapped, mapped_column, relationship

    from shop.database import database


    class Item{number}(database.Model):
        """One item."""

        id: Mapped[int] = mapped_column(primary_key=True)
        name: Mapped[str] = mapped_column(String(80), index=True)
        entries: Mapped[list["Entry{number}"]] = relationship(back_populates="item")


    class Entry{number}(database.Model):
        """What belongs to it."""

        id: Mapped[int] = mapped_column(primary_key=True)
        item_id: Mapped[int] = mapped_column(ForeignKey("item{number}.id"))
        item: Mapped[Item{number}] = relationship(back_populates="entries")
'''
_FLASK_VIEWS: Final = '''
    """Views of part {number}."""

    from flask import Blueprint, jsonify, request

    from shop.part{number}.caches import DEFAULT, prices
    from shop.part{number}.models import Entry{number}, Item{number}
    from shop.part{number}.signals import item_saved
    from shop.part{number}.forms import ItemForm
    from shop.part{number}.services import Order, rate

    pages = Blueprint("part{number}", __name__, url_prefix="/part{number}")


    @pages.before_request
    def remember():
        """Note the country of a request."""
        request.country = request.args.get("country", "de")


    @pages.get("/")
    def index():
        """The names of this part's models."""
        return jsonify(models=[Item{number}.__name__, Entry{number}.__name__], rate=rate(request.country))


    @pages.get("/price/<int:number>")
    def price(number):
        """One price."""
        return jsonify(price=prices().price(number), default=DEFAULT.price(number))
'''
_FLASK_SIGNALS: Final = '''
    """Signals of part {number}."""

    from blinker import signal
    from flask import request_finished

    item_saved = signal("item-saved-{number}")


    @item_saved.connect
    def note(sender, **named):
        """Note a saved item."""
        return sender, named


    @request_finished.connect
    def finished(sender, response, **named):
        """Do nothing after a request."""
'''
_FLASK_FORMS: Final = '''
    """Forms of part {number}."""


    class Field:
        """A descriptor."""

        def __set_name__(self, owner, name):
            self.name = name

        def __get__(self, instance, owner):
            return self if instance is None else instance.values.get(self.name)


    class ItemForm:
        """A form of items."""

        name = Field()
        count = Field()

        def __init__(self, values):
            self.values = values

        def errors(self):
            """Which fields are missing."""
            return [name for name in ("name", "count") if not self.values.get(name)]
'''
_FLASK_APP: Final = '''
    """A shop of many parts."""

    from importlib import import_module

    from flask import Flask

    from shop.database import database
    from shop.saved_inside import version_inside
    from shop.saved_at_top import version_at_top


    def create_app():
        """Make the application."""
        app = Flask(__name__)
        app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite://"
        database.init_app(app)
        for number in range({parts}):
            app.register_blueprint(import_module(f"shop.part{{number}}.views").pages)
        from shop.saved_late import version_late

        @app.get("/")
        def index():
            return f"version {{version_inside() + version_at_top() + version_late()}}"

        return app
'''
_FLASK_DATABASE: Final = '''
    """The database."""

    from flask_sqlalchemy import SQLAlchemy
    from sqlalchemy.orm import DeclarativeBase


    class Base(DeclarativeBase):
        """Of every model."""


    database = SQLAlchemy(model_class=Base)
'''

_DJANGO_MODELS: Final = '''
    """Models of part {number}."""

    from django.db import models


    class ItemQuerySet(models.QuerySet):
        """Items."""

        def cheap(self):
            """Those below ten."""
            return self.filter(field0__lt=10)


    class Item(models.Model):
        """One item."""

        name = models.CharField(max_length=80, db_index=True)
{fields}
        objects = ItemQuerySet.as_manager()

        def __str__(self):
            return str(self.name)


    class Entry(models.Model):
        """What belongs to it."""

        item = models.ForeignKey(Item, related_name="entries", on_delete=models.CASCADE)
        count = models.IntegerField(default={number})
'''
_DJANGO_VIEWS: Final = '''
    """Views of part {number}."""

    from django.http import JsonResponse
    from django.utils.decorators import method_decorator
    from django.views import View
    from django.views.decorators.http import require_GET

    from part{number}.caches import DEFAULT, prices
    from part{number}.models import Entry, Item
    from part{number}.services import rate


    @require_GET
    def index(request):
        """The names of this part's models."""
        return JsonResponse({{"models": [Item.__name__, Entry.__name__], "rate": rate("de")}})


    @method_decorator(require_GET, name="dispatch")
    class Price(View):
        """One price."""

        def get(self, request, number):
            """The price of a number."""
            return JsonResponse({{"price": prices().price(number), "default": DEFAULT.price(number)}})
'''
_DJANGO_URLS: Final = '''
    """URLs of part {number}."""

    from django.urls import path

    from part{number} import views

    app_name = "part{number}"
    urlpatterns = [path("", views.index, name="index"), path("price/<int:number>", views.Price.as_view(), name="price")]
'''
_DJANGO_ADMIN: Final = '''
    """Part {number} for the staff."""

    from django.contrib import admin

    from part{number}.models import Entry, Item


    class EntryInline(admin.TabularInline):
        """The entries of an item."""

        model = Entry


    @admin.register(Item)
    class ItemAdmin(admin.ModelAdmin):
        """The list of items."""

        list_display = ("name", "upper")
        inlines = [EntryInline]

        @admin.display(description="Name")
        def upper(self, item):
            """The name in capitals."""
            return item.name.upper()
'''
_DJANGO_SIGNALS: Final = '''
    """Signals of part {number}."""

    from django.db.models.signals import post_save
    from django.dispatch import Signal, receiver

    from part{number}.models import Item

    item_sold = Signal()


    @receiver(post_save, sender=Item)
    def note(sender, instance, **named):
        """Note a saved item."""
        item_sold.send(sender=sender, item=instance)
'''
_DJANGO_APPS: Final = '''
    """Part {number}, for Django."""

    from django.apps import AppConfig


    class PartConfig(AppConfig):
        """Where it is."""

        name = "part{number}"

        def ready(self):
            """Connect the signals."""
            from part{number} import services, signals
'''
_DJANGO_FORMS: Final = '''
    """Forms of part {number}."""

    from django import forms

    from part{number}.models import Item


    class ItemForm(forms.ModelForm):
        """A form of items."""

        class Meta:
            """Of the model."""

            model = Item
            fields = ["name", "field0", "field1"]

        def clean_name(self):
            """Names have no blanks at their ends."""
            return self.cleaned_data["name"].strip()
'''
_DJANGO_SETTINGS: Final = '''
    """Settings of a large site."""

    SECRET_KEY = "for a benchmark"
    DEBUG = True
    ALLOWED_HOSTS = ["*"]
    USE_TZ = True
    ROOT_URLCONF = "site_of_parts.urls"
    WSGI_APPLICATION = "site_of_parts.wsgi.application"
    DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
    INSTALLED_APPS = [
        "django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions",
        "django.contrib.messages", "django.contrib.staticfiles",
        *(f"part{{number}}.apps.PartConfig" for number in range({parts})),
    ]
    MIDDLEWARE = [
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ]
    TEMPLATES = [
        {{
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {{
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                ]
            }},
        }}
    ]
    DATABASES = {{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}}}
    STATIC_URL = "static/"
'''
_DJANGO_SITE_URLS: Final = '''
    """URLs of the site."""

    from django.contrib import admin
    from django.http import HttpResponse
    from django.urls import include, path

    from site_of_parts.saved_inside import version_inside
    from site_of_parts.saved_at_top import version_at_top


    def index(request):
        """Which save this is."""
        return HttpResponse(f"version {{version_inside() + version_at_top() + version_late()}}")


    urlpatterns = [
        path("", index),
        path("admin/", admin.site.urls),
        *(path(f"part{{number}}/", include(f"part{{number}}.urls")) for number in range({parts})),
    ]

    from site_of_parts.saved_late import version_late
'''
_DJANGO_WSGI: Final = '''
    """The application."""

    import os

    from django.core.wsgi import get_wsgi_application

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site_of_parts.settings")
    application = get_wsgi_application()
'''
_DJANGO_MANAGE: Final = '''
    """Django's program."""

    import os
    import sys

    from django.core.management import execute_from_command_line

    if __name__ == "__main__":
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site_of_parts.settings")
        execute_from_command_line(sys.argv)
'''
_AT_TOP: Final = "VERSION = 0\n\n\ndef version_at_top():\n    return VERSION\n"


def write_flask(folder: Path, modules: int = 500) -> None:
    """Write a Flask project of this many modules; its application is ``app:app``."""
    parts = modules // MODULES_OF_PART
    _write(folder / "app.py", '"""The shop."""\n\nfrom shop import create_app\n\napp = create_app()\n')
    _write(folder / "shop" / "__init__.py", _filled(_FLASK_APP, parts=parts))
    _write(folder / "shop" / "database.py", _filled(_FLASK_DATABASE))
    _write_saved(folder / "shop")
    for number in range(parts):
        kinds = {"models": _FLASK_MODELS, "views": _FLASK_VIEWS, "signals": _FLASK_SIGNALS, "forms": _FLASK_FORMS}
        _write_part(folder / "shop" / f"part{number}", f"shop.part{number}", number, kinds)
        _write(folder / "shop" / f"part{number}" / "tasks.py", _functions(number, f"shop.part{number}"))
        _write(folder / "shop" / f"part{number}" / "reports.py", _functions(number, f"shop.part{number}"))
        views = folder / "shop" / f"part{number}" / "views.py"
        _write(views, views.read_text() + f"\nfrom shop.part{number} import reports, tasks\n")


def write_django(folder: Path, modules: int = 500) -> None:
    """Write a Django project of this many modules; its application is ``site_of_parts.wsgi:application``."""
    parts = modules // MODULES_OF_PART
    site = folder / "site_of_parts"
    _write(site / "__init__.py", "")
    _write(site / "settings.py", _filled(_DJANGO_SETTINGS, parts=parts))
    _write(site / "urls.py", _filled(_DJANGO_SITE_URLS, parts=parts))
    _write(site / "wsgi.py", _filled(_DJANGO_WSGI))
    _write(folder / "manage.py", _filled(_DJANGO_MANAGE))
    _write_saved(site)
    fields = "\n".join(f"        field{index} = models.IntegerField(default={index})" for index in range(_FIELDS))
    kinds = {
        "models": _DJANGO_MODELS.replace("{fields}", fields), "views": _DJANGO_VIEWS, "urls": _DJANGO_URLS,
        "admin": _DJANGO_ADMIN, "signals": _DJANGO_SIGNALS, "apps": _DJANGO_APPS,
    }  # fmt: skip
    for number in range(parts):
        _write_part(folder / f"part{number}", f"part{number}", number, kinds)


def _write_part(folder: Path, package: str, number: int, kinds: dict[str, str]) -> None:
    shared = {"caches": _CACHES, "decorators": _DECORATORS, "errors": _ERRORS}
    for name, text in {**shared, **kinds}.items():
        _write(folder / f"{name}.py", _filled(text, number=number, package=package))
    _write(folder / "__init__.py", "")
    _write(folder / "services.py", _functions(number, package))


def _functions(number: int, package: str) -> str:
    functions = [_filled(_FUNCTION, number=number, index=index) for index in range(_FUNCTIONS)]
    return _filled(_SERVICES, number=number, package=package) + "".join(functions)


def _write_saved(folder: Path) -> None:
    _write(folder / "saved_inside.py", f'"""A version in a function."""\n\n{_VERSION_INSIDE}')
    _write(folder / "saved_at_top.py", f'"""A version at the top of a module."""\n\n{_AT_TOP}')
    late = _AT_TOP.replace("version_at_top", "version_late")
    _write(folder / "saved_late.py", f'"""A version at the top of the module that is imported last."""\n\n{late}')


def _filled(text: str, **values: object) -> str:
    return (
        dedent(text.format(**values)).lstrip("\n")
        if not text.startswith("\n\n")
        else "\n\n" + dedent(text.format(**values)).lstrip("\n")
    )


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
