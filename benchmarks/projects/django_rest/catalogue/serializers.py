"""What is told."""

from rest_framework import serializers

from catalogue.models import Book


class BookSerializer(serializers.ModelSerializer):
    """All of it."""

    class Meta:
        """Of the model."""

        model = Book
        fields = ("id", "title", "isbn", "price")
