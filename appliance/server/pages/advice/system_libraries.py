"""System libraries and programs that packages need when they are imported or used, and their Debian packages.

Each pattern is a message that a package really prints. Runs in the worker, after an exception. tests/image installs
every package in these tables.
"""

from __future__ import annotations

import os
import re

from ....conventions import PANGO_PACKAGES

# Found by the library's name: "libGL.so.1: cannot open shared object file".
_LIBRARY = re.compile(r"(?P<name>lib[\w.+\-]{1,60}\.so[\w.]{0,20}): cannot open shared object file")
# The loader names no cause: a limit of memory has the same message.
_UNMAPPED = re.compile(r"(?P<file>/[^\n]{1,4000}): failed to map segment from shared object")
LIBRARIES = {
    "libEGL.so": "libegl1",
    "libGL.so": "libgl1",
    "libICE.so": "libice6",
    "libSM.so": "libsm6",
    "libX11.so": "libx11-6",
    "libXext.so": "libxext6",
    "libXrender.so": "libxrender1",
    "libcairo.so": "libcairo2",
    "libcurl.so": "libcurl4",
    "libfontconfig.so": "libfontconfig1",
    "libfreetype.so": "libfreetype6",
    "libgdal.so": "gdal-bin",
    "libgeos_c.so": "gdal-bin",
    "libgobject-2.0.so": "libglib2.0-0",
    "libgomp.so": "libgomp1",
    "libgthread-2.0.so": "libglib2.0-0",
    "libharfbuzz.so": "libharfbuzz0b",
    "libjpeg.so": "libjpeg62-turbo",
    "libmagic.so": "libmagic1",
    "libmariadb.so": "libmariadb3",
    "libmysqlclient.so": "default-libmysqlclient-dev",
    "libnss3.so": "libnss3",
    "libodbc.so": "unixodbc",
    "libopenblas.so": "libopenblas0",
    "libpango-1.0.so": "libpango-1.0-0",
    "libpangoft2-1.0.so": "libpangoft2-1.0-0",
    "libpq.so": "libpq5",
    "librdkafka.so": "librdkafka1",
    "libsasl2.so": "libsasl2-2",
    "libsndfile.so": "libsndfile1",
    "libspatialindex_c.so": "libspatialindex-dev",
    "libvips.so": "libvips42",
    "libxcb.so": "libxcb1",
    "libxml2.so": "libxml2",
    "libxmlsec1.so": "libxmlsec1-openssl",
    "libxslt.so": "libxslt1.1",
    "libzbar.so": "libzbar0",
}
MESSAGES: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"cannot load library 'libgobject-2\.0\.so\.0'", ("libvips42",)),  # pyvips
    (r"cannot load library '(?:lib)?(?:gobject-2|pango|harfbuzz|fontconfig)", PANGO_PACKAGES),  # WeasyPrint
    (r"no library called \"(?:lib)?cairo", ("libcairo2",)),
    (r"failed to find libmagic", ("libmagic1",)),
    (r"Unable to find zbar shared library", ("libzbar0",)),
    (r"Could not find the (?:GDAL|GEOS) library|Could not find lib geos", ("gdal-bin",)),
    (r"'enchant' C library was not found", ("libenchant-2-2",)),
    (r"MagickWand shared library not found", ("imagemagick",)),
    (r"PortAudio library not found", ("libportaudio2",)),
    (r"sndfile library not found|cannot load library 'libsndfile", ("libsndfile1",)),
    (r"could not find or load spatialindex_c", ("libspatialindex-dev",)),
    (r"tesseract is not installed", ("tesseract-ocr",)),
    (r"Is poppler installed and in PATH", ("poppler-utils",)),
    (r"make sure the Graphviz executables are on your systems' PATH", ("graphviz",)),
    (r"no pq wrapper available", ("libpq5",)),
)
_PATTERNS = tuple((re.compile(pattern), packages) for pattern, packages in MESSAGES)
PROGRAMS = {
    "convert": "imagemagick",
    "curl": "curl",
    "dot": "graphviz",
    "ffmpeg": "ffmpeg",
    "ffprobe": "ffmpeg",
    "git": "git",
    "gs": "ghostscript",
    "java": "default-jre-headless",
    "mysql": "default-mysql-client",
    "mysqldump": "default-mysql-client",
    "node": "nodejs",
    "npm": "npm",
    "pandoc": "pandoc",
    "pdftoppm": "poppler-utils",
    "pdftotext": "poppler-utils",
    "pg_dump": "postgresql-client",
    "psql": "postgresql-client",
    "rdiff-backup": "rdiff-backup",
    "redis-cli": "redis-tools",
    "rsync": "rsync",
    "ssh": "openssh-client",
    "sqlite3": "sqlite3",
    "tesseract": "tesseract-ocr",
    "unzip": "unzip",
    "wget": "wget",
    "xmlsec1": "xmlsec1",
    "zip": "zip",
}
_OBSOLETE = re.compile(r"\Alib(?:ssl|crypto)\.so\.1|\Alibffi\.so\.[67]|\Alibpython")


def missing_library(message: str) -> str:
    """Return the file name of the shared library that could not be opened; "" if the message names none."""
    found = _LIBRARY.search(message)
    return found["name"] if found else ""


def mounted_noexec(message: str) -> str:
    """Return where the library that could not be mapped is mounted, if its file system forbids that; "" otherwise."""
    found = _UNMAPPED.match(message)
    try:
        if not found or not os.statvfs(found["file"]).f_flag & os.ST_NOEXEC:
            return ""
    except OSError:
        return ""
    place = found["file"]
    while not os.path.ismount(place):
        place = os.path.dirname(place)
    return place


def packages_for(message: str) -> tuple[str, ...]:
    """Return the Debian packages with the library that an exception's message misses; () if unknown."""
    for pattern, packages in _PATTERNS:
        if pattern.search(message):
            return packages
    package = LIBRARIES.get(missing_library(message).partition(".so")[0] + ".so", "")
    return (package,) if package else ()


def package_of_program(name: str) -> str:
    """Return the Debian package of a program; "" if unknown."""
    return PROGRAMS.get(name, "")


def is_obsolete(library: str) -> bool:
    """Whether today's Debian lacks this library, so that the package linked with it needs another release."""
    return _OBSOLETE.search(library) is not None
