from django.shortcuts import render

from .models import Book


def index(request):
    return render(request, "books/index.html", {"books": Book.objects.all()})


def about(request):
    return render(request, "books/about.html")
