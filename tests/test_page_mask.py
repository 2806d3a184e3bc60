"""Which values a page masks."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.masking import MASKED, page_mask


@pytest.mark.parametrize(
    ("name", "value", "masked"),
    [
        ("SHOP_PIN", "74551-x", True),
        ("GREETING", "hello there", True),
        ("DB_NAME", "shop_main", True),
        ("KEY", "line one\nline two", True),
        ("DEBUG", "false", False),
        ("PORT", "8000", False),
        ("HOST", "localhost", False),
        ("ENV", "development", False),
        ("SHORT", "abcd", False),
        ("FIVE", "abcde", True),
        ("LONG", "x" * 4096, True),
        ("LONGER", "x" * 4097, False),
        ("FLASK_APP", "shopping:make", False),
        ("DJANGO_SETTINGS_MODULE", "shop.settings", False),
        ("SETTINGS", "mysite.settings", False),
        ("TARGET", "mysite.settings:application", False),
        ("PACKAGE", "mysite.parts", False),
        ("GONE", "mysite.nothing", True),
        ("NUL", "mysite\0x", False),
        ("DATA", "data.json", False),
    ],
)
def test_values_of_env_files_are_masked(name: str, value: str, masked: bool, tmp_path: Path):
    """Every value of an .env file is masked, except for those that say nothing or name a part of the project."""
    (tmp_path / "mysite" / "parts").mkdir(parents=True)
    (tmp_path / "mysite" / "settings.py").touch()
    (tmp_path / "data.json").touch()
    mask = page_mask({name: value}, [name], str(tmp_path))
    shown = mask.masked(f"<{value}>")
    assert (MASKED in shown) is masked
    assert all(line not in shown for line in value.split("\n") if masked)


def test_a_part_of_the_projects_path_is_not_masked(tmp_path: Path):
    """A folder above the project is named on each page, and is not masked."""
    mask = page_mask({"HOME_OF": tmp_path.name}, ["HOME_OF"], str(tmp_path))
    assert mask.masked(str(tmp_path)) == str(tmp_path)


def test_each_name_of_the_files_is_looked_up(tmp_path: Path):
    """A public name does not end the list; a name that is not in the environment is not a secret."""
    mask = page_mask(
        {"FLASK_APP": "shopping:make", "GREETING": "hello there"}, ["FLASK_APP", "GONE", "GREETING"], str(tmp_path)
    )
    assert mask.values == ("hello there",)


def test_variables_with_secret_names_are_masked(tmp_path: Path):
    """Other variables with a secret's name are masked, as in the log."""
    mask = page_mask({"API_TOKEN": "abcdefgh", "HOME_TOWN": "Springfield"}, [], str(tmp_path))
    assert mask.masked("abcdefgh Springfield") == f"{MASKED} Springfield"
