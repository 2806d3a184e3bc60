"""The installer's errors, in words that help: the file, the line, and the action."""

import pytest

from appliance.environment.failures.uv_errors import UvErrors, failure, place_of

CONFLICT = """\
error: No solution found when resolving dependencies
  cause: Because flask==3.0.0 depends on werkzeug>=3.0.0 and you require flask==3.0.0, we can conclude that
         you require werkzeug>=3.0.0. And because you require werkzeug==1.0, they are unsatisfiable."""


@pytest.mark.parametrize(
    ("name", "text", "cause", "line"),
    [
        ("requirements.txt", "click\n# x\nflask==99\n", "Because there is no version of flask==99", 3),
        ("requirements.txt", "-r x\nZope.Interface >= 1\n", "Because zope-interface was not found", 2),
        ("requirements.txt", "click\nflask=>2\n", "in `requirements.txt` at position 6: no such operator", 2),
        ("requirements.txt", "click\n--index-url https://no.test/x\n", "fetch: https://no.test/x/click/: dns", 2),
        ("requirements.txt", "click\n-i https://me:a@no.test/x\n", "fetch: https://no.test/x/click/: dns", 2),
        ("requirements.txt", "click\n-i https://no.test/x\n", "An index (https://me:****@no.test/x) returned a 403", 2),
        ("requirements.txt", "six\n--find-links https://no.test/x\n", "read `--find-links` URL: https://no.test/x", 2),
        ("pyproject.toml", 'dependencies = [\n "flask>=99",\n]\n', "resolving dependencies: only flask<=3", 2),
        ("pyproject.toml", 'dependencies = ["flask>=99"]\n', "resolving dependencies: only flask<=3", 1),
        ("pyproject.toml", '[tool.poetry.dependencies]\nflask = "^99"\n', "only flask<=3", 2),
        ("poetry.lock", '[[package]]\nname = "flask"\n', "Failed to build `flask==1`", 2),
        ("Pipfile.lock", '{\n"default": {\n"flask": {\n', "Failed to build `flask==1`", 3),
        ("environment.yml", "dependencies:\n  - pip:\n    - flask==99\n", "no version of flask==99", 3),
        ("setup.py", "setup(\n  install_requires=[\n    'flask>=99',\n", "only flask<=3 is available", 3),
    ],
)
def test_the_line_is_named(tmp_path, name, text, cause, line):
    """In each form: by position, by the index's host, by the package's name."""
    file = tmp_path / name
    file.write_text(text)
    place = place_of(cause, [file])
    assert place is not None
    assert (place.file, place.line) == (file, line)


@pytest.mark.parametrize(
    ("text", "cause", "line"),
    [
        ("build==1.0\nlxml==4.5\n", "Failed to build `lxml==4.5`: The build backend returned an error", 2),
        ("wheel\nindex\nlxml==4.5\n", "Because lxml==4.5 has no wheels with a matching tag in the index", 3),
        ("package\nflask==99\n", "Because there is no version of flask==99 and you require flask==99", 2),
        ("build==9\n", "Because there is no version of build==9 and you require build==9", 1),
    ],
)
def test_a_package_named_like_a_word_is_not_blamed_for_that_word(tmp_path, text, cause, line):
    """A package named build, wheel or index is not to blame by the installer's use of the word."""
    file = tmp_path / "requirements.txt"
    file.write_text(text)
    place = place_of(cause, [file])
    assert place is not None
    assert place.line == line


def test_a_package_of_a_repository_is_not_blamed_for_another_address(tmp_path):
    """A package of a repository is found by its name: another address of that host is not to blame."""
    setup, lock = tmp_path / "setup.py", tmp_path / "Pipfile.lock"
    setup.write_text("setup(\n    url='https://git.test/us/site',\n)\n")
    lock.write_text('{\n"default": {\n"pyyaml": {"git": "https://git.test/them/pyyaml.git"}\n}}\n')
    cause = "Failed to download and build `pyyaml @ git+https://git.test/them/pyyaml.git@1a2b`: Git operation failed"
    place = place_of(cause, [setup, lock])
    assert place is not None
    assert (place.file, place.line) == (lock, 3)


def test_no_line_is_named_if_none_fits(tmp_path):
    """If no line of the project's files fits a failure, the error names none."""
    file = tmp_path / "requirements.txt"
    file.write_text("click\n")
    assert place_of("Because samovar was not found", [file, tmp_path / "gone"]) is None


@pytest.mark.parametrize(
    ("words", "meaning", "action"),
    [
        (CONFLICT, "fit together", "Allow more versions"),
        ("error: x\n  cause: invalid peer certificate: UnknownIssuer", "not trusted", "SSL_CERT_FILE"),
        ("error: HTTP status client error (401 Unauthorized) for url", "credentials", "PIP_INDEX_URL"),
        ("error: Git executable not found", "Git repository", "apt-get install -y git"),
        ("error: Hash mismatch for `kettle==1.0`", "hash", "again"),
        ("error: Failed to build `x==1`\n  cause: command 'gcc' failed", "a compiler refuses", "newer release"),
        (
            "x\nerror: [Errno 2] No such file or directory: 'x86_64-linux-gnu-gcc'",
            "needs a C compiler",
            "build-essential",
        ),
        ("error: the requested Python version does not satisfy Python>=3.14", "this Python", "APPLIANCE_PYTHON"),
    ],
)
def test_usual_errors_are_explained(words, meaning, action):
    """A common error is explained, with the action."""
    error = failure(words.splitlines(), 1, "")
    assert meaning in error.found
    assert action in error.action


@pytest.mark.parametrize("reason", ["samovar was not found in the package registry", "dns error"])
def test_an_index_is_named_if_it_is_set(reason):
    """The advice names the settings of an index only if the user set any."""
    words = [f"error: {reason}"]
    assert "index" not in failure(words, 1, "").action
    assert "(PIP_INDEX_URL, UV_INDEX)" in failure(words, 1, "", indexes=("PIP_INDEX_URL", "UV_INDEX")).action


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("requirements.txt", "--extra-index-url https://one.test/simple"),
        ("requirements/dev.txt", "-i https://one.test/simple"),
        ("requirements", "-i https://one.test/simple"),
        ("requirements.txt", "--find-links=./wheels"),
        ("pyproject.toml", "url = 'https://one.test/simple'"),
        ("Pipfile", 'url = "https://one.test/simple"'),
    ],
)
def test_a_line_that_names_an_index_is_in_the_advice(tmp_path, name, line):
    """A package that no index has may be in one that is named wrongly: its line is named beside the package's."""
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"# shop\n{line}\nsamovar\n")
    setup = tmp_path / "setup.py"
    setup.write_text("setup(\n    url='https://one.test')\n")
    error = failure(["error: samovar was not found in the package registry"], 1, "", [setup, file], folder=tmp_path)
    assert error.action == f"Check its spelling, and the index ({name}, line 2)."


def test_an_index_that_refuses_is_to_blame(tmp_path):
    """An index that answers 401 is to blame for a package that is not found: its line is named."""
    file = tmp_path / "requirements.txt"
    file.write_text("samovar\n--index-url https://one.test/simple\n")
    words = [
        "error: No solution found when resolving dependencies",
        "  cause: Because samovar was not found in the package registry and you require samovar",
        "hint: An index URL (https://one.test/simple) could not be queried: (401 Unauthorized)",
    ]
    error = failure(words, 1, "", [file])
    assert "refuses the credentials (An index URL (https://one.test/simple)" in error.found
    assert "[requirements.txt, line 2: --index-url" in error.found
    assert "https://${TOKEN}@" in error.action


def test_the_host_of_a_requirements_own_address_is_named():
    """A requirement with an address of its own is not in an index: the host of the address is named."""
    words = [
        "error: Failed to download and build `kettle @ https://files.test/kettle-1.tar.gz`",
        "  cause: Failed to fetch: `https://files.test/kettle-1.tar.gz`",
        "  cause: dns error",
    ]
    error = failure(words, 1, "", indexes=("PIP_INDEX_URL",))
    assert "files.test can't be reached" in error.found
    assert "PIP_INDEX_URL" not in error.action
    assert error.details["unreachable"]
    other = [words[0].replace(" @ https://files.test/kettle-1.tar.gz", "==1"), *words[1:]]
    assert "PIP_INDEX_URL" in failure(other, 1, "", indexes=("PIP_INDEX_URL",)).action


def test_no_step_is_advised_twice(tmp_path):
    """A binary package that is too old for this Python has one remedy, however many rules find it."""
    file = tmp_path / "requirements.txt"
    file.write_text("psycopg2-binary==2.8.3\n")
    words = [
        "error: Failed to build `psycopg2-binary==2.8.3`",
        "  cause: The build backend returned an error",
        "         error: 'PyThreadState' {aka 'struct _ts'} has no member named 'trash'",
    ]
    assert failure(words, 1, "", [file]).action.count("Use a newer release") == 1


def test_a_sentence_stays_whole():
    """Only uv's drawing is removed: "x depends" is not a cross."""
    assert "and x depends on flask" in failure(["error: Because it is so and x depends on flask"], 1, "").found


@pytest.mark.parametrize("length", [0, 3, 35, 60, 500])
def test_a_long_build_does_not_hide_the_package(tmp_path, length):
    """However much a build says, the line of the package that could not be built is named, and no word is doubled."""
    file = tmp_path / "requirements.txt"
    file.write_text("flask\nlxml==4.5.0\n")
    begin = ["error: Failed to build `lxml==4.5.0`", "  cause: The build backend returned an error"]
    build = [f"         copying {number}" for number in range(length)]
    end = ["         error: [Errno 2] No such file or directory: 'x86_64-linux-gnu-gcc'", "hint: something"]
    words = UvErrors()
    for line in ("Resolved 24 packages", *begin, "         [stdout]", *build, *end):
        words.add(line)
    error = failure(words.all(), 1, "", [file])
    assert error.details["line"] == 2
    assert "lxml==4.5.0" in error.found
    output = error.details["output"]
    assert output[-1] == "hint: something"
    assert len(output) == len(set(output)) <= 48
