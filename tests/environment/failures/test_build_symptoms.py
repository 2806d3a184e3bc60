"""The table of what builds print: each row is met by such words, and its cause leads to something that helps."""

from pathlib import Path

import pytest

from appliance.environment.failures.build_symptoms import BUILD_SYMPTOMS, build_symptom, cause_of_build

BUILDS = Path(__file__).parent / "builds"  # what real packages printed
# Words of builds, each with what is made of it: the last Python, or a package of Debian, or a part of the meaning.
WORDS = (
    ("ValueError: invalid mode: 'rU'", "3.10"),
    ("ModuleNotFoundError: No module named 'distutils.msvccompiler'", "3.11"),
    ("AttributeError: module 'pkgutil' has no attribute 'ImpImporter'. Did you mean: 'zipimporter'?", "3.11"),
    ("ModuleNotFoundError: No module named 'lib2to3.refactor'", "3.12"),
    ("SyntaxError: Missing parentheses in call to 'print'. Did you mean print(...)?", "Python 2"),
    ("KeyError: '__version__'", "3.12"),
    ("ImportError: cannot import name 'Feature' from 'setuptools' (/x/setuptools/__init__.py)", "3.10"),
    ("error: 'PyThreadState' {aka 'struct _ts'} has no member named 'exc_type'", "inner workings"),
    (
        "RuntimeError: Cannot install on Python 3.13.1; only versions >=3.7,<3.11 are supported.",
        "inner workings",
    ),
    ("error: implicit declaration of function 'foo' [-Wimplicit-function-declaration]", "today's compilers"),
    ("Error: pg_config executable not found.", "libpq-dev"),
    ("OSError: mysql_config not found", "default-libmysqlclient-dev"),
    ("Error: Please make sure the libxml2 and libxslt development packages are installed.", "libxslt1-dev"),
    ("Could not run curl-config: [Errno 2] No such file or directory: 'curl-config'", "libcurl4-openssl-dev"),
    ("FileNotFoundError: [Errno 2] No such file or directory: 'gdal-config'", "libgdal-dev"),
    ("/bin/sh: 1: krb5-config: not found", "libkrb5-dev"),
    ("FileNotFoundError: [Errno 2] No such file or directory: 'cups-config'", "libcups2-dev"),
    ("geos-config: not found", "libgeos-dev"),
    ("Error: xmlsec1 is not installed or not in path.", "libxmlsec1-dev"),
    ("The headers or library files could not be found for zlib,", "zlib1g-dev"),
    ("error: can't find Rust compiler", "rustc"),
    ("RuntimeError: CMake must be installed to build the following extensions: dlib", "cmake"),
    ("error: command 'swig' failed: swig: not found", "swig"),
    ("RuntimeError: No Fortran compiler found", "gfortran"),
    ("fatal error: Python.h: No such file or directory", "headers of this Python"),
    ("src/x.c:1:10: fatal error: sasl/sasl.h: No such file or directory", "libsasl2-dev"),
    ("/usr/bin/ld: cannot find -lldap: No such file or directory", "libldap2-dev"),
    ("Package 'libffi', required by 'virtual:world', not found", "libffi-dev"),
    ('Dependency "cairo" not found, tried pkgconfig', "libcairo2-dev"),
    ("Command '['pkg-config', '--print-errors', '--exists', 'cairo >= 1.15.10']' returned 1.", "libcairo2-dev"),
    ("fatal error: acme/strange.h: No such file or directory", "acme/strange.h"),
    ("/bin/sh: 1: pkg-config: not found", "pkg-config"),
    ("error: [Errno 2] No such file or directory: 'x86_64-linux-gnu-gcc'", "C compiler"),
    ("error: command '/usr/bin/gcc' failed with exit code 1", "a compiler refuses"),
)


@pytest.mark.parametrize(("text", "reported"), WORDS, ids=[text[:40] for text, _ in WORDS])
def test_the_words_of_a_build_lead_to_its_remedy(text, reported):
    """The words of a build lead to the last Python, to a package of Debian, or to a sentence."""
    cause = cause_of_build(text)
    assert cause is not None
    assert reported in {cause.until, *cause.debian} or reported in cause.meaning


@pytest.mark.parametrize("symptom", BUILD_SYMPTOMS, ids=lambda symptom: symptom.pattern[:40])
def test_each_row_of_build_symptoms_is_met(symptom):
    """No row comes after one that takes its words."""
    assert any((met := build_symptom(text)) and met[0] is symptom for text, _ in WORDS)


@pytest.mark.parametrize("file", sorted(BUILDS.iterdir()), ids=lambda file: file.stem)
def test_real_builds_are_known(file):
    """The output of a real package has a cause: a release that is too old, or a missing part."""
    cause = cause_of_build(file.read_text())
    assert cause is not None
    assert cause.old or cause.debian or cause.headers


def test_unknown_words_of_a_build_have_no_cause():
    """Words that fit no row have no cause: nothing is made up."""
    assert cause_of_build("something new went wrong") is None
