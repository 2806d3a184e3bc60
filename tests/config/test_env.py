"""Environment files: grammar, precedence, references, and what can't be read."""

import os
import re
import string
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.config import env_content
from appliance.config.env import load_environment, without_copies
from appliance.config.env_references import references
from appliance.conventions import VARIABLE_FILES
from tests.thorough import THOROUGH

SIZE = 1_000_000 if THOROUGH else 250_000


@pytest.fixture
def load(tmp_path):
    """``load({".env": "A=1"}, process={"B": "2"})``: write the files, and read them."""

    def load(files, process=None, names=VARIABLE_FILES):
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
    """A key that has the same value in both files is not reported."""
    assert load({".env": "A=1"}, {"A": "1"}).hidden == ()


def test_every_file_is_worth_watching(load, tmp_path):
    """Files that are not there are named too: they may appear."""
    assert load({".env": ""}).files == tuple(tmp_path / name for name in VARIABLE_FILES)


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
def test_the_usual_forms_are_read(load, line, value):
    """The usual forms mean what python-dotenv says they mean, which warns of what means nothing."""
    environment = load({".env": line})
    assert environment.values.get("A") == value
    assert bool(environment.unread) is (value is None)


def test_a_name_alone_sets_nothing(load):
    """A line ``KEY`` without a sign sets no variable."""
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
def test_references_are_replaced(load, files, process, expected):
    """``${NAME}`` is the environment's, else the files'; a cycle ends; single quotes mean what a shell's do."""
    assert load(files, process).values["B"] == expected


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("A=1\n\n\nB='hunter2\nC=3\n", 4),
        ("=1\nA=1\nC=3", 1),
        ("# fine\nA=1\nthis is no line\nC=3", 3),
        (b"A=1\nB=\xff\nC=3\n", 2),
        ("A=1\nB=\0\nC=3\n", 2),
        ("A=1\n'x=y'=z\nC=3\n", 2),
        ("A=1\r\n'=hunter2'=\r\nC=3\r\n", 2),
    ],
)
def test_a_malformed_line_is_left_out_and_reported(load, content, line):
    """A malformed line is left out, with one part that names file and line and no secret; the others count."""
    environment = load({".env": content})
    assert (environment.values["A"], environment.values["C"]) == ("1", "3")
    (part,) = environment.unread
    assert (part.file, part.line) == (".env", line)
    assert part.reason
    assert part.action
    assert "hunter2" not in str(part)


def test_many_bad_lines_are_reported_once(load):
    """Each file is reported once, with its first bad line and how many there are."""
    environment = load({".env": "A=1\n" + "not a line\n" * 10, ".env.local": "B='\n"})
    reported = {each.file: each for each in environment.unread}
    assert (reported[".env"].line, reported[".env"].count, reported[".env.local"].line) == (2, 10, 1)
    assert "9 more" in str(reported[".env"])


def test_an_env_file_of_windows_is_read(load):
    """A file in UTF-16, as Windows PowerShell's > writes it, is read, with a message about its encoding."""
    environment = load({".env": "A=ü\r\nB=2\r\n".encode("utf-16")})
    assert (environment.values["A"], environment.values["B"]) == ("ü", "2")
    assert "UTF-16" in environment.unread[0].reason


def test_bytes_that_are_not_text_pass(load):
    """A value that is not UTF-8 reaches the project as its bytes, as a shell would pass it."""
    assert os.fsencode(load({".env": b"A=J\xf6rg\n"}).values["A"]) == b"J\xf6rg"


def _folder(path):
    path.mkdir()


def _virtual_environment(path):
    path.mkdir()
    (path / "pyvenv.cfg").touch()


def _link_to_nowhere(path):
    path.symlink_to("nowhere")


def _link_to_itself(path):
    path.symlink_to(path.name)


def _huge(path):
    with path.open("wb") as file:
        file.write(b"B=1\n")
        file.truncate(100 * 1024 * 1024)


def _device(path):
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (_folder, "it is a folder"),
        (_virtual_environment, "it is a virtual environment"),
        (_link_to_nowhere, "a broken link to nowhere"),
        (_link_to_itself, "symbolic links"),
        (_huge, "more than"),
        (_device, "not a text file"),
    ],
)
def test_an_unreadable_env_file_is_reported_and_the_others_are_read(tmp_path, make, reason):
    """A file that can't be read is one part without a line, and the other files are read."""
    make(tmp_path / ".env")
    (tmp_path / ".flaskenv").write_text("A=1\n")
    environment = load_environment({}, tmp_path)
    assert environment.values == {"A": "1"}
    (part,) = environment.unread
    assert (part.file, part.line) == (".env", 0)
    assert reason in part.reason


def test_a_link_to_the_null_device_is_not_reported(tmp_path):
    """A link to /dev/null is the usual way to say that there are none: nothing is reported."""
    (tmp_path / ".env").symlink_to("/dev/null")
    environment = load_environment({}, tmp_path)
    assert (environment.values, environment.unread) == ({}, ())


def test_a_file_that_may_not_be_read_is_reported_with_the_users_number(tmp_path, monkeypatch):
    """A file that this user may not read is reported with the user's number."""
    (tmp_path / ".env").write_text("A=1\n")
    real = os.open

    def refuse(path, *given, **named):
        if str(path).endswith(".env"):
            raise PermissionError(13, "Permission denied")
        return real(path, *given, **named)

    monkeypatch.setattr(os, "open", refuse)
    environment = load_environment({}, tmp_path)
    assert environment.values == {}
    assert f"uid {os.geteuid()}" in environment.unread[0].reason


def test_a_pipe_is_read_again_each_time(tmp_path):
    """A pipe that a secret manager writes gives what is written for each reading, however slowly it comes."""
    pipe = tmp_path / ".env"
    os.mkfifo(pipe)

    def write(word):
        with pipe.open("wb", buffering=0) as file:
            file.write(b"A=")
            file.write(word)
            file.write(b"\n")

    for word in (b"first", b"second"):
        writer = threading.Thread(target=write, args=(word,))
        writer.start()
        environment = load_environment({}, tmp_path)
        writer.join()
        assert (environment.values, environment.unread) == ({"A": word.decode()}, ())


def test_a_pipe_that_nobody_writes_is_waited_for_but_not_forever(tmp_path, monkeypatch):
    """Reading waits for it, but not forever; then its earlier content counts."""
    os.mkfifo(tmp_path / ".env")
    content = env_content.read_file(tmp_path / ".env", ".env", timeout_s=0.05)
    assert (content.text, content.is_pipe) == ("", True)
    assert "nothing wrote" in content.unread[0].reason
    content = env_content.read_file(tmp_path / ".env", ".env", before="A=1\n", timeout_s=0.05)
    assert content.text == "A=1\n"
    assert "last text" in content.unread[0].action


def test_a_pipe_that_is_never_ended_is_read_as_far_as_it_came(tmp_path):
    """If the writer holds the pipe open, the text so far is read; a writer without an end is too long."""
    pipe = tmp_path / ".env"
    os.mkfifo(pipe)
    ours = os.open(pipe, os.O_RDWR)
    os.write(ours, b"A=1\n")
    content = env_content.read_file(pipe, ".env", timeout_s=0.05)
    assert (content.text, len(content.unread)) == ("A=1\n", 1)
    os.set_blocking(ours, False)
    over = threading.Event()

    def flood():
        while not over.is_set():
            try:
                os.write(ours, b"A=1\n" * 1000)
            except BlockingIOError:
                continue

    thread = threading.Thread(target=flood)
    thread.start()
    content = env_content.read_file(pipe, ".env")
    over.set()
    thread.join()
    os.close(ours)
    assert content.text == ""
    assert "more than" in content.unread[0].reason


@pytest.mark.whole
@pytest.mark.parametrize(
    "text",
    [
        "".join(f"V{number}=${{V{number + 1}}}${{V{number + 1}}}\n" for number in range(60)) + "V60=x\n",
        "".join(f"V{number}=${{V{number + 1}}}${{V{number + 1}}}\n" for number in range(60)),
        "".join(f"V{number}=${{V{number + 1}}}\n" for number in range(SIZE // 200)) + f"V{SIZE // 200}=x\n",
        "A=" + "${" * (SIZE // 2) + "\n",
        "A=" + "${:" * (SIZE // 3) + "}\n",
        "A=" + "${A" * (SIZE // 3) + "}\n",
        "A=x" + " " * SIZE + "y\n",
        "A=x" + (" " * 200 + "y") * (SIZE // 200) + "\n",
        "A=x" + " " * SIZE + "\n",
        "A\n" * (SIZE // 2),
        "A='" * (SIZE // 3),
        'A="\\"\n' * (SIZE // 6),
        "'a\n" * (SIZE // 3),
        "export " * (SIZE // 7),
        "\n" * SIZE,
        "A=" + "#" * SIZE,
        "A=" + " #" * (SIZE // 2),
    ],
)
def test_no_text_takes_long(load, text):
    """Any text of a quarter of a megabyte (a whole one in the long form) is read in a moment."""
    began = time.thread_time()
    load({".env": text})
    assert time.thread_time() - began < 3  # 0.5 s at the most for a megabyte; quadratic it would be hours


def test_a_value_that_grows_without_end_is_left_out(load):
    """A value that doubles sixty times is left out with a part; the others are there."""
    doubling = "".join(f"V{number}=${{V{number + 1}}}${{V{number + 1}}}\n" for number in range(60))
    environment = load({".env": doubling + "V60=xxxxxxxx\nA=1\n"})
    assert environment.values["A"] == "1"
    assert environment.values["V50"] == "x" * 8 * 2**10
    assert "V0" not in environment.values
    assert environment.unread[0].line == 1


_REFERENCE = re.compile(r"\$\{([^}:]*)(?::-([^}]*))?\}")


@given(st.text("${}:-ab", max_size=40))
def test_references_are_those_of_the_grammar(text):
    """The linear search finds what the regular expression of the grammar does."""
    expected = [(match.start(), match.end(), match[1], match[2] or "") for match in _REFERENCE.finditer(text)]
    assert list(references(text)) == expected


_KEYS = st.text(string.ascii_uppercase + "_", min_size=1, max_size=8)
_VALUES = st.text(st.characters(exclude_characters="\0\r", exclude_categories=["Cs"]), max_size=40)


@given(st.dictionaries(_KEYS, _VALUES, max_size=6))
def test_quoted_values_come_back(tmp_path_factory, values):
    """Any value in single quotes, with backslash and quote escaped, is read unchanged."""
    folder = tmp_path_factory.mktemp("env")
    lines = []
    for key, value in values.items():
        escaped = value.replace("\\", "\\\\").replace("'", "\\'")
        lines.append(f"{key}='{escaped}'\n")
    (folder / ".env").write_bytes("".join(lines).encode())
    assert load_environment({}, folder).values == values


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_reported(tmp_path_factory, data):
    """Any bytes are read, or reported; the result can be given to a process."""
    folder = tmp_path_factory.mktemp("env")
    (folder / ".env").write_bytes(data)
    environment = load_environment({"HOME": "/"}, folder)
    for key, value in environment.values.items():
        assert b"\0" not in os.fsencode(key) + os.fsencode(value)
        assert key
        assert "=" not in key


@pytest.mark.parametrize("codes", [(0x20, 0x7F), (0xA0, 0x250), (0x2000, 0x2070)])
@given(data=st.data())
def test_no_line_is_a_surprise(tmp_path_factory, codes, data):
    """Any lines of text are read, or reported once, and never become a variable that no process can have."""
    lines = data.draw(st.lists(st.text(st.characters(min_codepoint=codes[0], max_codepoint=codes[1])), max_size=8))
    folder = tmp_path_factory.mktemp("env")
    (folder / ".env").write_text("\n".join(lines), encoding="utf-8")
    environment = load_environment({}, folder)
    assert len(environment.unread) <= 1
    assert environment.origins.keys() == environment.values.keys()
    assert not [key for key in environment.values if not key or "=" in key or "\0" in key]


def test_a_variable_that_compose_copies_from_the_file_counts_as_the_files(tmp_path):
    """A setting of the process with the value of the file counts as the file's, so that its edits count; others win."""
    file = tmp_path / ".env"
    file.write_text("APPLIANCE_THREADS=3\nAPPLIANCE_APP=a\nOTHER=1\n")
    process = {"APPLIANCE_THREADS": "3", "APPLIANCE_APP": "b", "OTHER": "1"}
    before = load_environment(process, tmp_path)
    given = ("APPLIANCE_THREADS", "APPLIANCE_APP", "APPLIANCE_PORT")
    own, read = without_copies(process, before, tmp_path, (".env",), given)
    assert own == {"APPLIANCE_APP": "b", "OTHER": "1"}
    assert read.origins == {"APPLIANCE_THREADS": ".env", "APPLIANCE_APP": "environment", "OTHER": "environment"}
    file.write_text("APPLIANCE_THREADS=4\n")
    assert load_environment(own, tmp_path).values["APPLIANCE_THREADS"] == "4"


def test_without_settings_nothing_is_read_again(tmp_path):
    """If the process has none of the settings, its environment is left unchanged."""
    process = {"HOME": "/root"}
    before = load_environment(process, tmp_path)
    assert without_copies(process, before, tmp_path, (".env",), ("APPLIANCE_APP",)) == (process, before)
