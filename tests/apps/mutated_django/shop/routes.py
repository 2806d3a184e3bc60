"""The shop's routes."""

from django.urls import path, register_converter
from shop import views


class Letter:
    """A part of an URL."""

    regex = "[a-z][0-9]"

    def to_python(self, value):
        return value.lower()

    def to_url(self, value):
        return str(value)


register_converter(Letter, "letter")

app_name = "shop"
urlpatterns = [
    path("item/<letter:code>", views.item, name="item"),
    path("list", views.listed),
    path("queries", views.queries),
    path("form", views.form),
    path("later", views.later, {"number": 4}),
    path("stream", views.streamed),
    path("fails/<int:depth>", views.fails),
    path("sell/<int:more>", views.Selling.as_view(amount=2)),
    path("about", views.About.as_view()),
]
