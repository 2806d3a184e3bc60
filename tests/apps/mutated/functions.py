"""Functions of all kinds."""

import asyncio
import contextlib
import functools
import itertools

LIMIT = 10
NAMES = ["one", "two", "three"]
_count = 0


def plain(first, second=2, *rest, third=3, **more):
    """Add up what it was given."""
    total = first + second + third
    for each in rest:
        total += each
    for name, value in sorted(more.items()):
        total += value * len(name)
    return total


def nested(factor):
    """Return a function of its own."""
    offset = factor + 1

    def inner(value, scale=2):
        def innermost(number):
            return number * factor + offset

        return innermost(value) * scale

    return inner


def comprehended(numbers):
    """Comprehensions, and a generator expression."""
    squares = [number * number for number in numbers if number % 3]
    pairs = {name: index for index, name in enumerate(NAMES)}
    odd = {number for number in squares if number % 2}
    return sum(square + 1 for square in squares), sorted(pairs.items()), sorted(odd)


def generated(limit):
    """Yield numbers, and what was sent."""
    for number in itertools.count(1):
        if number > limit:
            return "done"
        yield number * 2


async def awaited(number):
    """Wait for nothing."""
    await asyncio.gather()
    async with opened(number) as value:
        return [value + each async for each in counted(3)]


@contextlib.asynccontextmanager
async def opened(number):
    """Give a number."""
    yield number + 1


async def counted(limit):
    """Yield some numbers."""
    for number in range(limit):
        yield number


@contextlib.contextmanager
def managed(name):
    """Give a name in capitals."""
    yield name.upper()


@functools.lru_cache(maxsize=32)
def cached(number):
    """A result that is kept."""
    return number * 100 + LIMIT


@functools.singledispatch
def shown(value):
    """A value as text."""
    return f"value {value}"


@shown.register
def _(value: int):
    return f"number {value}"


@shown.register
def _(value: list):
    return f"list of {len(value)}"


def matched(value):
    """What a value is like."""
    match value:
        case {"kind": "a", "size": size}:
            return f"a of {size}"
        case [first, *rest]:
            return f"{first} and {len(rest)} more"
        case str() | bytes():
            return "text"
        case _:
            return "other"


def fails(depth):
    """Fail at some depth."""
    if depth <= 0:
        raise ValueError("it fails")
    try:
        return fails(depth - 1)
    finally:
        depth += 1


def counts():
    """Count its calls."""
    global _count
    _count += 1
    return _count


def defaults(value=[], text="text", number=1.0, nothing=None, pair=(1, "two", None)):
    """Defaults of all kinds."""
    return value, text, number, nothing, pair


triple = lambda value: value * 3
compose = functools.partial(plain, 1, third=5)
double = nested(2)
TABLE = {"triple": triple, "double": double, "compose": compose}


def calls():
    """All of them, called."""
    return {
        "plain": lambda: plain(1, 2, 3, third=4, name=5),
        "nested": lambda: nested(3)(4),
        "double": lambda: double(4),
        "comprehended": lambda: comprehended(range(10)),
        "generated": lambda: list(generated(4)),
        "awaited": lambda: asyncio.run(awaited(3)),
        "managed": lambda: managed("name").__enter__(),
        "cached": lambda: cached(3),
        "shown": lambda: [shown(each) for each in (1, [2], "three")],
        "matched": lambda: [matched(each) for each in ({"kind": "a", "size": 1}, [1, 2], "text", 5)],
        "counts": counts,
        "defaults": defaults,
        "table": lambda: [TABLE[name](4) for name in sorted(TABLE)],
    }
