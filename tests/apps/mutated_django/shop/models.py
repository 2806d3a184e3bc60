"""Models with managers, properties and methods."""

import functools

from django.core.exceptions import ValidationError
from django.db import models
from django.urls import reverse


def positive(value):
    """A validator."""
    if value <= 0:
        raise ValidationError(f"{value} is not positive")


class ItemQuerySet(models.QuerySet):
    """Queries."""

    def cheap(self, limit=10):
        """What costs little."""
        return self.filter(price__lt=limit)

    def named(self, text):
        """What is named like this."""
        return self.filter(models.Q(name__icontains=text) | models.Q(code=text))


class Named(models.Model):
    """What has a name."""

    name = models.CharField(max_length=50, default="unnamed")

    class Meta:
        abstract = True
        ordering = ["name"]

    def __str__(self):
        return f"{type(self).__name__} {self.name}"

    @property
    def initials(self):
        """The first letters."""
        return "".join(word[0] for word in self.name.split())


class Shelf(Named):
    """Where items are."""

    places = models.PositiveIntegerField(default=4)

    @classmethod
    def of(cls, name, **more):
        """One that is not saved."""
        return cls(name=name, **more)


class Item(Named):
    """Something to sell."""

    class Kind(models.TextChoices):
        FRUIT = "fruit", "A fruit"
        STONE = "stone", "A stone"

    code = models.SlugField(default="")
    price = models.DecimalField(max_digits=8, decimal_places=2, default=1, validators=[positive])
    kind = models.CharField(max_length=9, choices=Kind.choices, default=Kind.FRUIT)
    shelf = models.ForeignKey(Shelf, models.CASCADE, related_name="items", null=True)

    objects = ItemQuerySet.as_manager()

    class Meta(Named.Meta):
        constraints = [models.CheckConstraint(condition=models.Q(price__gt=0), name="costs_something")]

    def get_absolute_url(self):
        """Its page."""
        return reverse("shop:item", args=[self.code])

    def clean(self):
        """Check the whole."""
        if self.kind == self.Kind.STONE and self.price > 100:
            raise ValidationError({"price": "too much for a stone"})

    @functools.cached_property
    def gross(self):
        """With tax."""
        return round(float(self.price) * 1.19, 2)
