"""Read the attributes of objects without running any of their code, through the descriptors of C that hold them.

Pure. ``inspect.getattr_static`` finds one attribute by its name; here all are wanted.
"""

from __future__ import annotations

from types import GetSetDescriptorType, MemberDescriptorType, ModuleType
from typing import Any, Final

type_name: Final = type.__dict__["__qualname__"].__get__
type_order: Final = type.__dict__["__mro__"].__get__
type_bases: Final = type.__dict__["__bases__"].__get__
type_namespace: Final = type.__dict__["__dict__"].__get__
_type_module: Final = type.__dict__["__module__"].__get__
_module_descriptor: Any = type_namespace(ModuleType)["__dict__"]
module_namespace: Final = _module_descriptor.__get__


def type_module(kind: type) -> str:
    """Return the name of the module of a class; "" if another type stands there."""
    name = _type_module(kind)
    return name if type(name) is str else ""


def namespace(value: Any) -> dict[str, Any] | None:
    """Return the dictionary of an instance or a module, as it is; None if it has none."""
    if issubclass(type(value), ModuleType):
        space: dict[str, Any] = module_namespace(value)
        return space
    for kind in type_order(type(value)):
        found = type_namespace(kind).get("__dict__")
        if found is not None:
            if type(found) is not GetSetDescriptorType:
                return None  # a proxy's: it would lead to another object
            held = found.__get__(value)
            return held if type(held) is dict else None
    return None


def slots(kind: type) -> list[tuple[str, Any]]:
    """Return the slots of a class and of its bases: the name of each, and the descriptor that reads it."""
    return [
        (name, slot)
        for space in map(type_namespace, type_order(kind))
        if "__slots__" in space
        for name, slot in space.items()
        if type(slot) is MemberDescriptorType
    ]
