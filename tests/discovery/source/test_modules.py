"""The files of a project that are looked at."""

import pytest

from appliance.discovery.source.modules import Modules, imports_of
from tests.layout import write


@pytest.mark.parametrize(
    "file",
    [
        "shop/setup_templates/manage.py",
        "shop/project_template/manage.py",
        "shop/App_Templates/app.py",
        "{{cookiecutter.name}}/manage.py",
        "shop/conf/project_name/settings.py",
    ],
)
def test_templates_are_left_out(tmp_path, file):
    """A folder of templates for new projects is not searched."""
    write(tmp_path, {"shop/app.py": "", file: ""})
    assert [path.name for path in Modules(tmp_path).files(4)] == ["app.py"]


def test_a_manage_py_with_names_to_fill_in_is_left_out(tmp_path):
    """A manage.py whose names are still to be filled in is left out, wherever it is; an f-string's braces are none."""
    write(tmp_path, {"a/manage.py": "'{{ project_name }}.settings'\n", "b/manage.py": "f'{{{x!r}}}'\n"})
    assert [str(path.relative_to(tmp_path)) for path in Modules(tmp_path).files(1)] == ["b/manage.py"]


@pytest.mark.parametrize("file", ["project_name/app.py", "site/app.py", "templating/app.py"])
def test_a_folder_with_a_similar_name_is_the_projects_own(tmp_path, file):
    """A folder of a like name is the project's own."""
    write(tmp_path, {file: ""})
    assert list(Modules(tmp_path).files(1)) == [tmp_path / file]


def test_a_link_that_leads_nowhere_is_passed_over(tmp_path):
    """A link to itself counts as missing; the other files and folders are looked at."""
    write(tmp_path, {"shop.py": ""})
    for name in ("app.py", "tests", "web"):
        (tmp_path / name).symlink_to(name)
    assert list(Modules(tmp_path).files(1, tests=True)) == [tmp_path / "shop.py"]


def test_lazy_imports_are_imports(tmp_path):
    """Python 3.15's lazy imports are found by an older Python that reads the file too."""
    write(tmp_path, {"web.py": "lazy import flask\n    lazy from shop.prices import price\nlazy = 1\n"})
    assert imports_of(tmp_path / "web.py") == {"flask", "shop"}
