"""Describe the project's modules after an import, as one hash for each: to compare a swap with a fresh import.

Runs in a fork of a snapshot that does nothing else and then ends: reading an instance's dictionary creates it, which
costs 10 MiB with 500 modules. That many take 0.2 to 0.4 s of CPU.

Theory of operation. A module is what its names lead to: functions with their code, defaults and closures, classes with
their attributes, containers, and the instances of any class, of packages too, so that applications, routes and forms
are compared. Registries of packages, with which many modules register, count as modules of their own (``_REGISTRIES``).
``object_digests`` says how objects are walked without running any of the project's code, and which values are left out
because they differ between two imports of the same files: addresses, times, random values.

The same files give the same hashes in any process, unless the import itself differs each time. The supervisor finds
that out by comparing two imports.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, Final

from ..static_attributes import namespace, type_name
from .object_digests import ObjectDigests

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_SKIPPED: Final = frozenset({"__builtins__", "__cached__", "__loader__", "__spec__", "__warningregistry__"})
# Modules of packages with which projects register functions and classes.
_REGISTRIES: Final = (
    "blinker.base",
    "celery._state",
    "django.apps.registry",
    "django.contrib.admin.sites",
    "django.core.checks.registry",
    "django.core.signals",
    "django.db.backends.signals",
    "django.db.models.signals",
    "django.template.library",
    "flask.signals",
    "marshmallow.class_registry",
)
APPLICATION: Final = "the application"
PROCESS: Final = "the process"
# Objects below one name: the application and registries lead to all routes, models and receivers.
_MAX_REGISTERED: Final = 100_000
_MAX_NAMED: Final = 1_500  # a form of many fields has 800


class Fingerprint:
    """The hashes of these modules, as they are now.

    Args:
        names: own modules, by their names in ``sys.modules``; their order does not matter.
        application: what is served: a factory may have made it, so that no module has a name for it.

    Attributes:
        digests: by module, the hash of each of its names.
    """

    def __init__(self, names: Iterable[str], application: object = None) -> None:
        spaces = {name: space for name in sorted(names) if (space := _space_of(name)) is not None}
        self._objects = ObjectDigests(spaces)
        self.digests = {APPLICATION: {"application": self._objects.of_name(application, _MAX_REGISTERED)}}
        for name in _REGISTRIES:
            if name not in spaces and (space := _space_of(name)) is not None:
                self.digests[name] = self._of_space(space, _MAX_REGISTERED)
        for name, space in spaces.items():
            self.digests[name] = self._of_space(space, _MAX_NAMED)
        self.digests[PROCESS] = self._of_space(_process_state(), _MAX_NAMED)

    def of_modules(self) -> dict[str, str]:
        """Return one hash for each module, in hexadecimal."""
        return {name: self._objects.combined(digests).hex() for name, digests in self.digests.items()}

    def _of_space(self, space: Mapping[str, Any], limit: int) -> dict[str, bytes]:
        of = self._objects.of_name
        return {name: of(value, limit) for name, value in list(space.items()) if name not in _SKIPPED}


def fingerprint(names: Iterable[str], application: object = None) -> dict[str, str]:
    """Return one hash for each of these modules, for the application, and for what they have registered with."""
    return Fingerprint(names, application).of_modules()


def differences(one: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    """Return the keys of two mappings whose values differ, or that only one of them has."""
    return sorted(key for key in {*one, *other} if one.get(key) != other.get(key))


def _space_of(name: str) -> dict[str, Any] | None:
    module = sys.modules.get(name)
    return None if module is None else namespace(module)


def _process_state() -> dict[str, Any]:
    """Return the state that code changes in its process, beyond modules."""
    logging: Any = sys.modules.get("logging")
    loggers = {} if logging is None else {"root": logging.root, **logging.root.manager.loggerDict}
    environment = dict(os.environ)  # noqa: TID251  the project's
    return {
        "environment": dict(sorted(environment.items())),
        "excepthook": sys.excepthook,
        "finders": [_name_of(each) for each in sys.meta_path],
        "loggers": {name: _logger(logger) for name, logger in sorted(loggers.items())},
        "path": sys.path,
    }


def _name_of(value: Any) -> str:
    return str(type_name(value if type(value) is type else type(value)))


def _logger(logger: Any) -> list[Any]:
    space = namespace(logger) or {}
    handlers = [_name_of(handler) for handler in space.get("handlers", ())]
    return [space.get("level"), space.get("disabled"), space.get("propagate"), handlers]
