"""PasteDeploy's files: which is taken, which of its sections, and what its eggs mean."""

import pytest

INI = "[app:main]\nuse = egg:shop\n"
MAIN = (
    "from pyramid.config import Configurator\ndef main(global_config, **settings):\n"
    "    config = Configurator(settings=settings)\n    return config.make_wsgi_app()\n"
)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"development.ini": INI, "production.ini": INI, "a.ini": INI}, "development.ini#main"),
        ({"production.ini": INI, "shop.ini": INI}, "shop.ini#main"),
        ({"production.ini": INI}, "production.ini#main"),
        ({"site.ini": "[pipeline:main]\npipeline = a b\n[app:b]\nuse = egg:b\n"}, "site.ini#main"),
        ({"site.ini": "[app:shop]\nuse = call:shop:make\n"}, "site.ini#shop"),
        ({"test-core.ini": INI, "production.ini": INI}, "production.ini#main"),
        ({"testing.ini": INI}, "testing.ini#main"),
        ({"alembic.ini": "[app:main]\n", "tox.ini": "[app:main]\n", "b.ini": INI}, "b.ini#main"),
        ({"development.ini": "[server:main]\nport = %(port)s\n", "b.ini": INI + "x = %%\n"}, "b.ini#main"),
    ],
)
def test_the_file_for_development_and_its_main_section_come_first(find, files, expected):
    """The file for development comes first, main or the only application of it is meant."""
    target = find(files)
    assert (target.kind, target.name) == ("paste", expected)


@pytest.mark.parametrize(
    "declared",
    [
        {"setup.py": "import setuptools as s\ns.setup(name='shop', entry_points={'paste.app_factory': ['main = {}']})"},
        {
            "setup.py": "import setuptools as s\ns.setup(name='shop', entry_points='''\n[console_scripts]\nx = y:z\n"
            "[paste.app_factory]\nmain = {}\n''')\n"
        },
        {"setup.cfg": "[metadata]\nname = shop\n[options.entry_points]\npaste.app_factory =\n    main = {}\n"},
        {"pyproject.toml": '[project]\nname = "shop"\n[project.entry-points."paste.app_factory"]\nmain = "{}"\n'},
        {"pyproject.toml": '[tool.poetry]\nname = "shop"\n[tool.poetry.plugins."paste.app_factory"]\nmain = "{}"\n'},
    ],
    ids=["setup.py", "setup.py as text", "setup.cfg", "pyproject.toml", "poetry"],
)
def test_an_eggs_entry_points_are_read_from_the_files_that_declare_them(find, declared):
    """The project is not installed: its entry points are read from what declares them."""
    files = {name: text.replace("{}", "shop.web:make") for name, text in declared.items()}
    target = find({**files, "development.ini": INI})
    assert target.keywords["entries"] == {"main": "shop.web:make"}
    assert "shop" in target.keywords["own"]


def test_an_egg_that_nothing_declares_means_main_of_the_package(find):
    """Without a declaration it is main() of the project's own package."""
    files = {"pyproject.toml": '[project]\nname = "shop"\n', "shop/__init__.py": MAIN, "development.ini": INI}
    assert find(files).keywords["entries"] == {"main": "shop:main"}


def test_a_file_for_tests_comes_after_every_other_rule(find):
    """A file for tests is not what a developer starts: a wsgi.py has priority."""
    for text in ("def application(environ, start_response):\n    return []\n", "application = unknown()\n"):
        assert find({"test-core.ini": INI, "wsgi.py": text}).name == "wsgi:application"


@pytest.mark.parametrize("unused", ["global_config", "global_conf", "_global_config", "_"])
def test_pyramids_main_needs_no_settings_file(find, unused):
    """Pyramid's main() is called with no settings where there is no file of them."""
    main = MAIN.replace("global_config", unused)
    target = find({"pyproject.toml": '[project]\nname = "shop"\n', "shop/__init__.py": main})
    assert (target.module, target.attribute, target.call, target.arguments) == ("shop", "main", "yes", ({},))


def test_several_applications_need_a_choice(find, refuse):
    """Several applications, none called main, are passed over; APPLIANCE_APP says which."""
    files = {"site.ini": "[app:a]\nuse = egg:a\n[app:b]\nuse = egg:b\n"}
    refuse(files)
    assert find(files, app="site.ini#b").name == "site.ini#b"


def test_a_missing_section_is_answered_with_those_that_exist(refuse):
    """The error for an APPLIANCE_APP that names no section lists the sections."""
    error = refuse({"site.ini": INI}, app="site.ini#shop")
    assert "main" in error.expected
