"""Facts that both sides need: names and places of files, the modules that have left Python and what replaces them.

The supervisor's side installs by them, the worker's pages advise by them. Uses only the standard library.
"""

from __future__ import annotations

from types import MappingProxyType

# The files of variables, the one that wins first. Frameworks and their tools have given them these names.
VARIABLE_FILES = (".env.local", ".env", ".flaskenv")

# Templates of them, in the order in which they count.
EXAMPLE_FILES = (
    ".env.example", ".env.sample", ".env.template", ".env.dist", "env.example", "example.env", ".env.default",
    ".env-example", ".env_example", ".env-sample", ".env_sample", "env.sample", "env.template", "env.default",
    "sample.env", "template.env", "TEMPLATE.env", "env_example", "env_sample", ".env.defaults", ".env.local.example",
    ".env-dist", "env.dist", "env-dist",
)  # fmt: skip
# ASGI servers that a project may have installed, the most usual first.
ASGI_SERVERS = ("uvicorn", "hypercorn", "granian", "daphne")

# What follows a module's name in its template's: settings.py.example, settings_example.py, settings.dist.py
EXAMPLE_END = r"(?:\.py)?[._-](?:example|sample|dist|template|tmpl|tpl|default)(?:\.py)?|\.jinja2?"

# Folders without code of the project. A module that skips more, or less, builds its set from these.
VERSION_CONTROL = frozenset({".git", ".hg", ".svn", ".jj"})
PYTHON_PACKAGES = frozenset({"site-packages", "dist-packages", "__pypackages__"})
SCRIPT_PACKAGES = frozenset({"node_modules", "bower_components"})
ENVIRONMENTS = frozenset({".venv", "venv"})
BYTECODE_FOLDER = "__pycache__"
# Code that others wrote, wherever it is installed: a frame in one of these folders is not the project's.
INSTALLED_CODE = PYTHON_PACKAGES | SCRIPT_PACKAGES | ENVIRONMENTS
# A search for sources skips these. Its cost is one missed hint, so it also skips names that a package may have.
UNSEARCHED = INSTALLED_CODE | {"env", "virtualenv", BYTECODE_FOLDER}

# Where a search for the project's own sources goes, and how far: the advice and the remedy find the same.
SKIPPED_FOLDERS = UNSEARCHED | {"tests", "test", "docs"}
SOURCES_MAX = 200
SOURCE_FOLDERS_MAX = 2000
# A command of Flask's or Click's, by its name, or by the function that it is named after; ``name`` is a pattern.
NAMED_COMMAND = r"\.command\(\s{{0,80}}[\"']{name}[\"']"
FUNCTION_COMMAND = r"\.command\([ \t]{{0,80}}\)[ \t]{{0,80}}\n(?:@.{{0,200}}\n){{0,20}}def {name}\("

# A character of a token, as a pattern (tchar: RFC 9110, 5.6.2).
TCHAR = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]"

# The media type of a posted HTML form (the URL standard, 5.1).
URLENCODED_FORM = "application/x-www-form-urlencoded"

# Lines of source that a page shows before and after the place of a failure, and around what a save has changed.
LINES_AROUND = 3

# What looks at the project (the recorder, the exporter) is this much nicer than the project's own processes.
WATCHERS_NICE = 10

# The levels of the log, the least severe first.
LOG_LEVELS = ("debug", "info", "warning", "error", "critical")

# The appliance answers below this path itself, whatever the project is.
OWN_PAGES = "/__appliance__"

# Files that engines put into a container.
CONTAINER_MARKS = ("/.dockerenv", "/run/.containerenv")

# Where the number of a forwarded port stands in the name by which a workspace's proxy forwards it.
ANY_PORT = "{port}"

# Where a distribution says what it depends on, in the order in which an installer looks, and files of requirements.
DISTRIBUTION_FILES = ("pyproject.toml", "setup.cfg", "setup.py")
REQUIREMENTS_ENDS = (".txt", ".in", ".pip")

# The names of compose's file, in its order.
COMPOSE_FILES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")

# The Debian packages of WeasyPrint: it loads all of them, and names only the first that is missing.
PANGO_PACKAGES = ("libpango-1.0-0", "libpangoft2-1.0-0", "libharfbuzz-subset0")

# Which tool wrote a lock: only that tool may change it.
LOCK_TOOLS = MappingProxyType({"uv.lock": "uv", "poetry.lock": "poetry", "Pipfile.lock": "pipenv"})

# Files of tools for tests and types, with the suffix of a configuration that an application may read.
TOOL_FILES = frozenset({"mypy.ini", "pytest.ini", "tox.ini"})

# How a merge conflict that is not resolved begins, in a file of git's working tree.
MERGE_CONFLICT = r"(?m)^<{7} "

# The file that the installer writes into an environment once it is complete; JSON, with the "source" of the packages.
COMPLETE_MARK = ".whole.json"

SETUPTOOLS = "setuptools<81"  # later releases do not contain pkg_resources

# Modules that left the standard library, by the Python that lacks them (PEP 594, and earlier removals).
REMOVED_MODULES = MappingProxyType(
    {
        **dict.fromkeys(("asynchat", "asyncore", "distutils", "imp", "smtpd"), "3.12"),
        **dict.fromkeys(
            (
                "aifc", "audioop", "cgi", "cgitb", "chunk", "crypt", "imghdr", "lib2to3", "mailcap", "msilib", "nis",
                "nntplib", "ossaudiodev", "pipes", "sndhdr", "spwd", "sunau", "telnetlib", "uu", "xdrlib",
            ),
            "3.13",
        ),
    }
)  # fmt: skip
_NO_BACKPORT = {"lib2to3", "msilib", "nis", "ossaudiodev", "spwd"}
_OTHER_NAMES = {
    "audioop": "audioop-lts", "cgi": "legacy-cgi", "cgitb": "legacy-cgi", "distutils": SETUPTOOLS, "imp": "zombie-imp",
}  # fmt: skip

# The requirement that provides such a module again, if there is one.
BACKPORTS = MappingProxyType(
    {name: _OTHER_NAMES.get(name, f"standard-{name}") for name in REMOVED_MODULES if name not in _NO_BACKPORT}
)
