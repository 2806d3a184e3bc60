"""Requirements files: includes, and the project itself."""

import pytest

from appliance.dependencies.requirements import read_requirements
from appliance.errors import InstallError


@pytest.fixture
def read(tmp_path):
    """``read({"requirements.txt": ".."})``: the first file and all that it includes."""

    def read(files):
        for name, content in files.items():
            file = tmp_path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_requirements(tmp_path, (tmp_path / next(iter(files)),))

    return read


@pytest.mark.parametrize(
    "option", ["-r other.txt", "-rother.txt", "--requirement other.txt", "--requirement=other.txt"]
)
def test_includes_are_read(read, tmp_path, option):
    """Every way to write an include is followed, relative to the file that holds it."""
    found = read({"a/main.txt": f"flask\n{option}  # more\n", "a/other.txt": "click\n"})
    assert found.files == (tmp_path / "a/main.txt", tmp_path / "a/other.txt")
    assert found.flat.split() == ["flask", "click"]


def test_constraints_are_read_and_named_in_full(read, tmp_path):
    """A file of constraints counts, and a flattened file can name it from elsewhere."""
    found = read({"r.txt": "-c limits.txt\nflask\n", "limits.txt": "flask<4\n"})
    assert found.files[1:] == (tmp_path / "limits.txt",)
    assert found.flat == f"-c {tmp_path / 'limits.txt'}\nflask\n"


def test_files_that_include_each_other_are_read_once(read):
    """Files that include each other are read once; what lies elsewhere is the installer's business."""
    found = read({"a.txt": "-r b.txt\n-r https://example.org/r.txt\n", "b.txt": "-r a.txt\nclick\n"})
    assert [file.name for file in found.files] == ["a.txt", "b.txt"]
    assert found.flat == "click\n-r https://example.org/r.txt\n"


@pytest.mark.parametrize(
    ("line", "extras"),
    [
        ("-e .", ()),
        ("--editable=.", ()),
        (".", ()),
        ("-e .[dev, test]  # us", ("dev", "test")),
        ("file:.", ()),
        ("./", ()),
    ],
)
def test_the_project_itself_is_left_out(read, line, extras):
    """A line that would build the project in the mount brings what the project needs, with its extras, instead."""
    needs = "".join(f"{extra} = ['{extra}-tool']\n" for extra in ("dev", "test", "docs"))
    pyproject = "[project]\nname = 'shop'\ndependencies = ['tea']\n[project.optional-dependencies]\n" + needs
    found = read({"r.txt": f"flask\n{line}\n", "pyproject.toml": pyproject})
    assert found.flat.split() == ["flask", "tea", *(f"{extra}-tool" for extra in extras)]
    assert [tree.name for tree in found.trees] == ["shop"]


FROZEN = """blinker==1.8.2
click @ file:///C:/ci/click_1646056610594/work
Flask[async] @ file:///home/conda/feedstock_root/build_artifacts/flask_1652109131454/work ; python_version > "3"
itsdangerous @ file:///tmp/build/80754af9/itsdangerous_1607707115595/work
mkl-fft @ file:///opt/conda/conda-bld/mkl_fft_1695058164594/work
Jinja2 @ file:///home/conda/feedstock_root/build_artifacts/jinja2/work/dist/jinja2-3.1-py3-none-any.whl#sha256=00
own @ file:///home/me/own
backports==1.0;python_version<="3.8"
"""
EXPORTED = """# $ conda create --name <env> --file <this file>
_libgcc_mutex=0.1=main
flask=2.1.3=py39h06a4308_0
gunicorn=20.1.0=pypi_0
openssl=1.1.1q=h7f8727e_0
python=3.9.12=h12debd9_1
"""


def test_a_freeze_of_condas_packages_is_installed_from_the_index(read):
    """A folder in which conda built a package is on no other machine: the package is installed in any version."""
    found = read({"requirements.txt": FROZEN})
    assert found.flat.splitlines() == [
        "blinker==1.8.2",
        "click",
        'Flask[async] ; python_version > "3"',
        "itsdangerous",
        "Jinja2",
        "own @ file:///home/me/own",
        'backports==1.0;python_version<="3.8"',
    ]
    (note,) = found.notes
    assert note.startswith("requirements.txt has lines of conda's")
    assert "left out, because only conda has them: mkl-fft; installed in any version" in note
    assert not found.as_written


def test_an_export_of_conda_is_installed_from_the_index(read):
    """A list that conda exports is translated: a build belongs to no version, and what only conda has is left out."""
    found = read({"requirements.txt": EXPORTED})
    assert found.flat.splitlines()[1:] == ["flask==2.1.3", "gunicorn==20.1.0"]
    assert "left out, because only conda has them: _libgcc_mutex=0.1=main, openssl=1.1.1q=h7f8727e_0" in found.notes[0]


def test_an_editable_project_without_a_description_is_served_from_its_folder(read):
    """``-e .`` where nothing describes the project means nothing: it is served from its folder anyway."""
    found = read({"r.txt": "flask\n-e .\n"})
    assert (found.trees, found.flat, found.as_written) == ((), "flask\n", False)


@pytest.mark.parametrize(
    "line",
    [
        "-e ./libs/one",
        "-e file:///${PROJECT_ROOT}/libs/one#egg=one",
        "./libs/one",
        "libs/one",
        "--editable libs/one",
        "one @ file:./libs/one",
        "-e libs/one[fast]  # ours",
    ],
)
def test_a_library_in_a_folder_is_not_built(read, tmp_path, line):
    """A folder that can be read without building it gives its needs, and is linked."""
    setup = "from setuptools import setup\nsetup(name='one', install_requires=['tea'], extras_require={'fast': ['go']})"
    found = read({"r.txt": line, "libs/one/setup.py": setup})
    assert [tree.folder for tree in found.trees] == [tmp_path / "libs/one"]
    assert found.flat.split() == (["tea", "go"] if "fast" in line else ["tea"])


def test_a_linked_library_meets_what_others_require_of_it(read):
    """A library that needs its sibling gets the linked folder, with its extras; no index is asked for it."""
    web = "[project]\nname = 'shop-web'\ndependencies = ['Shop_Core[fast]>=1 ; python_version > \"3\"', 'flask']\n"
    core = "[project]\nname = 'shop-core'\ndependencies = ['tea']\noptional-dependencies.fast = ['go']\n"
    files = {"libs/web/pyproject.toml": web, "libs/core/pyproject.toml": core}
    found = read({"r.txt": "-e ./libs/web\n-e ./libs/core\nshop-core-extra\n", **files})
    assert found.flat.split() == ["flask", "tea", "shop-core-extra", "go"]


@pytest.mark.parametrize(
    "setup",
    ["from setuptools import setup\nsetup(name='one', ext_modules=[x])", "setup(install_requires=work_out())", None],
)
def test_a_library_that_must_be_built_stays_a_line(read, tmp_path, setup):
    """A folder that only a build can tell about stays a line, with a path that holds from anywhere."""
    line = "./one[fast] ; python_version > '3'"
    files = {"r.txt": f"-e {line}\n", "one/x.py": ""} | ({"one/setup.py": setup} if setup else {})
    assert read(files).flat == f"-e {tmp_path}/{line.removeprefix('./')}\n"


@pytest.mark.parametrize("line", ["../other", ".hidden", "# -e .", "git+https://example.org/x#egg=x", "./x.whl"])
def test_archives_and_repositories_stay_as_they_are(read, line):
    """Archives, repositories and comments are none of our business."""
    assert read({"r.txt": line}).flat == line + "\n"


@pytest.mark.parametrize(
    "line", ["-e git+https://example.org/x.git@v1#egg=x[y]", "--editable=git+https://example.org/x  # ours"]
)
def test_an_editable_repository_is_installed_as_a_package(read, line):
    """A line of `pip freeze` for a checkout is installed from the repository: uv has no editable ones."""
    found = read({"r.txt": f"{line}\n"})
    assert found.flat == line.partition("  ")[0].removeprefix("-e ").removeprefix("--editable=") + "\n"
    assert not found.as_written


def test_the_projects_own_repository_is_the_project(read, tmp_path):
    """A line that `pip freeze` writes for the project itself is ``-e .``: its repository may be private, or moved."""
    own = "-e git+ssh://git@example.org/shop.git@0123abc#egg=My_Shop&subdirectory=web\n"
    setup = 'from setuptools import setup\nsetup(name="my-shop", install_requires=["flask"])\n'
    found = read({"r.txt": own + "click==8.1\n", "setup.py": setup})
    assert found.flat.split() == ["flask", "click==8.1"]
    assert [tree.folder for tree in found.trees] == [tmp_path]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("./wheels/x-1.whl --hash=sha256:00", "{uri} --hash=sha256:00"),
        ("wheels/x-1.whl ; python_version > '3'", "{uri} ; python_version > '3'"),
        ("x[y] @ file:wheels/x-1.whl", "x[y] @ {uri}"),
        ("../wheels/x-1.whl", "{uri}"),
    ],
)
def test_an_archive_is_named_in_full(read, tmp_path, line, expected):
    """An archive is found where pip is started, or beside the file, wherever the installer runs."""
    (tmp_path / "wheels").mkdir()
    (tmp_path / "wheels/x-1.whl").touch()
    found = read({"requirements/dev.txt": f"{line}\n"})
    assert found.flat == expected.format(uri=(tmp_path / "wheels/x-1.whl").as_uri()) + "\n"
    assert not found.as_written


@pytest.mark.parametrize(
    ("data", "as_written"),
    [("# café\nflask\n", True), ("# café\nflask\n".encode("latin-1"), False), ("# no end\nflask\\", False)],
)
def test_a_comment_in_another_encoding_does_no_harm(read, data, as_written):
    """A file that is not UTF-8, or ends within a line, is handed on as a text that the installer takes."""
    found = read({"r.txt": data})
    assert found.flat.splitlines()[1] == "flask"
    assert found.as_written is as_written


def test_a_backslash_continues_a_line(read):
    """A backslash joins a line with the next, so that hashes stay with their package."""
    found = read({"r.txt": "flask==3 \\\n  --hash=sha256:00\n-r \\\nmore.txt\n", "more.txt": ""})
    assert found.flat.startswith("flask==3   --hash=sha256:00")
    assert [file.name for file in found.files] == ["r.txt", "more.txt"]


def test_a_requirements_file_of_windows_is_read(read):
    """A file that PowerShell wrote in UTF-16 is read as pip reads it."""
    assert read({"r.txt": "flask\n".encode("utf-16")}).flat == "flask\n"


def test_files_that_include_each_other_from_two_folders_are_read_once(read, tmp_path):
    """A circle through ``..`` ends like any other, and each file has the name by which it is watched."""
    found = read({"r.txt": "-r more/base.txt\n", "more/base.txt": "-r ../r.txt\nflask\n"})
    assert found.files == (tmp_path / "r.txt", tmp_path / "more/base.txt")
    assert found.flat == "flask\n"


def test_an_include_above_a_linked_folder_is_found(read, tmp_path):
    """``..`` leads out of the folder that a link names, as the kernel resolves it."""
    (tmp_path / "real/below").mkdir(parents=True)
    (tmp_path / "link").symlink_to("real/below")
    found = read({"r.txt": "-r link/../base.txt\n", "real/base.txt": "flask\n"})
    assert found.flat == "flask\n"


@pytest.mark.parametrize("line", ["-e .", "-e ..", "."])
def test_a_file_of_a_folder_names_the_project(read, tmp_path, line):
    """``-e .`` in requirements/dev.txt is the project, as for pip, which resolves it where it is started."""
    pyproject = "[project]\nname = 'shop'\ndependencies = ['tea']\n"
    found = read({"requirements/dev.txt": f"{line}\nflask\n", "pyproject.toml": pyproject})
    assert [tree.folder for tree in found.trees] == [tmp_path]
    assert (found.flat.split(), found.as_written) == (["tea", "flask"], False)


@pytest.mark.parametrize(("links", "as_written"), [("requirements/wheels", True), ("wheels", False)])
def test_a_folder_of_wheels_is_named_in_full(read, tmp_path, links, as_written):
    """A folder of wheels is found from anywhere: beside the file, or where pip is started."""
    (tmp_path / links).mkdir(parents=True)
    found = read({"requirements/dev.txt": "--find-links ./wheels\n-f https://example.org/\n"})
    assert found.flat == f"--find-links {tmp_path / links}\n-f https://example.org/\n"
    assert found.as_written is as_written


def test_a_missing_include_is_named(read):
    """File and line of the include are in the error."""
    with pytest.raises(InstallError, match=r"gone\.txt .*line 2 of r\.txt"):
        read({"r.txt": "flask\n-r gone.txt\n"})
