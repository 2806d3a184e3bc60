"""The facts about a project in its folder's files."""

import pytest

from appliance.dependencies.dependency_selection import DependencySelection
from appliance.dependencies.source_tree import read_source_tree


@pytest.fixture
def read(tmp_path):
    """``read({"pyproject.toml": ".."})``: the project of such files."""

    def read(files):
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        tree = read_source_tree(tmp_path, DependencySelection())
        assert tree is not None
        return tree

    return read


def test_the_standards_tables_say_where_the_source_folder_is(read):
    """The standard's tables."""
    tree = read(
        {
            "pyproject.toml": '[project]\nname = "shop"\nversion = "1"\ndependencies = ["tea"]\n'
            '[project.scripts]\nshop = "shop.cli:run"\n[project.entry-points."paste.app_factory"]\nmain = "shop:main"\n'
        }
    )
    assert (tree.name, tree.version, tree.requires) == ("shop", "1", ("tea",))
    assert tree.entry_points == {
        "console_scripts": {"shop": "shop.cli:run"},
        "paste.app_factory": {"main": "shop:main"},
    }


@pytest.mark.parametrize(
    "files",
    [
        {
            "pyproject.toml": '[project]\nname = "shop"\ndynamic = ["version"]\n',
            "shop/__init__.py": "__version__ = '7.1'",
        },
        {
            "pyproject.toml": '[project]\nname = "the-shop"\ndynamic = ["version"]\n'
            '[tool.hatch.version]\npath = "about.py"\n',
            "about.py": 'version: str = "7.1"',
        },
        {
            "setup.cfg": "[metadata]\nname = the-shop\nversion = attr: store.about.__version__\n",
            "src/store/about.py": "__version__ = '7.1'",
        },
        {"setup.cfg": "[metadata]\nname = shop\nversion = 7.1\n"},
    ],
)
def test_a_version_is_found_without_a_build(read, files):
    """The version is found in the files that the usual tools read."""
    assert read(files).version == "7.1"


def test_a_version_that_only_a_build_knows_counts_as_0(read):
    """A version that only a build could tell counts as 0, and nothing fails."""
    assert read({"pyproject.toml": '[project]\nname = "shop"\ndynamic = ["version"]\n'}).version == "0"


@pytest.mark.parametrize(
    ("files", "root"),
    [
        ({"setup.py": "from setuptools import setup\nsetup(name='s')", "s/__init__.py": ""}, ""),
        ({"setup.py": "from setuptools import setup\nsetup(name='s')", "src/s/__init__.py": ""}, "src"),
        ({"setup.py": "from setuptools import setup\nsetup(package_dir={'': 'lib'})", "lib/s.py": ""}, "lib"),
        (
            {
                "pyproject.toml": '[tool.poetry]\nname = "s"\npackages = [{include = "s", from = "python"}]\n',
                "python/s/__init__.py": "",
            },
            "python",
        ),
        ({"pyproject.toml": '[project]\nname = "src"\n', "src/__init__.py": "", "src/a/__init__.py": ""}, ""),
    ],
)
def test_the_named_folder_holds_the_modules_else_src(read, tmp_path, files, root):
    """The folder that a project names has its modules, else src, else its own folder; a package called src has not."""
    assert read(files).roots == (tmp_path / root,)


@pytest.mark.parametrize(
    ("written", "name", "version"),
    [
        ('name = "my shop"\nversion = "1"', "my-shop", "1"),
        ('name = "../shop"\nversion = "1"', "shop", "1"),
        ('name = "shop\\nRequires-Dist: tea"\nversion = "1\\n2"', "shop-Requires-Dist-tea", "0"),
        ('name = "shop"\nversion = "one"', "shop", "0"),
        ("name = 3\nversion = 1", "", "0"),
    ],
)
def test_names_that_no_tool_would_accept_harm_no_written_file(read, written, name, version):
    """A name and a version that no tool would take harm nothing that is written under them."""
    tree = read({"pyproject.toml": f"[project]\n{written}\n"})
    assert (tree.name, tree.version) == (name, version)


def test_a_project_without_a_package_has_needs_but_no_name(read, tmp_path):
    """Poetry's package-mode = false has needs but no name; a file of tools' settings describes nothing."""
    tree = read({"pyproject.toml": '[tool.poetry]\npackage-mode = false\n[tool.poetry.dependencies]\ntea = "*"\n'})
    assert (tree.name, tree.requires) == ("", ("tea",))
    (tmp_path / "pyproject.toml").write_text("[tool.ruff]\n")
    assert read_source_tree(tmp_path, DependencySelection()) is None
