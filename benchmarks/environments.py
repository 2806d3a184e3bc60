"""The environments that the servers under measurement run in: one a requirements file, made once.

Owns the folder ``.bench/``. Knows nothing of what is measured.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / ".bench"


def python_of(name: str, interpreter: str = sys.executable) -> Path:
    """The interpreter of the environment of ``benchmarks/requirements-<name>.txt``; made if it is not there as asked.

    ``interpreter``: the Python that the environment is made with.

    Raises:
        subprocess.CalledProcessError: the installer failed; it has said why.
    """
    requirements = Path(__file__).with_name(f"requirements-{name}.txt")
    environment = FOLDER / name
    python, mark = environment / "bin" / "python", environment / "made-from"
    version = subprocess.run([interpreter, "-VV"], check=True, capture_output=True).stdout
    wanted = hashlib.sha256(requirements.read_bytes() + version).hexdigest()
    if not mark.exists() or mark.read_text() != wanted:
        print(f"Installing {requirements.name} into {environment.relative_to(ROOT)} ...", file=sys.stderr)
        uv = [sys.executable, "-m", "uv", "--quiet"]
        subprocess.run([*uv, "venv", "--clear", "--python", interpreter, environment], check=True)
        subprocess.run([*uv, "pip", "install", "--python", python, "--requirement", requirements], check=True)
        mark.write_text(wanted)
    return python
