"""What is kept."""

from django.db import models


class Member(models.Model):
    """One of the members."""

    name = models.CharField(max_length=120)
    joined = models.DateField(auto_now_add=True)
    active = models.BooleanField(default=True)

    def __str__(self):
        return str(self.name)
