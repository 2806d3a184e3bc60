"""The script that starts the project's side, by path: ``python entry.py DESCRIPTOR``.

Owns the way in: the standard library first, from its own folder alone; then our package, under a name that no project
can have; then a ``__main__`` that shows nothing of us. Knows nothing of what runs then. Runs in every child of the
supervisor, in the project's interpreter (a stand-in: in ours).

Theory of operation. The interpreter has put this file's folder first on ``sys.path``, then the PYTHONPATH of the
project. Either would let a ``logging.py`` or ``queue.py`` of the project's into our own imports, so for their time
the path holds the standard library alone. Modules of the project's that took a standard name already (a
``sitecustomize`` may have imported them) are set aside meanwhile, and put back. No entry of ours stays on the path,
no finder, nothing in the environment. What the server may need later has to be imported here too: later, the
project's folder comes first.
"""

import os
import sys

PACKAGE = "<appliance>"


def standard_library(path: list[str]) -> list[str]:
    """The entries of ``path`` that hold the standard library and nothing else."""
    home = getattr(sys, "_stdlib_dir", None) or os.path.dirname(os.__file__)  # noqa: PTH120  pathlib is not imported yet
    archive = f"python{sys.version_info[0]}{sys.version_info[1]}.zip"
    return [
        entry
        for entry in path
        if entry == home or entry.startswith(home + "/lib-dynload") or entry.endswith("/" + archive)
    ]


def strangers(path: list[str]) -> list[str]:
    """The names of loaded modules that bear a standard name and come from elsewhere."""
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
    import importlib.util  # noqa: PLC0415  only now does the path hold the standard library alone

    folder = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120  as above
    spec = importlib.util.spec_from_file_location(PACKAGE, f"{folder}/__init__.py", submodule_search_locations=[folder])
    if spec is None or spec.loader is None:
        raise ImportError(f"no package in {folder}")
    package = importlib.util.module_from_spec(spec)
    sys.modules[PACKAGE] = package
    spec.loader.exec_module(package)


def clean_main() -> None:
    """Make ``__main__`` one without a file: multiprocessing's children would run this script again otherwise."""
    main = sys.modules["__main__"]
    main.__spec__ = None
    for name in ("__file__", "__cached__"):
        vars(main).pop(name, None)


if __name__ == "__main__":
    path = sys.path[1:] if sys.path and sys.path[0] == os.path.dirname(os.path.abspath(__file__)) else sys.path[:]  # noqa: PTH100, PTH120  as above
    sys.path[:] = standard_library(path)
    aside = {name: sys.modules.pop(name) for name in strangers(sys.path)}
    load_package()
    __package__ = PACKAGE + ".worker"
    from .worker import main  # the package is known only now

    sys.modules.update(aside)
    sys.path[:] = path
    clean_main()
    main(int(sys.argv[1]))
