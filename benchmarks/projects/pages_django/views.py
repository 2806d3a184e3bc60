"""A page."""

from django.shortcuts import render

VERSION = 0


def page(request):
    return render(request, "page.html", {"version": VERSION})
