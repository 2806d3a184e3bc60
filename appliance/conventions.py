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
)  # fmt: skip
# What follows a module's name in its template's: settings.py.example, settings_example.py, settings.dist.py
EXAMPLE_END = r"(?:\.py)?[._-](?:example|sample|dist|template|tmpl|tpl|default)(?:\.py)?|\.jinja2?"

# Where a search for the project's own sources goes, and how far: the advice and the remedy find the same.
SKIPPED_FOLDERS = frozenset({"venv", "env", "node_modules", "site-packages", "__pycache__", "tests", "test", "docs"})
SOURCES_MAX = 200
SOURCE_FOLDERS_MAX = 2000
# A command of Flask's or Click's, by its name, or by the function that it is named after; ``name`` is a pattern.
NAMED_COMMAND = r"\.command\(\s{{0,80}}[\"']{name}[\"']"
FUNCTION_COMMAND = r"\.command\([ \t]{{0,80}}\)[ \t]{{0,80}}\n(?:@.{{0,200}}\n){{0,20}}def {name}\("

# The levels of the log, the least severe first.
LOG_LEVELS = ("debug", "info", "warning", "error", "critical")

# The appliance answers below this path itself, whatever the project is.
OWN_PAGES = "/__appliance__"

# Files that engines put into a container.
CONTAINER_MARKS = ("/.dockerenv", "/run/.containerenv")

# Where the number of a forwarded port stands in the name by which a workspace's proxy forwards it.
ANY_PORT = "{port}"

# Which tool wrote a lock: only that tool may change it.
LOCK_TOOLS = MappingProxyType({"uv.lock": "uv", "poetry.lock": "poetry", "Pipfile.lock": "pipenv"})

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
