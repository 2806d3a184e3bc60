"""The start of a process of the project's side, and what it leaves behind."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from appliance.worker import entry


def test_our_compiled_code_is_kept_where_the_projects_is_not(tmp_path: Path):
    """Our modules are compiled once, also where the project keeps no compiled code; it still keeps none."""
    folder = tmp_path / "appliance" / "worker"
    folder.mkdir(parents=True)
    for package in (folder, folder.parent):
        (package / "__init__.py").touch()
    (folder / "roles.py").write_text(
        "import sys\ndef main(_):\n    import project\n    print(sys.dont_write_bytecode)\n", encoding="utf-8"
    )
    (tmp_path / "project.py").touch()
    program = shutil.copy(entry.__file__, folder)
    environment = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, program, "0"], env=environment, capture_output=True, text=True, check=False, timeout=30
    )
    assert (done.stdout, done.stderr) == ("True\n", "")
    assert (folder / "__pycache__" / f"roles.{sys.implementation.cache_tag}.pyc").exists()
    assert not (tmp_path / "__pycache__").exists()
