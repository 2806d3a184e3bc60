"""The names that a release of a package removed, and that a project or another package still imports.

Runs in the worker, after an import has failed.
"""

from __future__ import annotations

import re

# The releases that fit the last ones of Flask 1 and of Flask 2.2, which do not pin them.
_WITH_FLASK_1 = ("jinja2<3.1", "markupsafe<2.1", "itsdangerous<2.1", "werkzeug<2.1")
_WITH_FLASK_2_2 = ("werkzeug<3",)
_FLASK_2_2 = ("flask<2.3", *_WITH_FLASK_2_2)
# What is imported, as "module:name", or "module" if the whole module was removed; the last releases that have it.
_REMOVED_NAMES: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"werkzeug\.urls:\w+", ("werkzeug<3",)),
    (
        r"werkzeug:(?:secure_filename|cached_property|Local\w*|Request|Response|generate_password_hash|check_\w+)",
        ("werkzeug<1",),
    ),
    (r"werkzeug\.contrib[\w.]*", ("werkzeug<1",)),
    (r"werkzeug\.(?:security:safe_str_cmp|wrappers:Base\w+|wrappers\.\w+)", ("werkzeug<2.1",)),
    (r"werkzeug:__version__", ("werkzeug<3.1",)),
    (r"jinja2:(?:escape|Markup|contextfunction|contextfilter|environmentfilter|evalcontextfilter)", ("jinja2<3.1",)),
    (r"markupsafe:soft_unicode", ("markupsafe<2.1",)),
    (r"itsdangerous:(?:json|\w*JSONWebSignatureSerializer)", ("itsdangerous<2.1",)),
    (
        r"flask:(?:_app_ctx_stack|_request_ctx_stack|Markup|escape|safe_join)|flask\.json:JSONEncoder",
        _FLASK_2_2,
    ),
    (
        r"flask\._compat(?::\w+)?|flask\.ext[\w.:]*",
        ("flask<2", *_WITH_FLASK_1),
    ),
    (
        r"wtforms(?:\.fields\.html5|\.ext)[\w.:]*|wtforms\.validators:Required|wtforms:(?:TextField|\w*html5\w*)",
        ("wtforms<3",),
    ),
    (
        r"sqlalchemy(?:\.\w+)*:(?:__all__|_ColumnEntity|_QueryEntity|as_declarative_\w+)|sqlalchemy\.databases[\w.:]*",
        ("sqlalchemy<2",),
    ),
    (r"django\.core\.urlresolvers[\w.:]*|django\.conf\.urls:patterns", ("django<2",)),
    (
        (
            r"django\.utils(?:\.six[\w.:]*|\.encoding:python_2_unicode_compatible|\.lru_cache[\w.:]*|\.decorators:available_attrs)"
            r"|django\.shortcuts:render_to_response|django\.contrib\.staticfiles\.templatetags[\w.:]*"
        ),
        ("django<3",),
    ),
    (
        (
            r"django\.(?:utils\.(?:translation:u\w+|encoding:\w+_text|http:\w+)|conf\.urls:url|db\.models:NullBooleanField)"
            r"|django\.contrib\.postgres\.fields:JSONField"
        ),
        ("django<4",),
    ),
    (r"django\.(?:utils\.timezone:utc|utils\.baseconv[\w.:]*|core\.files\.storage:get_storage_class)", ("django<5",)),
    (r"pydantic:BaseSettings", ("pydantic<2",)),
    # An attribute of an instance: under the class, as its package names it.
    (
        r"flask\.(?:Flask|Blueprint|Scaffold|BlueprintSetupState):(?:before_(?:app_)?first_request|json_\w+coder)",
        _FLASK_2_2,
    ),
    (r"sqlalchemy\.Engine:(?:execute|scalar|table_names|has_table)", ("sqlalchemy<2",)),
    (r"django\.\w*Request:is_ajax", ("django<4",)),
    (r"werkzeug\.Request:is_xhr", ("werkzeug<1",)),
    (r"PIL\.\w+Font:getsize|PIL\.ImageDraw:textsize|PIL\.Image:(?:ANTIALIAS|LINEAR|CUBIC)", ("pillow<10",)),
    (r"pandas\.(?:DataFrame|Series):(?:append|iteritems)", ("pandas<2",)),
    (r"numpy:(?:bool|int|float|object|complex|str)", ("numpy<1.24",)),
    (r"marshmallow:__version\w*", ("marshmallow<4",)),
    (r"importlib_metadata:\w+", ("importlib-metadata<5",)),
)
_PATTERNS = tuple((re.compile(pattern), releases) for pattern, releases in _REMOVED_NAMES)
# Old releases of the first package do not pin these, but do not work with their present releases.
_COMPANIONS: tuple[tuple[str, tuple[int, ...], tuple[str, ...]], ...] = (
    ("flask", (2,), _WITH_FLASK_1),
    ("flask", (2, 3), _WITH_FLASK_2_2),
    ("flask-login", (0, 6, 3), ("werkzeug<3",)),
    ("flask-wtf", (1, 2), ("werkzeug<3",)),
    ("jinja2", (3,), ("markupsafe<2.1",)),
    ("flask-sqlalchemy", (3,), ("sqlalchemy<2",)),
)
_REMOVED_BY_PYTHON = re.compile(
    r"No module named '[\w.]{1,60}\.six\.moves|"  # a copy of six that does not work on Python 3.12
    r"cannot import name '\w{1,40}' from '(?:asyncio|base64|cgi|collections|fractions|gettext|html|inspect|typing)'"
    r"|module '(?:ast|asyncio|collections|fractions|html|inspect|pkgutil|platform|time|unittest)' has no attribute"
)
_CANNOT_IMPORT = re.compile(r"cannot import name '(\w{1,80})' from '([\w.]{1,120})'")
_NO_ATTRIBUTE = re.compile(r"module '([\w.]{1,120})' has no attribute '(\w{1,80})'")


def last_releases_with(error: BaseException, message: str) -> tuple[str, ...]:
    """Return requirements for the last releases that have the missing name; () if unknown.

    Args:
        error: the exception.
        message: the exception's message.
    """
    for name in _missing(error, message):
        for pattern, releases in _PATTERNS:
            if pattern.fullmatch(name):
                return releases
    return ()


def _missing(error: BaseException, message: str) -> list[str]:
    """Return the missing name as the table writes it; an attribute under each class that could have had it."""
    if found := _CANNOT_IMPORT.search(message):
        return [f"{found[2]}:{found[1]}"]
    name = getattr(error, "name", None)
    if not isinstance(error, AttributeError):
        return [name] if isinstance(name, str) else []
    if found := _NO_ATTRIBUTE.search(message):
        return [f"{found[1]}:{found[2]}"]
    classes = type(getattr(error, "obj", None)).__mro__
    return [f"{str(each.__module__).partition('.')[0]}.{each.__name__}:{name}" for each in classes]


def is_too_old(message: str) -> bool:
    """Whether an import failed because Python itself removed a name."""
    return _REMOVED_BY_PYTHON.search(message) is not None


def companions(package: str, version: str) -> tuple[str, ...]:
    """Return the releases that a release of a package needs beside it; () if unknown."""
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:3])
    for name, below, releases in _COMPANIONS:
        if name == package and numbers and numbers < below:
            return releases
    return ()
