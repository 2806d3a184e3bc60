"""What is kept."""

from django.db import models


class Book(models.Model):
    """One of the catalogue."""

    title = models.CharField(max_length=200)
    isbn = models.CharField(max_length=13, unique=True)
    price = models.DecimalField(max_digits=8, decimal_places=2)

    def __str__(self):
        return str(self.title)
