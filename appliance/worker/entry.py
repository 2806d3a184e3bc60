"""Start a process of the project's side, by path: ``python entry.py DESCRIPTOR``.

Runs in workers, snapshots and preloaders, in the project's interpreter; ``standard_library`` runs in the stand-in too.
This script first imports the standard library, only from the library's own folder. Then it imports our package, under a
name that no project can have. At the end it leaves a ``__main__`` without traces of us.

Theory of operation. The interpreter has put this file's folder first on ``sys.path``, and then the project's
PYTHONPATH. Both could let a ``logging.py`` or ``queue.py`` of the project into our own imports, so during these imports
the path has only the standard library. If the project already loaded modules with a standard name (for example by
``sitecustomize``), they are removed from ``sys.modules`` and put back afterwards. We leave no entry on the path, no
finder, and nothing in the environment. Modules that the server may need later have to be imported here too: later, the
project's folder comes first on the path. The project's processes keep no compiled code
(``environment/process_variables``), but ours is kept beside our files where they can be written: otherwise each process
would compile our modules again.

Decision 1 says why.
"""

import os
import sys

PACKAGE = "<appliance>"


def standard_library(path: list[str]) -> list[str]:
    """Return the entries of ``path`` that contain only the standard library."""
    home = getattr(sys, "_stdlib_dir", None) or os.path.dirname(os.__file__)
    archive = f"python{sys.version_info[0]}{sys.version_info[1]}.zip"
    return [
        entry
        for entry in path
        if entry == home or entry.startswith(home + "/lib-dynload") or entry.endswith("/" + archive)
    ]


def foreign_modules(path: list[str]) -> list[str]:
    """Return the names of loaded modules that have a standard name but come from other folders."""
    homes = tuple(entry + os.sep for entry in path)
    return [
        name
        for name in list(sys.modules)
        if name.partition(".")[0] in sys.stdlib_module_names
        and name != "__main__"
        and (getattr(sys.modules[name], "__file__", None) or homes[0]).startswith(homes) is False
    ]


def load_package() -> None:
    """Load our package under its private name."""
    import importlib.util  # noqa: PLC0415  only now does the path have the standard library alone

    folder = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    spec = importlib.util.spec_from_file_location(PACKAGE, f"{folder}/__init__.py", submodule_search_locations=[folder])  # noqa: TID251  this package itself
    if spec is None or spec.loader is None:
        raise ImportError(f"no package in {folder}")
    package = importlib.util.module_from_spec(spec)
    sys.modules[PACKAGE] = package
    spec.loader.exec_module(package)


def clean_main() -> None:
    """Remove the file from ``__main__``: otherwise multiprocessing's children would run this script again."""
    main = sys.modules["__main__"]
    main.__spec__ = None
    for name in ("__file__", "__cached__"):
        vars(main).pop(name, None)


if __name__ == "__main__":
    path = sys.path[1:] if sys.path and sys.path[0] == os.path.dirname(os.path.abspath(__file__)) else sys.path[:]
    sys.path[:] = standard_library(path)
    foreign = {name: sys.modules.pop(name) for name in foreign_modules(sys.path)}
    writes, sys.dont_write_bytecode = sys.dont_write_bytecode, False
    load_package()
    __package__ = PACKAGE + ".worker"
    from .roles import main  # the package is known only now

    sys.dont_write_bytecode = writes
    sys.modules.update(foreign)
    sys.path[:] = path
    clean_main()
    main(int(sys.argv[1]))
