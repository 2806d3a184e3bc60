"""Dependencies under names of a project's own, beside the application or above it."""

import pytest

from appliance.dependencies.manifest_search import read_manifest
from tests.layout import write

_SETUP = "from setuptools import setup\nsetup(name='shop')\n"


@pytest.fixture
def source(tmp_path):
    """``source({"file": "text"}, "web")``: the files that count, for an application in this folder."""

    def source(files, application=""):
        write(tmp_path, files)
        return read_manifest(tmp_path, (), tmp_path / application if application else tmp_path).source

    return source


@pytest.mark.parametrize(
    ("files", "application", "expected"),
    [
        ({"requirements/base": "flask\n", "requirements/docs": "sphinx\n"}, "", "requirements/base"),
        ({"requirements/web.txt": "flask\n", "requirements/celery.txt": "celery\n"}, "web", "requirements/web.txt"),
        ({"requirements/shop.txt": "flask\n", "requirements/tests.txt": "pytest\n"}, "", "requirements/shop.txt"),
        ({"requirements/py3.txt": "flask\n", "requirements/py27.txt": "flask<2\n"}, "", "requirements/py3.txt"),
        (
            {"requirements/a.txt": "flask\n", "requirements/b.txt": "jinja2\n"},
            "",
            "requirements/a.txt, requirements/b.txt",
        ),
        (
            {"requirements/shop.txt": "flask\n", "requirements/b.txt": "x\n", "setup.py": _SETUP},
            "",
            "requirements/shop.txt",
        ),
        ({"deps.txt": "flask\n"}, "", "deps.txt"),
        ({"req.txt": "flask\n", "constraints.txt": "jinja2==3\n"}, "", "req.txt"),
        ({"Requirements.txt": "flask\n"}, "", "Requirements.txt"),
        ({"requirement.txt": "flask\n"}, "", "requirement.txt"),
        ({"requirements_py3.txt": "flask\n"}, "", "requirements_py3.txt"),
        ({"requirements.prod.txt": "flask\n", "requirements.test.txt": "pytest\n"}, "", "requirements.prod.txt"),
        ({"pip-requirements": "flask\n"}, "", "pip-requirements"),
        ({"dependencies.txt": "flask==2.0 --hash=sha256:0\n-r more.txt\n", "more.txt": "x\n"}, "", "dependencies.txt"),
        ({"backend/api/reqs/main.txt": "flask\n"}, "backend/api", "backend/api/reqs/main.txt"),
        ({"backend/deps.txt": "flask\n", "worker/deps.txt": "celery\n"}, "backend/api", "backend/deps.txt"),
        ({"pyproject.toml": "[project]\nname = 'x'\nversion = '1'\n", "req.txt": "flask\n"}, "", "req.txt"),
        ({"setup.py": _SETUP, "api/requirements.txt": "flask\n"}, "api", "api/requirements.txt"),
    ],
)
def test_a_file_of_requirements_counts_whatever_its_name(source, files, application, expected):
    """A file whose name and lines are a requirements file's counts, the one of this part of the project first."""
    assert source(files, application) == expected


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"requirements.md": "flask\n"}, "none"),
        ({"requirements_notes.txt": "The shop shall sell tea.\nAnd coffee: always.\n"}, "none"),
        ({"deps.txt": "# nothing yet\n"}, "none"),
        ({"deps.txt": "\x00\x01\x02"}, "none"),
        ({"test-requirements.txt": "pytest\n", "docs-requirements.txt": "sphinx\n"}, "none"),
        ({"readthedocs.pip": "sphinx\n", "requirements/install.pip": "flask\n"}, "requirements/install.pip"),
        ({"pyproject.toml": "[project]\nname = 'x'\nversion = '1'\n"}, "pyproject.toml"),
        ({"setup.py": _SETUP}, "setup.py"),
        ({"requirements.txt": "", "deps.txt": "flask\n"}, "requirements.txt"),
        (
            {"pyproject.toml": "[project]\nname = 'x'\nversion = '1'\ndependencies = ['x']\n", "req.txt": "y\n"},
            "pyproject.toml",
        ),
    ],
)
def test_a_text_that_is_not_requirements_counts_for_nothing(source, files, expected):
    """A text that is not a list of requirements counts for nothing, and what says more by itself comes first."""
    assert source(files) == expected
