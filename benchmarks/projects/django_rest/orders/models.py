"""What is kept."""

from django.db import models


class Order(models.Model):
    """One of the orders."""

    placed = models.DateTimeField(auto_now_add=True)
    paid = models.BooleanField(default=False)
    note = models.TextField(blank=True)

    def __str__(self):
        return str(self.placed)
