"""What is answered."""

from rest_framework import viewsets
from rest_framework.decorators import api_view
from rest_framework.response import Response

from catalogue.models import Book
from catalogue.serializers import BookSerializer

VERSION = 0


class BookViewSet(viewsets.ModelViewSet):
    """All that one does with them."""

    queryset = Book.objects.all()
    serializer_class = BookSerializer


@api_view()
def index(request):
    """Which save this is."""
    book = BookSerializer(Book(title="one", isbn="1", price=1)).data
    return Response({"said": f"version {VERSION + inside()}", "book": book})


def inside():
    """Which save this is, if it changes a function only."""
    VERSION = 0
    return VERSION
