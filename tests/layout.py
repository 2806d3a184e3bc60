"""Lay out a project of a few files."""


def write(root, files):
    """Lay out a project."""
    for name, text in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
