"""``python -m tools.feature FOLDER``: pack the dev container Feature with this checkout's release into a folder.

A Feature is copied into a build without the rest of its repository, so the packed one contains the files that it
installs. The folder is for a devcontainer.json beside it; a release attaches the same files as an archive.
"""

from __future__ import annotations

import gzip
import io
import shutil
import sys
import tarfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
FEATURE = "features/appliance"
ARCHIVE = "devcontainer-feature-appliance.tgz"  # the dev container tools ask for this name
_RELEASE = ("appliance", "locks/appliance.txt", "locks/debugger.txt", "image/add_debugger.sh", "image/add_package.sh")
_LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc")


def pack(folder: Path) -> None:
    """Write the Feature into a folder, in place of what is there.

    Raises:
        FileExistsError: the folder holds something that is not this Feature.
    """
    if folder.exists() and any(folder.iterdir()):
        if not (folder / "devcontainer-feature.json").is_file():
            raise FileExistsError(
                f"{folder} holds something else: expected a new folder, or an earlier copy of the Feature"
            )
        shutil.rmtree(folder)
    shutil.copytree(ROOT / FEATURE, folder, ignore=_LEFT_OUT, dirs_exist_ok=True)
    for name in _RELEASE:
        source, target = ROOT / name, folder / "release" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=_LEFT_OUT)
        else:
            shutil.copy(source, target)


def archive(path: Path) -> None:
    """Write the packed Feature as an archive whose bytes depend on nothing but its files."""
    folder = path.with_suffix("")
    pack(folder)
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as opened:
        for file in sorted(file for file in folder.rglob("*") if file.is_file()):
            entry = tarfile.TarInfo(f"./{file.relative_to(folder)}")
            entry.mode = 0o755 if file.suffix == ".sh" else 0o644
            entry.size = file.stat().st_size
            with file.open("rb") as stream:
                opened.addfile(entry, stream)
    path.write_bytes(gzip.compress(tar.getvalue(), mtime=0))
    shutil.rmtree(folder)


def main(argv: list[str]) -> int:
    """Pack the Feature and return the exit status."""
    if len(argv) != 1:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    try:
        pack(Path(argv[0]))
    except OSError as error:
        sys.stderr.write(f"Not packed: {error}\n")
        return 1
    sys.stdout.write(f'Packed. In a devcontainer.json beside it: "features": {{"./{Path(argv[0]).name}": {{}}}}\n')
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
