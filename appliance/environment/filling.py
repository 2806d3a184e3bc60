"""An environment filled with what a project depends on: the installer's arguments, and what is tried where it fails.

Owns both. Must not know where an environment lies, nor who waits for it. Runs in ``appliance install``.

Theory of operation. First all of it. Where a package can't be built, once more with the build tools of its time; then
without what is for development alone, if that stands apart: the project is served by the rest. What is left out, and
why, is told.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from appliance.dependencies.left_out import LEFT_OUT, left_out, names_in, pins_in
from appliance.dependencies.text_file import read_toml
from appliance.environment.editable_install import link_trees
from appliance.errors import InstallError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from appliance.dependencies.contents import Contents
    from appliance.dependencies.manifest import Manifest
    from appliance.environment.installer import Installer

# What setup.py files of some years ago expect of the tools that build them, and before which Python those run.
_OLDER_TOOLS = (
    (r"cannot import name 'Feature' from 'setuptools'", "setuptools<46", (3, 11)),
    (r"use_2to3", "setuptools<58", (3, 12)),
    (r"cannot import name '(?!Feature)\w+' from 'setuptools|module 'setuptools' has no attr", "setuptools<70", (4,)),
    (r"No module named '(?:pkg_resources|setuptools\.(?:_distutils\.)?msvccompiler)'", "setuptools<81", (4,)),
    (r"cython_sources|Cython", "Cython<3", (4,)),
)
_USUAL_TOOLS = ("setuptools<81", "Cython<3")


@dataclass(frozen=True)
class Filling:
    """One environment that is to be filled.

    Attributes:
        environment: its folder.
        version: the version of the Python in it.
        more: what is installed beyond the project's own dependencies.
        program: the installer.
        warn: takes what is installed otherwise than the files say.
    """

    environment: Path
    version: str
    more: tuple[str, ...]
    program: Installer
    warn: Callable[[str], None]

    @property
    def python(self) -> str:
        """The interpreter in it."""
        return str(self.environment / "bin" / "python")

    def fill(self, manifest: Manifest) -> None:
        """Have it hold what the manifest asks for.

        Raises:
            InstallError: that can't be.
        """
        contents = manifest.contents(self.version)
        try:
            self._fill(contents)
        except InstallError as error:
            spare = manifest.spare() if error.details.get("kind") == "build" else None
            package = str(error.details.get("package") or "a package")
            rest = spare.contents(self.version) if spare else contents
            if rest == contents or package in pins_in(rest.question):
                raise
            self.program.report("once more, without what is for development alone")
            contents = rest
            self._fill(contents)
            self.warn(f"without what is for development alone: {package} can't be installed ({error.found})")
        for note in (*contents.notes, *left_out(self._names(contents))):
            self.warn(note)

    def _fill(self, contents: Contents) -> None:
        """Tell the installer what is to be there, then link what is served from where it lies."""
        if contents.sync:
            variables = {**self.program.environment, "UV_PROJECT_ENVIRONMENT": str(self.environment)}
            unwanted = [name for name in self._names(contents) if left_out([name])]
            arguments = [word for name in unwanted for word in ("--no-install-package", name)]
            # --frozen: the lock is taken at its word and never written; uv.lock lies in the mount.
            command = ("sync", "--frozen", "--compile-bytecode", "--python", self.python, *contents.sync, *arguments)
            replace(self.program, environment=variables).run(*command)
        arguments = [*contents.arguments, *self.more, *(["--no-deps"] if contents.exact else [])]
        if contents.lines.strip():
            flat = self.environment / "dependencies.txt"  # no name of the project's own files, in the installer's words
            flat.write_text(contents.lines, "utf-8", "surrogateescape")
            arguments = ["-r", str(flat), *arguments]
        if arguments:
            excluded = self.environment / "left-out.txt"
            excluded.write_text("".join(f"{name}\n" for name in LEFT_OUT), "utf-8")
            self._install(*arguments, "--excludes", str(excluded))
        link_trees(contents.trees, self.environment)

    def _install(self, *arguments: str) -> None:
        """Install, and where a package can be built by the tools of its time alone, once more with those."""
        command = ("pip", "install", "--compile-bytecode", "--python", self.python, *arguments)
        tools: set[str] = set()
        program = self.program
        while True:
            try:
                program.run(*command)
            except InstallError as error:
                older = self._older_tools(error) - tools
                if not older or self.program.environment.get("UV_BUILD_CONSTRAINT"):
                    raise
                tools |= older
                program.report(f"building once more with {', '.join(sorted(tools))}: a package was written for it")
                limits = self.environment / "build-constraints.txt"
                limits.write_text("".join(f"{line}\n" for line in (*_USUAL_TOOLS, *sorted(tools))), "utf-8")
                variables = {**self.program.environment, "UV_BUILD_CONSTRAINT": str(limits)}
                program = replace(self.program, environment=variables)
            else:
                return

    def _older_tools(self, error: InstallError) -> set[str]:
        text = "\n".join(error.details.get("output", ()))
        here = tuple(map(int, self.version.split(".")))
        return {line for pattern, line, before in _OLDER_TOOLS if here < before and re.search(pattern, text)}

    def _names(self, contents: Contents) -> list[str]:
        if contents.lock is None:
            return names_in(contents.question)
        packages = read_toml(contents.lock).get("package", ())
        return [str(package.get("name")) for package in packages if isinstance(package, dict)]
