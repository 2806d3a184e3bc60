"""Classes of all kinds."""

import abc
import dataclasses
import enum
import functools
import typing


class Field:
    """A descriptor."""

    def __init__(self, default=None):
        self.default = default

    def __set_name__(self, owner, name):
        self.name = f"_{name}"

    def __get__(self, instance, owner=None):
        if instance is None:
            return self
        return getattr(instance, self.name, self.default)

    def __set__(self, instance, value):
        setattr(instance, self.name, value)


class Base(abc.ABC):
    """An abstract class."""

    kinds = []

    def __init_subclass__(cls, **named):
        super().__init_subclass__(**named)
        Base.kinds.append(cls.__name__)

    @abc.abstractmethod
    def area(self):
        """Its area."""

    def described(self):
        """Its name and area."""
        return f"{type(self).__name__} of {self.area():.2f}"


class Square(Base):
    """A shape."""

    side = Field(2)
    sides: typing.ClassVar[int] = 4

    def __init__(self, side=None):
        if side is not None:
            self.side = side

    def area(self):
        """Its area."""
        return self.side * self.side

    @property
    def outline(self):
        """Its outline."""
        return self.side * self.sides

    @outline.setter
    def outline(self, value):
        self.side = value / self.sides

    @functools.cached_property
    def diagonal(self):
        """Its diagonal."""
        return round(self.side * 2**0.5, 3)

    @classmethod
    def unit(cls):
        """The smallest."""
        return cls(1)

    @staticmethod
    def name():
        """What it is called."""
        return "square"

    def __eq__(self, other):
        return isinstance(other, Square) and self.side == other.side

    def __hash__(self):
        return hash(self.side)

    def __repr__(self):
        return f"Square({self.side!r})"


class Cube(Square):
    """Calls the methods of its base."""

    def area(self):
        return super().area() * 6

    def described(self):
        return "cube: " + super().described()


@dataclasses.dataclass(order=True)
class Point:
    """A class whose methods are made."""

    x: int = 0
    y: int = 0
    tags: list = dataclasses.field(default_factory=list)

    def moved(self, by):
        """Another point."""
        return dataclasses.replace(self, x=self.x + by, y=self.y - by)


class Color(enum.Enum):
    """An enumeration."""

    RED = 1
    GREEN = 2

    def mixed(self, other):
        """Both."""
        return f"{self.name}+{other.name}"


class Named(typing.NamedTuple):
    """A tuple."""

    first: str
    second: int = 2

    def joined(self):
        """As text."""
        return f"{self.first}{self.second}"


class Slotted:
    """Slots."""

    __slots__ = ("left", "right")

    def __init__(self, left, right=1):
        self.left, self.right = left, right

    def __iter__(self):
        yield self.left
        yield self.right


class Meta(type):
    """A metaclass."""

    def __call__(cls, *given, **named):
        made = super().__call__(*given, **named)
        made.made_by = cls.__name__
        return made


class Made(metaclass=Meta):
    """Made by a metaclass."""

    class Inner:
        """A class in a class."""

        def value(self):
            """A value."""
            return 7

    def value(self):
        """Its inner value."""
        return self.Inner().value() + 1


SQUARES = [Square(), Square(3)]


def calls():
    """All of them, used."""
    return {
        "squares": lambda: [(each.area(), each.outline, each.diagonal, each.described()) for each in SQUARES],
        "unit": lambda: (Square.unit(), Square.name(), Square(1) == Square.unit()),
        "cube": lambda: (Cube(2).area(), Cube(2).described()),
        "kinds": lambda: Base.kinds,
        "point": lambda: (Point(1, 2).moved(3), Point() < Point(1)),
        "color": lambda: Color.RED.mixed(Color.GREEN),
        "named": lambda: Named("a").joined(),
        "slotted": lambda: list(Slotted(5)),
        "made": lambda: (Made().value(), Made().made_by),
    }
