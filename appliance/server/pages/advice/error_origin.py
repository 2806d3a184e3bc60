"""Find out where an error was raised: in which file, in which installed package, at the start of a program."""

from __future__ import annotations

import os

from ....package_names import normalized


def raised_by(error: BaseException) -> tuple[str, str]:
    """Return the installed distribution whose file raised, by its normalized name, and its version."""
    file = last_file(error)
    within = file.partition(f"{os.sep}site-packages{os.sep}")[2]
    name = within.partition(os.sep)[0].removesuffix(".py")
    if not name:
        return "", ""
    from importlib.metadata import PackageNotFoundError, packages_distributions, version  # noqa: PLC0415  costs 20 ms

    # Python 3.10 lists only those with a top_level.txt; most others have the package's name.
    for each in packages_distributions().get(name, [name]):
        try:
            return normalized(each), version(each)
        except PackageNotFoundError:
            continue
    return "", ""


def raised_in(error: BaseException, package: str) -> bool:
    """Whether the error was raised while this package was imported or ran."""
    trace = error.__traceback__
    while trace is not None:
        if f"{os.sep}{package}{os.sep}" in trace.tb_frame.f_code.co_filename:
            return True
        trace = trace.tb_next
    return False


def raised_in_subprocess(error: BaseException) -> bool:
    """Whether the error was raised at the start of a program."""
    return last_file(error).endswith(f"{os.sep}subprocess.py")


def last_file(error: BaseException) -> str:
    """Return the file that raised, of the project or a package; for an import the file with the import statement."""
    trace, file = error.__traceback__, ""
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        file = file if name.startswith("<frozen") else name
        trace = trace.tb_next
    return file
