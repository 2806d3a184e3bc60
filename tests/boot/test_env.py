"""Environment files: grammar, precedence, references, and what can't be read."""

import os
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.boot.env import FILES, load_environment
from appliance.errors import SettingsError


@pytest.fixture
def load(tmp_path):
    """``load({".env": "A=1"}, process={"B": "2"})``: write the files, and read them."""

    def load(files, process=None, names=FILES):
        for name, content in files.items():
            data = content if isinstance(content, bytes) else content.encode()
            (tmp_path / name).write_bytes(data)
        return load_environment(process or {}, tmp_path, names)

    return load


def test_the_first_file_wins_and_the_environment_over_all(load):
    """A value comes from the environment, else from .env.local, else .env, else .flaskenv; its origin says so."""
    files = {".env.local": "A=local\nB=local", ".env": "B=env\nC=env\nD=env", ".flaskenv": "D=flask\nE=flask"}
    environment = load(files, {"A": "process"})
    assert environment.values == {"A": "process", "B": "local", "C": "env", "D": "env", "E": "flask"}
    assert environment.origins == {
        "A": "environment",
        "B": ".env.local",
        "C": ".env",
        "D": ".env",
        "E": ".flaskenv",
    }
    assert environment.hidden == (("A", ".env.local"),)


def test_an_equal_value_hides_nothing(load):
    """A key that has the same value in both is no news."""
    assert load({".env": "A=1"}, {"A": "1"}).hidden == ()


def test_every_file_is_worth_watching(load, tmp_path):
    """Files that are not there are named too: they may appear."""
    assert load({".env": ""}).files == tuple(tmp_path / name for name in FILES)


def test_names_are_the_callers(load):
    """Other files than the usual ones are read where they are asked for, and then those alone."""
    assert load({".env": "A=1", "test.env": "B=2"}, names=["test.env"]).values == {"B": "2"}


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=plain # comment", "plain"),
        ("export A=shell", "shell"),
        ("A = spaced ", "spaced"),
        ('A="two\nlines"', "two\nlines"),
        (r'A="tab\t"', "tab\t"),
        (r"A='raw\t'", r"raw\t"),
        ("A=#no-comment", "#no-comment"),
        ("A=", ""),
        ("A=x\r\n", "x"),
        ("A=ünïcödé", "ünïcödé"),
        ("\ufeffA=bom", "bom"),
        ("A=first\nA=second", "second"),
        ("A='it''s'", None),
    ],
)
def test_grammar(load, line, value):
    """The usual forms mean what python-dotenv says they mean."""
    if value is None:
        with pytest.raises(SettingsError):
            load({".env": line})
    else:
        assert load({".env": line}).values["A"] == value


def test_a_name_alone_sets_nothing(load):
    """``KEY`` without a sign is no variable."""
    assert load({".env": "A\nB=1"}).values == {"B": "1"}


@pytest.mark.parametrize(
    ("files", "process", "expected"),
    [
        ({".env": "A=1\nB=${A}2"}, {}, "12"),
        ({".env": "A=1\nB=${A}2"}, {"A": "9"}, "92"),
        ({".env": "B=${A:-none}"}, {}, "none"),
        ({".env": "B=${A:-none}"}, {"A": "9"}, "9"),
        ({".env": "B=${A}"}, {}, ""),
        ({".env": "B='${A}'"}, {"A": "9"}, "${A}"),
        ({".env": 'export B="${A}"'}, {"A": "9"}, "9"),
        ({".env": "B=$A"}, {"A": "9"}, "$A"),
        ({".env.local": "A=2", ".env": "A=1\nB=${A}"}, {}, "2"),
        ({".env.local": "B=${B}/local", ".env": "B=base"}, {}, "base/local"),
        ({".env": "B=1\nB=${B}2"}, {}, "12"),
        ({".env": "B=${C}\nC=${B}x"}, {}, "x"),
        ({".env": "B=${A}\nA=later"}, {}, "later"),
    ],
)
def test_references(load, files, process, expected):
    """``${NAME}`` is the environment's, else the files'; a circle ends; single quotes mean what a shell's do."""
    assert load(files, process).values["B"] == expected


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("A=1\n\n\nB='hunter2\n", 4),
        ("=1", 1),
        ("# fine\nA=1\nthis is no line", 3),
        (b"A=1\nB=\xff\n", 2),
        ("A=1\nB=\0\n", 2),
    ],
)
def test_a_line_that_cannot_be_meant(load, content, line):
    """The error names file and line, and does not show what may be a secret."""
    with pytest.raises(SettingsError) as caught:
        load({".env": content})
    assert caught.value.details == {"file": ".env", "line": line}
    assert "hunter2" not in str(caught.value.fields())


def test_windows_text_is_named(load):
    """A file in UTF-16 is refused with a word on its coding."""
    with pytest.raises(SettingsError, match="UTF-8"):
        load({".env": "A=1\n".encode("utf-16")})


def test_what_is_no_file(tmp_path):
    """A folder and a pipe are errors: the pipe would be waited for, for ever."""
    (tmp_path / ".env").mkdir()
    with pytest.raises(SettingsError, match="folder"):
        load_environment({}, tmp_path)
    (tmp_path / ".env").rmdir()
    os.mkfifo(tmp_path / ".env")
    with pytest.raises(SettingsError, match="regular"):
        load_environment({}, tmp_path)


_KEYS = st.text(string.ascii_uppercase + "_", min_size=1, max_size=8)
_VALUES = st.text(st.characters(exclude_characters="\0\r", exclude_categories=["Cs"]), max_size=40)


@given(st.dictionaries(_KEYS, _VALUES, max_size=6))
def test_quoted_values_come_back(tmp_path_factory, values):
    """Whatever stands in single quotes, with backslash and quote escaped, comes back as it was."""
    folder = tmp_path_factory.mktemp("env")
    lines = []
    for key, value in values.items():
        escaped = value.replace("\\", "\\\\").replace("'", "\\'")
        lines.append(f"{key}='{escaped}'\n")
    (folder / ".env").write_bytes("".join(lines).encode())
    assert load_environment({}, folder).values == values


@given(st.binary(max_size=200))
def test_no_file_is_a_surprise(tmp_path_factory, data):
    """Any bytes are either read or refused with our own error."""
    folder = tmp_path_factory.mktemp("env")
    (folder / ".env").write_bytes(data)
    try:
        environment = load_environment({"HOME": "/"}, folder)
    except SettingsError:
        return
    assert all("\0" not in value for value in environment.values.values())
