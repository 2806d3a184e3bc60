"""What is generated from the table is what is in the repository."""

from pathlib import Path

import pytest

from appliance.config.env import load_environment
from appliance.config.settings import TABLE, documentation, environment_file, help_table, read_settings

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("name", "text"), [(".env.example", environment_file()), ("docs/settings.md", documentation())]
)
def test_the_files_are_the_codes(name, text):
    """A change of the table without its files fails here; the assertion's difference is what to write."""
    assert (ROOT / name).read_text("utf-8") == text


def test_the_example_can_be_taken_over(tmp_path):
    """With every # taken away, .env.example is a file that is read, and that holds every setting once."""
    text = environment_file()
    lines = [line[1:] for line in text.splitlines() if line.startswith("#") and not line.startswith("# ")]
    (tmp_path / ".env").write_text("\n".join(lines))
    values = load_environment({}, tmp_path).values
    ours = {name: value for name, value in values.items() if name.startswith("APPLIANCE_")}
    assert set(ours) == {*(setting.variable for setting in TABLE), "APPLIANCE_IMAGE"}
    assert set(values) - set(ours) == {"PROJECT_DIR", "PUBLISH_PORT"}
    read_settings(ours, dict.fromkeys(ours, "environment"), {}, tmp_path)


def test_help_has_a_line_for_each():
    """Every setting is a flag, and its help survives argparse's formatting."""
    rows = help_table()
    assert [flag for flag, _, _ in rows] == [setting.flag for setting in TABLE]
    assert all(words % {} for _, _, words in rows)
