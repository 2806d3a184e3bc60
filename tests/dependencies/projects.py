"""Files that projects describe themselves by, and what is read of them."""

import re
from pathlib import Path

PROJECT = '[project]\nname = "shop"\nversion = "1"\n'
POETRY = '[tool.poetry]\nname = "shop"\n[tool.poetry.dependencies]\npython = "^3.10"\nflask = "^3"\n'
SETUP = 'from setuptools import setup\nsetup(name="shop", install_requires=["flask>=2"])\n'


def asked(manifest):
    """The names that are asked for, in lines or in the files that the installer is given."""
    contents = manifest.contents("3.13")
    files = [word for word in contents.arguments if not word.startswith("-")]
    lines = "\n".join([contents.lines, *(Path(file).read_text() for file in files)])
    return re.findall(r"(?m)^\w+", lines)
