"""Poetry's constraints and the tables of Poetry and Pipenv, as the standard writes them."""

import pytest
from packaging.requirements import Requirement

from appliance.dependencies.formats.dependency_spec import read_specs, specifier


@pytest.mark.parametrize(
    ("constraint", "standard"),
    [
        ("^1.2.3", ">=1.2.3,<2"),
        ("^1.2", ">=1.2,<2"),
        ("^1", ">=1,<2"),
        ("^0.2.3", ">=0.2.3,<0.3"),
        ("^0.0.3", ">=0.0.3,<0.0.4"),
        ("^0.0", ">=0.0,<0.1"),
        ("^0", ">=0,<1"),
        ("^1.0.0b2", ">=1.0.0b2,<2"),
        ("~1.2.3", ">=1.2.3,<1.3"),
        ("~1.2", ">=1.2,<1.3"),
        ("~1", ">=1,<2"),
        ("~=1.4", "~=1.4"),
        ("*", ""),
        ("1.*", "==1.*"),
        ("1.2.3", "==1.2.3"),
        (">= 1.2, < 1.5", ">=1.2,<1.5"),
        (">=3.7 <4", ">=3.7,<4"),
        ("^2 || ^3", ">=3,<4"),
        ("!=2", "!=2"),
    ],
)
def test_poetrys_constraints_are_translated(constraint, standard):
    """The examples of Poetry's documentation."""
    assert specifier(constraint) == standard


@pytest.mark.parametrize(
    ("value", "lines"),
    [
        ("^1", ["tea>=1,<2"]),
        ({"version": "*", "extras": ["hot", "iced"]}, ["tea[hot,iced]"]),
        ({"version": "2", "python": "^3.9"}, ["tea==2 ; python_full_version >= '3.9' and python_full_version < '4'"]),
        ({"version": "*", "sys_platform": "== 'win32'"}, ["tea ; sys_platform == 'win32'"]),
        ({"version": "*", "platform": "linux"}, ["tea ; sys_platform == 'linux'"]),
        ([{"version": "1", "markers": "a"}, {"version": "2"}], ["tea==1 ; a", "tea==2"]),
        ({"git": "https://x.test/t.git", "tag": "v1"}, ["tea @ git+https://x.test/t.git@v1"]),
        ({"git": "git@x.test:a/t.git", "subdirectory": "py"}, ["tea @ git+ssh://git@x.test/a/t.git#subdirectory=py"]),
        ({"url": "https://x.test/t.whl"}, ["tea @ https://x.test/t.whl"]),
        ({"path": "../tea", "develop": True}, ["-e ./../tea"]),
        ({"path": "tea.whl"}, ["./tea.whl"]),
        ({"path": "/opt/tea", "markers": "a"}, ["-e /opt/tea ; a"]),
        ({"file": "wheels/tea-1.tgz", "extras": ["hot"]}, ["./wheels/tea-1.tgz[hot]"]),
        ({"file": "https://x.test/t.whl"}, ["tea @ https://x.test/t.whl"]),
        (3, []),
    ],
)
def test_each_table_becomes_lines(value, lines):
    """Every shape of an entry becomes lines that the standard's parser takes."""
    assert [spec.line() for spec in read_specs("tea", value)] == lines
    for line in lines:
        if not line.startswith(("-", "./")) and "; a" not in line:
            Requirement(line)
