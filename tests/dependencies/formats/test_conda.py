"""A conda environment, as far as pip's world can follow it."""

from pathlib import Path

import pytest

from appliance.dependencies.formats.conda import conda_python, read_conda
from appliance.errors import InstallError

FILE = Path("environment.yml")
HAND = """\
name: shop
channels:
  - conda-forge
dependencies:
  - python=3.11
  - conda-forge::flask
  - numpy=1.26.*   # pinned
  - pandas>=2
  - nodejs
  - pip
  - pip:
      - dash==2.0
      - -r more.txt
prefix: /home/me
"""
EXPORT = """\
name: base
dependencies:
  - _libgcc_mutex=0.1=main
  - ca-certificates=2022.07.19=h06a4308_0
  - flask=2.0.1=pyhd3eb1b0_0
  - libffi=3.3=he6710b0_2
  - lxml==4.9.1=py39h1edc446_0
  - numpy=1.21.5=py39he7a7128_1
  - openssl=1.1.1q=h7f8727e_0
  - pip=21.2.4=py39h06a4308_0
  - psycopg2=2.8.6=py39h3c74f83_1
  - python=3.9.12=h12debd9_1
  - pytz=2022.1=py39_0
  - requests=2.28.1=py_0
  - tzdata=2025b=h04d1e81_0
  - xz=5.2.5=h7f8727e_1
"""


def lines(*entries):
    """Return the lines for these entries, and whether there was a note about them."""
    text = "dependencies:\n" + "".join(f"  - {entry}\n" for entry in entries)
    found = read_conda(text, FILE)
    return [*found.lines], len(found.notes)


def test_pips_part_and_python_packages_of_a_conda_file_are_followed():
    """Pip's part as it is, hand-written packages by their names, nothing that is not Python."""
    found = read_conda(HAND, FILE)
    assert found.lines == ("flask", "numpy==1.26.*", "pandas>=2", "dash==2.0", "-r more.txt")
    assert conda_python(HAND) == "==3.11.*"
    (note,) = found.notes
    assert "nodejs" in note


def test_an_export_installs_its_python_packages():
    """An export's Python packages are installed at their versions; the rest is left out, and one note says so."""
    found = read_conda(EXPORT, FILE)
    assert found.lines == (
        "flask==2.0.1", "lxml==4.9.1", "numpy==1.21.5", "psycopg2-binary==2.8.6", "pytz==2022.1", "requests==2.28.1",
    )  # fmt: skip
    (note,) = found.notes
    assert "libffi=3.3=he6710b0_2" in note
    assert conda_python(EXPORT) == "==3.9.12.*"


@pytest.mark.parametrize(
    ("entry", "line", "noted"),
    [
        ("flask==2.0.1=py39_0", "flask==2.0.1", 0),
        ("flask=2.0.1=py39_0", "flask==2.0.1", 0),
        ("flask =2.0", "flask==2.0.*", 0),
        ("flask 2.0.*", "flask==2.0.*", 0),
        ("flask 2.0.1 py39_0", "flask==2.0.1", 0),
        ("flask==2.0.1=*py39*", "flask==2.0.1", 0),
        ("flask==2.0.1=*", "flask==2.0.1", 0),
        ("flask==2.0.1=", "flask==2.0.1", 0),
        ("flask=2.0.*=py39_0", "flask==2.0.*", 0),
        ("tensorflow=2.8.1=cuda112py39h01bd6f0_0", "tensorflow==2.8.1", 0),
        ("\"flask[version='2.0.1',build='py39_0']\"", "flask==2.0.1", 0),
        ("https://conda.test/linux-64/flask-2.0.1-py39_0.conda", None, 1),
        ("'flask>=2.0,<3'", "flask<3,>=2.0", 0),
        ("'flask >=2.0, <3'", "flask<3,>=2.0", 0),
        ("\"flask[version='>=2']\"", "flask>=2", 0),
        ("flask=*=py39_0", "flask", 0),
        ("conda-forge/linux-64::flask", "flask", 0),
        ("scikit-learn=1.1.1=np121py39_0", "scikit-learn==1.1.1", 0),
        ("stripe=2025b.*", "stripe", 1),
        ("numpy=1.21|1.22", "numpy", 1),
        ("tzdata=2025b.*", None, 1),
        ("pytorch=1.11", "torch==1.11.*", 0),
        ("libpq", None, 1),
        ("r-base=4", None, 1),
        ("python>=3.9", None, 0),
        ("setuptools=58", None, 0),
    ],
)
def test_an_entry_loses_its_build(entry, line, noted):
    """A build is not part of the version; a version that is not one of PyPI's is left away, conda's own is left out."""
    assert lines(entry) == ([line] if line else [], noted)


@pytest.mark.parametrize(
    "text",
    [
        "dependencies: [flask, {pip: [dash==2.0]}]\n",
        "dependencies: [flask, {pip: dash==2.0}]\n",
        "dependencies:\n- flask\n- pip: [dash==2.0]\n",
        "{dependencies: [flask, pip: [dash==2.0]]}",
    ],
)
def test_each_form_of_a_list_is_read(text):
    """YAML has more than one way to write a list."""
    assert read_conda(text, FILE).lines == ("flask", "dash==2.0")


@pytest.mark.parametrize(
    "text", ["", "name: x\n", "dependencies: 3\n", "dependencies:\n", "- flask\n", "dependencies: [1, [2]]\n"]
)
def test_a_conda_file_without_dependencies_gives_none(text):
    """A file without dependencies has none."""
    assert read_conda(text, FILE) == ((), ())
    assert not conda_python(text)


@pytest.mark.parametrize(
    "text", ["dependencies: [flask\n", "a: b: c\n", "\t- x", "x: !!python/object:os.system {}\n", "[" * 1500]
)
def test_invalid_yaml_is_reported_with_its_line(text):
    """An invalid YAML file is reported, with the line where that is known; nothing in it is run."""
    with pytest.raises(InstallError, match=r"environment.yml is not valid YAML"):
        read_conda(text, FILE)
