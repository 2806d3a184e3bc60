"""The text that is written into .env, and the part of it that a page shows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.remedies.project_facts import after, made, project_facts

READS = {"app.py": 'import os\nKEY = os.environ["SECRET_KEY"]\n'}


def test_a_variable_gets_its_example(tmp_path: Path):
    """A variable gets the example's value; a line without a value is replaced."""
    where = project_facts(tmp_path, files={".env.example": "# A=1\nB=two  \n", ".env": "B=\nC=3\n"})
    assert after(where, kind="set-variable", name="B") == "B=two\nC=3\n"
    assert after(where, kind="set-variable", name="A") == "B=\nC=3\nA=1\n"
    assert made(where, kind="set-variable", name="D") is None


def test_the_last_of_several_lines_is_replaced(tmp_path: Path):
    """A variable that a file sets twice has its last value: that one is replaced, or nothing would change."""
    where = project_facts(tmp_path, files={**READS, ".env": "SECRET_KEY=one\nA=1\nexport SECRET_KEY=two\nB=2\n"})
    text = after(where, kind="make-secret", name="SECRET_KEY")
    assert text is not None
    assert re.fullmatch(r"SECRET_KEY=one\nA=1\nexport SECRET_KEY=[\w-]{64}\nB=2\n", text)


def test_a_secret_is_random_and_hidden(tmp_path: Path):
    """A random value is made, which no page shows, and which is another one each time."""
    where = project_facts(tmp_path, files={**READS, ".env": "OTHER=unshown\n"})
    remedy = made(where, kind="make-secret", name="SECRET_KEY")
    assert remedy is not None
    assert remedy.proposal.edit is not None
    value = re.fullmatch(r"OTHER=unshown\nSECRET_KEY=([\w-]{64})\n", remedy.proposal.edit.after.decode())
    assert value is not None
    shown = str(remedy.page())
    assert value[1] not in shown
    assert "unshown" not in shown
    assert "+SECRET_KEY=********" in shown
    assert after(where, kind="make-secret", name="SECRET_KEY") != remedy.proposal.edit.after.decode()


def test_the_example_is_copied_with_a_random_secret(tmp_path: Path):
    """Without .env, the example is copied, with the random value in its place."""
    where = project_facts(tmp_path, files={**READS, ".env.example": "A=1\nSECRET_KEY=change-me\nB=2\n"})
    text = after(where, kind="make-secret", name="SECRET_KEY")
    assert text is not None
    assert re.fullmatch(r"A=1\nSECRET_KEY=[\w-]{64}\nB=2\n", text)


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("import os\nos.getenv('SECRET_KEY')\n", "SECRET_KEY"),
        ("SECRET_KEY = env('SECRET_KEY')\n", "SECRET_KEY"),
        ("app.config.from_prefixed_env()\n", "FLASK_SECRET_KEY"),
        ("class S(BaseSettings):\n    secret_key: str\n", "SECRET_KEY"),
    ],
)
def test_the_secrets_variable_is_the_one_that_the_sources_read(tmp_path: Path, source: str, name: str):
    """The variable is the one that the sources read."""
    where = project_facts(tmp_path, files={"app.py": source})
    assert (after(where, kind="make-secret", name="SECRET_KEY") or "").startswith(f"{name}=")


def test_a_secret_that_nobody_reads_is_not_offered(tmp_path: Path):
    """A variable that no source reads is not offered: setting it would not help."""
    where = project_facts(tmp_path, files={"app.py": "app.config['SECRET_KEY']\n"})
    assert made(where, kind="make-secret", name="SECRET_KEY") is None
    assert made(where, kind="make-secret", name="DATABASE") is None


def test_an_example_is_copied_over_no_file(tmp_path: Path):
    """An example is copied to the file that it stands for, and to no other; never over one."""
    where = project_facts(tmp_path, files={".env.example": "A=1\n", "conf/local.py.example": "x = 1\n"})
    assert after(where, kind="copy-example", file=".env", example=".env.example") == "A=1\n"
    assert after(where, kind="copy-example", file="conf/local.py", example="conf/local.py.example") == "x = 1\n"
    assert made(where, kind="copy-example", file="app.py", example=".env.example") is None
    assert made(where, kind="copy-example", file="local.py", example="conf/local.py.example") is None
    (tmp_path / ".env").write_text("")
    assert made(where, kind="copy-example", file=".env", example=".env.example") is None


def test_a_file_outside_of_the_project_is_neither_shown_nor_written(tmp_path: Path):
    """A file that a link leads to outside of the project is neither shown nor written."""
    outside = tmp_path / "outside"
    outside.write_text("SECRET=shown?\n")
    root = tmp_path / "project"
    where = project_facts(root, files={".env.example": "A=1\n"})
    (root / ".env").symlink_to(outside)
    assert made(where, kind="set-variable", name="A") is None
    assert made(where, kind="copy-example", file=".env", example="../outside") is None
