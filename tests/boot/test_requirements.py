"""Requirements files: includes, and the project itself."""

import pytest

from appliance.boot.requirements import read_requirements
from appliance.errors import InstallError


@pytest.fixture
def read(tmp_path):
    """``read({"requirements.txt": ".."})``: the first file and all that it includes."""

    def read(files):
        for name, content in files.items():
            file = tmp_path / name
            file.parent.mkdir(exist_ok=True)
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


def test_circles_and_urls(read):
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
    """A line that would build the project in the mount is noted, with its extras, and not installed."""
    found = read({"r.txt": f"flask\n{line}\n"})
    assert (found.itself, found.extras, found.flat) == (True, extras, "flask\n")


@pytest.mark.parametrize(
    "line", ["-e ./libs/one", "../other", ".hidden", "# -e .", "-e git+https://example.org/x#egg=x"]
)
def test_what_is_not_the_project_stays(read, line):
    """Other folders and comments are none of our business."""
    found = read({"r.txt": line})
    assert (found.itself, found.flat) == (False, line + "\n")


def test_continued_lines(read):
    """A backslash joins a line with the next, so that hashes stay with their package."""
    found = read({"r.txt": "flask==3 \\\n  --hash=sha256:00\n-r \\\nmore.txt\n", "more.txt": ""})
    assert found.flat.startswith("flask==3   --hash=sha256:00")
    assert [file.name for file in found.files] == ["r.txt", "more.txt"]


def test_windows_text_is_read(read):
    """A file that PowerShell wrote in UTF-16 is read as pip reads it."""
    assert read({"r.txt": "flask\n".encode("utf-16")}).flat == "flask\n"


def test_a_missing_include_is_named(read):
    """File and line of the include are in the error."""
    with pytest.raises(InstallError, match=r"gone\.txt .*line 2 of r\.txt"):
        read({"r.txt": "flask\n-r gone.txt\n"})
