"""Install a project's dependencies into an environment, and try other ways if that fails.

Theory of operation. First everything is installed. If a package can't be built, it is built again with the build tools
of its time. If that fails too, the dependencies that only development needs are left out, if the project declares them
separately: the rest is enough to serve it. A warning says what is left out, and why.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from appliance.conventions import SETUPTOOLS
from appliance.dependencies.requirement_text import names_in, pins_in
from appliance.dependencies.text_file import read_toml
from appliance.dependencies.unusable_packages import UNUSABLE, left_out
from appliance.environment.editable_install import link_trees
from appliance.errors import InstallError
from appliance.protocol.record import Record, replace

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from appliance.dependencies.install_contents import Contents
    from appliance.dependencies.manifest import Manifest
    from appliance.environment.installer import Installer

# The build tools that older setup.py files need, and the first Python on which these tools no longer run.
_OLDER_TOOLS = (
    (r"cannot import name 'Feature' from 'setuptools'", "setuptools<46", (3, 11)),
    (r"use_2to3", "setuptools<58", (3, 12)),
    (r"cannot import name '(?!Feature)\w+' from 'setuptools|module 'setuptools' has no attr", "setuptools<70", (4,)),
    (r"No module named '(?:pkg_resources|setuptools\.(?:_distutils\.)?msvccompiler)'", SETUPTOOLS, (4,)),
    (r"cython_sources|Cython", "Cython<3", (4,)),
)
_USUAL_TOOLS = (SETUPTOOLS, "Cython<3")


class DependencyInstallation(Record):
    """One environment to install into.

    Attributes:
        environment: its folder.
        version: the version of its Python.
        extra: requirements in addition to the project's own dependencies.
        program: the installer.
        warn: receives what is installed differently from what the files say.
    """

    environment: Path
    version: str
    extra: tuple[str, ...]
    program: Installer
    warn: Callable[[str], None]

    @property
    def python(self) -> str:
        """The environment's interpreter."""
        return str(self.environment / "bin" / "python")

    def install(self, manifest: Manifest) -> None:
        """Install the dependencies of the manifest.

        Raises:
            InstallError: it can't be installed.
        """
        contents = manifest.contents(self.version)
        try:
            self._install_contents(contents)
        except InstallError as error:
            lighter = manifest.without_development() if error.details.get("kind") == "build" else None
            package = str(error.details.get("package") or "a package")
            rest = lighter.contents(self.version) if lighter else contents
            if rest == contents or package in pins_in(rest.index_query):
                raise
            self.program.report("trying again without the development dependencies")
            contents = rest
            self._install_contents(contents)
            self.warn(f"without the development dependencies: {package} can't be installed ({error.found})")
        for note in (*contents.notes, *left_out(self._names(contents))):
            self.warn(note)

    def _install_contents(self, contents: Contents) -> None:
        """Run the installer, then link the projects that are served from their own folders."""
        if contents.sync:
            variables = {**self.program.environment, "UV_PROJECT_ENVIRONMENT": str(self.environment)}
            unwanted = [name for name in self._names(contents) if left_out([name])]
            arguments = [word for name in unwanted for word in ("--no-install-package", name)]
            # --frozen: uv uses the lock as it is and never writes it; uv.lock is in the user's mount.
            command = ("sync", "--frozen", "--compile-bytecode", "--python", self.python, *contents.sync, *arguments)
            replace(self.program, environment=variables).run(*command)
        arguments = [*contents.arguments, *self.extra, *(["--no-deps"] if contents.exact else [])]
        if contents.lines.strip():
            # The name is unlike those of the project's files, because the installer's errors contain it.
            flat = self.environment / "dependencies.txt"
            flat.write_text(contents.lines, "utf-8", "surrogateescape")
            arguments = ["-r", str(flat), *arguments]
        if arguments:
            excluded = self.environment / "left-out.txt"
            excluded.write_text("".join(f"{name}\n" for name in UNUSABLE), "utf-8")
            self._pip_install(*arguments, "--excludes", str(excluded))
        link_trees(contents.trees, self.environment)

    def _pip_install(self, *arguments: str) -> None:
        """Install; if a package can be built only by the tools of its time, install again with these."""
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
                program.report(f"building again with {', '.join(sorted(tools))}, which an older package needs")
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
            return names_in(contents.index_query)
        packages = read_toml(contents.lock).get("package", ())
        return [str(package.get("name")) for package in packages if isinstance(package, dict)]
