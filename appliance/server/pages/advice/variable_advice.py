"""Advise on a variable of the environment that is not set."""

from __future__ import annotations

import os
import re
import sys

from ..tracebacks import shorten
from . import project_variables
from .advice import Advice

_NAME_MAX = 200  # characters of a variable's name
# As in ``exception_advice``, each pattern takes linear time.
_VARIABLE = re.compile(
    r"\b(\w{1,200}) not found\. Declare it as envvar"  # decouple
    r"|Set the (\w{1,200}) environment variable"  # django-environ, and Django projects by hand
    r"|[Ee]nvironment variable ['\"]?(\w{1,200})['\"]? (?:is )?(?:not|must be) set"  # environs
    r"|The (SECRET_KEY) setting must not be empty"
    r"|\b([A-Z][A-Z0-9_]{2,200}) (?:environment variable )?(?:is not set|must be set|is required|not set)"
)
# The text of None in an address: a variable that is not set, in an f-string.
_NONE = re.compile(
    r"invalid literal for int\(\) with base 10: 'None'|(?:host name|host|server on|database|role|user) [\"']None[\"']"
)
# A database's library without a host: it looks for a socket of this machine.
_SOCKET = re.compile(r"connection to server on socket|on Unix domain socket|MySQL server through socket")
# Modules of settings for development: dev.py, development.py, local.py, local_dev.py
_DEVELOPMENT = re.compile(r"(?:local_?)?dev(?:el(?:op(?:ment)?)?)?\Z|local\Z")
_FIELD = re.compile(r"^(\w{1,200})\n[ \t]{1,8}Field required", re.MULTILINE)  # pydantic


def variable_advice(error: BaseException, message: str, root: str) -> Advice | str:
    """Advise on a variable that is not set: where to set it, and to which value if an example has one."""
    if _NONE.search(message):
        key = project_variables.variables_read_by(error, root)
    elif _SOCKET.search(message):
        key = project_variables.variables_of_database()
    else:
        key = _missing_variable(error, message)
    if not key:
        return ""
    if key == "SECRET_KEY":
        key = project_variables.variable_of_setting(key)
    own, example = project_variables.variable_files(root, key)
    names = key.split(", ")
    secret = [{"kind": "make-secret", "name": name} for name in names if name.endswith("SECRET_KEY")]
    known = [{"kind": "set-variable", "name": name} for name in names if example]
    if example and not own:
        text = f"{example} contains {key}: copy it (cp {example} .env), and set {key} there. Saving .env applies it."
        return Advice(text, (*secret, {"kind": "copy-example", "file": ".env", "example": example}, *known))
    sample = example or project_variables.compose_file(root, key)
    also = f" ({sample} has an example)" if sample else ""
    other = _settings_for_development()
    instead = f" Or use the settings for development: DJANGO_SETTINGS_MODULE={other} in .env." if other else ""
    lines = " ".join(f"{name}=..." for name in names)
    text = f"Set {key} in the project's .env{also}: {lines} Saving .env applies it.{instead}"
    return Advice(text, (*secret, *known))


def _settings_for_development() -> str:
    """Return Django's settings for development beside those whose import failed; "" if there are none."""
    used = os.environ.get("DJANGO_SETTINGS_MODULE", "")  # noqa: TID251  the project's environment
    package, _, name = used.rpartition(".")
    folder = next(iter(getattr(sys.modules.get(package), "__path__", ())), "")
    if not folder or used in sys.modules or _DEVELOPMENT.match(name):
        return ""
    found = (each.removesuffix(".py") for each in sorted(os.listdir(folder)) if each.endswith(".py"))
    return next((f"{package}.{each}" for each in found if _DEVELOPMENT.match(each)), "")


def _missing_variable(error: BaseException, message: str) -> str:
    if isinstance(error, KeyError) and error.args and _raised_in_os(error):
        return shorten(str(error.args[0]), _NAME_MAX)
    name = f"{type(error).__module__}.{type(error).__name__}"
    if name.startswith("pydantic") and "Settings" in message.partition("\n")[0]:
        return ", ".join(field.upper() for field in _FIELD.findall(message))
    if isinstance(error, (AttributeError, TypeError)) and "NoneType" in message:
        return project_variables.variable_read_at(error)
    found = _VARIABLE.search(message) if _may_mean_a_variable(error, name) else None
    if found is None and isinstance(error, RuntimeError) and "no secret key was set" in message:
        return "SECRET_KEY"
    return next(filter(None, found.groups()), "") if found else ""


def _may_mean_a_variable(error: BaseException, name: str) -> bool:
    return isinstance(error, (RuntimeError, ValueError, KeyError, SystemExit)) or name.startswith(
        ("decouple.", "environ", "django.core.exceptions.ImproperlyConfigured", "marshmallow")
    )


def _raised_in_os(error: BaseException) -> bool:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    code = trace.tb_frame.f_code if trace is not None else None
    # os is frozen into the interpreter since 3.11; otherwise it keeps its file's name.
    return code is not None and code.co_filename in {os.__file__, "<frozen os>"}
