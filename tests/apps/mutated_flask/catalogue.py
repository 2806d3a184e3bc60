"""What the pages show: things that are declared at the import, and looked up in requests."""

import dataclasses
import functools
import operator

from werkzeug.routing import BaseConverter


class Code(BaseConverter):
    """A part of an URL, as two letters and a number."""

    regex = "[a-z]{2}-[0-9]+"

    def to_python(self, value):
        letters, number = value.split("-")
        return letters.upper(), int(number)

    def to_url(self, value):
        letters, number = value
        return f"{letters.lower()}-{number}"


class Price:
    """A descriptor that keeps cents."""

    def __set_name__(self, owner, name):
        self.name = f"_{name}_cents"

    def __get__(self, instance, owner=None):
        if instance is None:
            return self
        return instance.__dict__.get(self.name, 0) / 100

    def __set__(self, instance, value):
        instance.__dict__[self.name] = round(value * 100)


@dataclasses.dataclass
class Item:
    """Something to sell."""

    name: str
    weight: float = 1.0
    tags: tuple = ()

    price = Price()

    def __post_init__(self):
        self.price = self.weight * 2.5

    @property
    def label(self):
        """Its name and price."""
        return f"{self.name}: {self.price:.2f}"

    @functools.cached_property
    def heavy(self):
        """Whether it is."""
        return self.weight > 3


ITEMS = [Item("apple", 0.2, ("fruit",)), Item("brick", 4.0), Item("melon", 3.0, ("fruit", "round"))]
BY_NAME = {item.name: item for item in ITEMS}
by_weight = operator.attrgetter("weight")


@functools.lru_cache(maxsize=None)
def tagged(tag):
    """The items with a tag."""
    return tuple(item.name for item in sorted(ITEMS, key=by_weight) if tag in item.tags)


def discounts(limit):
    """Make a function that takes off a part of large sums."""
    used = []

    def discounted(total):
        def rate(step):
            return step * 0.1 if total > limit else 0.0

        used.append(total)
        return round(total - total * rate(len(used)), 2)

    return discounted


def totals(*names, discount=None):
    """The sum of some prices."""
    found = [BY_NAME[name].price for name in names if name in BY_NAME]
    total = sum(found, 0.0)
    return discount(total) if discount else total
