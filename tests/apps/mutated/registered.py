"""What runs during the import: decorators that call, registries, results that are kept."""

import functools

REGISTRY = {}
RESULTS = []


def register(name):
    """Keep a function by a name."""

    def keep(function):
        REGISTRY[name] = function
        return function

    return keep


def called_at_once(function):
    """Keep what a function returns."""
    RESULTS.append(function())
    return function


def counted(function):
    """Count the calls."""
    calls = [0]

    @functools.wraps(function)
    def count(*given, **named):
        calls[0] += 1
        return function(*given, **named), calls[0]

    return count


@register("first")
def first(value=1):
    """Registered."""
    return value + 10


@register("second")
@counted
def second(value=2):
    """Registered, and counted."""
    return value + 20


def helper(value):
    """Runs during the import too."""
    return value * 7


@called_at_once
def early():
    """Runs during the import."""
    return helper(4)


class Registered:
    """Registers its methods."""

    methods = []

    def on(name, methods=methods):
        def keep(function):
            methods.append((name, function))
            return function

        return keep

    @on("start")
    def start(self):
        """One of them."""
        return "started"

    @on("stop")
    def stop(self):
        """Another."""
        return "stopped"


COMPUTED = helper(3) + len(REGISTRY)


def late(value):
    """Runs in requests only."""
    return COMPUTED + value


def calls():
    """All of them."""
    return {
        "registry": lambda: [REGISTRY[name]() for name in sorted(REGISTRY)],
        "results": lambda: RESULTS,
        "methods": lambda: [(name, method(None)) for name, method in Registered.methods],
        "computed": lambda: COMPUTED,
        "late": lambda: late(5),
    }
