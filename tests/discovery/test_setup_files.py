"""setup.cfg and setup.py, read and never run."""

import pytest

from appliance.discovery.setup_files import Setup, read_setup

CALL = "from setuptools import setup\n{before}\nsetup(name='shop', {arguments})\n"


@pytest.mark.parametrize(
    ("before", "arguments", "requires"),
    [
        ("", "install_requires=['tea', 'cup>=1']", ("tea", "cup>=1")),
        ("needs = ['tea']\nmore = needs + ['cup']", "install_requires=more", ("tea", "cup")),
        ("needs = ['tea']", "install_requires=[*needs, 'cup']", ("tea", "cup")),
        ("", "install_requires='''tea\n  cup  # two'''", ("tea", "cup")),
        ("", "install_requires='tea cup'.split()", ("tea", "cup")),
        ("kw = dict(install_requires=['tea'])", "**kw", ("tea",)),
        ("def needs(name): ...", "install_requires=needs('default.txt')", ("-r requirements/default.txt",)),
        ("given = dict\nkw = {'install_requires': ['tea']}", "**kw", ("tea",)),
        ("", "install_requires=open('requirements.txt').read().splitlines()", ("-r requirements.txt",)),
        (
            "with open('requirements.txt') as f:\n  needs = [line.strip() for line in f]",
            "install_requires=needs",
            ("-r requirements.txt",),
        ),
        ("def read(f): ...", "install_requires=read('reqs/base.txt')", ("-r reqs/base.txt",)),
        ("needs = ['tea']\nneeds = needs + ['cup']", "install_requires=needs", ("tea", "cup")),
        ("needs = ['tea']\nneeds += ['cup']\nneeds.append('pot')", "install_requires=needs", ("tea", "cup", "pot")),
        ("needs: list = ['tea']\nneeds.extend(['cup'])", "install_requires=needs", ("tea", "cup")),
        ("needs = ['tea']\nif old:\n  needs += ['cup']", "install_requires=needs", ("tea",)),
        ("if old:\n  needs = ['tea']\nelse:\n  needs = ['cup']", "install_requires=needs", ("cup",)),
        ("", "packages=[]", ()),
    ],
)
def test_the_needs_of_setup_py_are_read_in_each_usual_form(tmp_path, before, arguments, requires):
    """Literals, names bound to them, and the usual ways to read a requirements file."""
    (tmp_path / "setup.py").write_text(CALL.format(before=before, arguments=arguments))
    (tmp_path / "requirements.txt").touch()
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements/default.txt").touch()
    (tmp_path / "reqs").mkdir()
    (tmp_path / "reqs/base.txt").touch()
    found = read_setup(tmp_path)
    assert found is not None
    assert (found.name, found.requires) == ("shop", requires)


def test_needs_that_only_running_would_tell_are_unknown(tmp_path):
    """A program that works out its needs is not run: they are unknown."""
    touched = tmp_path / "touched"
    text = f"open({str(touched)!r}, 'w')\ndef f(): ...\nfrom setuptools import setup\nsetup(install_requires=f())\n"
    (tmp_path / "setup.py").write_text(text)
    found = read_setup(tmp_path)
    assert found is not None
    assert found.requires is None
    assert not touched.exists()


def test_extras_entry_points_and_extensions_of_setup_py_are_read(tmp_path):
    """Extras, entry points in both their forms, the folder of the packages, extension modules."""
    arguments = (
        "version='1', extras_require={'dev': ['pytest']}, package_dir={'': 'src'}, ext_modules=[1], "
        "entry_points={'paste.app_factory': ['main = shop:main'], 'console_scripts': 'shop = shop.cli:run'}"
    )
    (tmp_path / "setup.py").write_text(CALL.format(before="", arguments=arguments))
    found = read_setup(tmp_path)
    assert found is not None
    assert (found.version, found.extras, found.package_root, found.compiled) == ("1", {"dev": ("pytest",)}, "src", True)
    assert found.entry_points == {
        "paste.app_factory": {"main": "shop:main"},
        "console_scripts": {"shop": "shop.cli:run"},
    }
    text = "'''\n  [paste.app_factory]\n  main = shop:main\n'''"
    (tmp_path / "setup.py").write_text(CALL.format(before="", arguments=f"entry_points={text}"))
    again = read_setup(tmp_path)
    assert again is not None
    assert again.entry_points == {"paste.app_factory": {"main": "shop:main"}}


def test_setup_cfg_follows_setup_py(tmp_path):
    """The declarative form, with the case of its names; setup.py's words come first."""
    (tmp_path / "setup.cfg").write_text(
        "[metadata]\nname = shop\nversion = attr: shop.__version__\n"
        "[options]\npackage_dir =\n    = src\npython_requires = >=3.10\n"
        "install_requires =\n    tea>=1  # hot\n    cup\n"
        "[options.extras_require]\ndev = pytest\n"
        "[options.entry_points]\npaste.app_factory =\n    Main = shop:main\n"
    )
    (tmp_path / "setup.py").write_text("from setuptools import setup\nsetup()\n")
    found = read_setup(tmp_path)
    assert found is not None
    assert (found.name, found.requires, found.package_root) == ("shop", ("tea>=1", "cup"), "src")
    assert (found.extras, found.python) == ({"dev": ("pytest",)}, ">=3.10")
    assert found.entry_points == {"paste.app_factory": {"Main": "shop:main"}}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("import setuptools as s\ns.setup(name='shop')\n", "shop"),
        ("from distutils import core\ncore.setup(name='shop')\n", "shop"),
        ("NAME = 'shop'\nsetup(name=NAME)\n", "shop"),
        ("given = {}\ngiven.update(name='shop')\nsetup(**given)\n", "shop"),
        ("do_setup(name='shop', version='1')\n", "shop"),
        ("print 'old'\nsetup(name='shop')\n", "shop"),
        ("setup(name=about['title'])\n", ""),
    ],
)
def test_the_name_of_any_setup_call_is_found(tmp_path, text, name):
    """The name is found for any setup() function, and also where this Python can't parse the file."""
    (tmp_path / "setup.py").write_text(text)
    found = read_setup(tmp_path)
    assert found is not None
    assert found.name == name


def test_only_name_and_version_are_read_from_a_file_of_python_2(tmp_path):
    """From a file that this Python can't parse only the name and the version are read."""
    (tmp_path / "setup.py").write_text("print 'old'\nsetup(name='shop', version='1.2', install_requires=['tea'])\n")
    assert read_setup(tmp_path) == Setup("shop", "1.2", None)


@pytest.mark.parametrize(
    "text",
    [
        "kw = {**kw}\nsetup(name='shop', **kw)\n",
        "a = b\nb = a\nsetup(name='shop', install_requires=a)\n",
        "a = [b]\nb = [a]\nsetup(name='shop', install_requires=a)\n",
        f"setup(name='shop', install_requires={'+'.join(['[]'] * 700)})\n",
        f"setup(name='shop', install_requires={'+'.join(['[]'] * 9000)})\n",
    ],
    ids=["dict", "names", "lists", "long", "longer"],
)
def test_circular_names_and_endless_expressions_end(tmp_path, text):
    """Names that stand for each other, and expressions of a thousand parts, end."""
    (tmp_path / "setup.py").write_text(text)
    found = read_setup(tmp_path)
    assert found is not None
    assert found.name == "shop"


@pytest.mark.parametrize(
    ("written", "group"),
    [
        ("{'console_scripts': ['shop = shop:main [web]', 'n = %s:main' % name]}", {"shop": "shop:main [web]"}),
        ("{'console_scripts': ['shop = shop:main', unknown(), f'{name} = a:b']}", {"shop": "shop:main"}),
        ("dict(console_scripts='shop = shop:main')", {"shop": "shop:main"}),
        ("dedent('''\n  [console_scripts]\n  shop=shop:main\n''')", {"shop": "shop:main"}),
        ("'no section'", None),
    ],
)
def test_entry_points_however_they_are_written(tmp_path, written, group):
    """Visible entry points are taken, except for those that are not an object of a module."""
    (tmp_path / "setup.py").write_text(f"setup(name='shop', entry_points={written})\n")
    found = read_setup(tmp_path)
    assert found is not None
    assert found.entry_points == ({} if group is None else {"console_scripts": group})


@pytest.mark.parametrize("text", ["print('no call')", "def broken(", ""])
def test_a_setup_py_that_sets_nothing_up_says_nothing(tmp_path, text):
    """A file of that name which sets nothing up says nothing."""
    (tmp_path / "setup.py").write_text(text)
    assert read_setup(tmp_path) is None
