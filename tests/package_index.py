"""A project with a cache and an index of its own; what is installed are wheels that the test makes."""

import base64
import hashlib
import io
import json
import os
import subprocess
import tarfile
import zipfile

from appliance.config.settings import read_settings
from appliance.environment.creation import install
from appliance.environment.plan import plan
from appliance.environment.process_variables import project_environment

# The pyproject.toml of a source distribution whose backend.py builds it.
BACKEND = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
# A backend.py that builds legacy 1.0, on a Python older than 3.11 alone.
OLD_BACKEND = """\
import pathlib, sys, zipfile

def build_wheel(folder, *_, **__):
    if sys.version_info >= (3, 11):
        raise ValueError("invalid mode: 'rU'")
    name = "legacy-1.0-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(folder, name), "w") as archive:
        archive.writestr("legacy.py", "")
        archive.writestr("legacy-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: legacy\\nVersion: 1.0\\n")
        wheel = "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
        archive.writestr("legacy-1.0.dist-info/WHEEL", wheel)
        archive.writestr("legacy-1.0.dist-info/RECORD", "")
    return name
"""


def wheel(folder, name, version="1.0", requires=(), *, tag="py3-none-any", requires_python="", modules=None):
    """A wheel with one module, named like its distribution; or with the modules that are given, path to text."""
    info = f"{name}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {need}\n" for need in requires)
    needs += f"Requires-Python: {requires_python}\n" if requires_python else ""
    files = {
        **(modules or {f"{name}.py": f"VERSION = {version!r}\n"}),
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tag}\n",
        f"{info}/entry_points.txt": f"[console_scripts]\n{name}-cli = {name}:main\n",
    }
    record = ""
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        record += f"{path},sha256={digest},{len(text)}\n"
    files[f"{info}/RECORD"] = record + f"{info}/RECORD,,\n"
    with zipfile.ZipFile(folder / f"{name}-{version}-{tag}.whl", "w") as archive:
        for path, text in files.items():
            # Always the same bytes, since locks of tests/apps hold its hash.
            archive.writestr(zipfile.ZipInfo(path, (2020, 1, 1, 0, 0, 0)), text)


def sdist(folder, name, version="1.0", files=None):
    """A source distribution of these files; without any a setup.py's that says that it was built, and ends."""
    base = f"{name.replace('-', '_')}-{version}"
    given = {"setup.py": "raise SystemExit('it was built')\n"} if files is None else dict(files)
    contents = {"PKG-INFO": f"Metadata-Version: 2.2\nName: {name}\nVersion: {version}\n", **given}
    with tarfile.open(folder / f"{base}.tar.gz", "w:gz") as archive:
        for path, text in contents.items():
            entry = tarfile.TarInfo(f"{base}/{path}")
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))


class Shop:
    """A project with a cache and an index of its own."""

    def __init__(self, folder, values):
        self.root = folder / "project"
        self.wheels = folder / "wheels"
        self.cache = folder / "cache"
        self.root.mkdir()
        self.wheels.mkdir()
        self.values = {
            **{name: value for name, value in values.items() if not name.startswith(("UV_", "PIP_", "VIRTUAL_"))},
            "UV_FIND_LINKS": str(self.wheels),
            "UV_NO_INDEX": "1",
            "UV_OFFLINE": "1",
            "PIP_CONFIG_FILE": os.devnull,  # this machine's
        }
        flags = {"project": str(self.root), "cache": str(self.cache)}
        self.settings = read_settings(self.values, {}, flags, folder)
        self.lines = []
        self.warnings = []

    def sdist(self, name, version="1.0", files=None):
        """A source distribution in its index."""
        sdist(self.wheels, name, version, files)

    def alone(self):
        """There is no Python but the appliance's, and none can be fetched."""
        nowhere = {"PATH": "/nowhere", "HOME": "/nowhere", "PYENV_ROOT": "/nowhere", "UV_PYTHON_DOWNLOADS": "never"}
        self.values |= {**nowhere, "UV_PYTHON_INSTALL_DIR": "/nowhere"}

    def write(self, name, text):
        (self.root / name).write_text(text)

    def plan(self):
        return plan(self.root, self.settings, self.values)

    def install(self):
        install(self.plan(), self.root, self.settings, self.values, self.lines.append, self.warnings.append)
        return self.plan()

    def environment(self):
        return project_environment(self.plan(), self.settings, self.values)

    def python(self, words):
        """Return the output of a Python of the project."""
        done = subprocess.run(
            ["python", "-c", words],
            env=self.environment(),
            cwd=self.root,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def versions(self):
        """Return the installed versions, by name."""
        words = (
            "import importlib.metadata as m, json; print(json.dumps({d.name: d.version for d in m.distributions()}))"
        )
        return json.loads(self.python(words))
