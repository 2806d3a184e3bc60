"""What the project tells about itself: what its functions return, where they fail, and what its modules are."""

import importlib
import inspect
import os
import sys
import traceback

import classes
import functions
import noted
import registered
import exercises

# The appliance has receivers here, too.
OBSERVED = ("flask.signals", "django.core.signals", "django.db.backends.signals")
FOLDER = os.path.dirname(os.path.abspath(__file__)) + os.sep


def own_modules():
    """The names of the project's modules that are loaded."""
    modules = list(sys.modules.items())
    files = [(name, getattr(module, "__file__", None) or "") for name, module in modules if name != "__main__"]
    return sorted(name for name, file in files if file.startswith(FOLDER))


def results():
    """What every function returns."""
    found = {}
    for module in (functions, classes, registered, noted, exercises):
        for name, call in module.calls().items():
            found[f"{module.__name__}.{name}"] = attempt(call)
    return found


def attempt(call):
    """What a call returns, or raises."""
    try:
        return repr(call())[:2000]
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:2000]


def failures():
    """Where functions fail: their lines count."""
    try:
        functions.fails(3)
    except RecursionError:
        return "it does not end"  # how deep it comes depends on who calls it
    except Exception:
        return traceback.format_exc()
    return "it did not fail"


def failure(error):
    """Where a request has failed: the frames of the project."""
    if isinstance(error, RecursionError):
        return {"type": "RecursionError"}
    frames = traceback.extract_tb(error.__traceback__)
    own = [(frame.name, frame.lineno, frame.line) for frame in frames if frame.filename.startswith(FOLDER)]
    return {"type": type(error).__name__, "message": str(error), "frames": own}


def sources():
    """Where the functions and classes of these modules are in their files."""
    found = {}
    for module in map(sys.modules.get, own_modules()):
        if module.__name__.startswith("lib_"):
            continue
        for name, value in list(vars(module).items()):
            if inspect.isfunction(value) or inspect.isclass(value):
                found[f"{module.__name__}.{name}"] = attempt(lambda: first_line(value))
    return found


def first_line(value):
    """The number and the text of the first line of a function or class."""
    lines, number = inspect.findsource(value)
    return number, lines[number]


def state():
    """What the modules are, name by name."""
    package = "<appliance>" if "<appliance>" in sys.modules else "appliance"  # in a worker, or in a cold start
    kind = importlib.import_module(f"{package}.worker.snapshot.fingerprints.fingerprint").Fingerprint
    names = own_modules()
    fingerprint = kind(names)
    modules = fingerprint.of_modules().items()
    packages = {name: value for name, value in modules if "." in name and name not in {*names, *OBSERVED}}
    hashes = {name: {each: digest.hex() for each, digest in fingerprint.digests.get(name, {}).items()} for name in names}
    return {**hashes, "what packages have registered": packages}


ROUTES = {"/": results, "/failures": failures, "/sources": sources, "/state": state}
