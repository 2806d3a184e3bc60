"""List the conda packages that are not Python packages, and those that have another name on PyPI."""

from __future__ import annotations

import re

from appliance.package_names import normalized

# Programs, libraries, and the packages that conda's own environment is made of.
_OWN = frozenset(
    {
        "alsa-lib", "atk", "attr", "binutils", "blas", "blosc", "boost", "boost-cpp", "brotli", "brotli-bin", "bzip2",
        "c-ares", "c-compiler", "ca-certificates", "cairo", "clang", "cmake", "compilers", "conda", "cudatoolkit",
        "cudnn", "curl", "cxx-compiler", "cyrus-sasl", "dbus", "doxygen", "expat", "ffmpeg", "fftw", "fontconfig",
        "freetds", "freetype", "fribidi", "gcc", "gdk-pixbuf", "geos", "gettext", "gflags", "giflib", "git", "glib",
        "glib-tools", "glog", "gmp", "gnutls", "go", "gobject-introspection", "graphite2", "graphviz",
        "gst-plugins-base", "gstreamer", "gtk2", "gtk3", "gxx", "harfbuzz", "hdf4", "hdf5", "icu", "intel-openmp",
        "jasper", "jpeg", "json-c", "kealib", "keyutils", "krb5", "lame", "lcms2", "lerc", "llvm-openmp", "lz4-c",
        "make", "mkl", "mkl-fft", "mkl-random", "mkl-service", "mpc", "mpfr", "mpi", "mysql", "mysql-common",
        "mysql-libs", "ncurses", "nettle", "ninja", "nlohmann-json", "nodejs", "nomkl", "npm", "nspr", "nss",
        "oniguruma", "openblas", "openh264", "openjdk", "openjpeg", "openldap", "openmpi", "openssl", "pandoc", "pango",
        "pcre", "pcre2", "perl", "pip", "pixman", "pkg-config", "poppler", "postgresql", "proj", "proj4",
        "pthread-stubs", "python", "python-abi", "python-tzdata", "pytorch-mutex", "qhull", "qt", "qt-main",
        "qt-webengine", "re2", "readline", "redis-server", "rust", "setuptools", "snappy", "sqlite", "sysroot", "tbb",
        "tk", "tktable", "tzcode", "tzdata", "unixodbc", "utf8proc", "uwsgi", "vc", "vs2015-runtime", "wheel",
        "wincertstore", "x264", "x265", "xerces-c", "xz", "yaml", "yarn", "zeromq", "zfp", "zlib", "zstd",
    }
)  # fmt: skip
_FAMILIES = re.compile(
    r"\A(?:_|r-|xorg-|aws-|m2w64-|gcc_|gxx_|ld_impl|lib(?!rosa\Z|cst\Z|tmux\Z|usb1\Z|archive-c\Z|sass\Z))|.*(?:-ng|_linux-64)\Z"
)
_ON_PYPI = {
    "dask-core": "dask",
    "matplotlib-base": "matplotlib",
    "msgpack-python": "msgpack",
    "opencv": "opencv-python-headless",
    "psycopg2": "psycopg2-binary",
    "py-opencv": "opencv-python-headless",
    "py-xgboost": "xgboost",
    "pyqt": "PyQt5",
    "pytables": "tables",
    "python-graphviz": "graphviz",
    "pytorch": "torch",
    "pytorch-cpu": "torch",
    "ruamel-yaml": "ruamel.yaml",
    "tensorflow-base": "tensorflow",
}


def is_condas_own(name: str) -> bool:
    """Whether only conda has a package."""
    return normalized(name) in _OWN or _FAMILIES.match(name.lower()) is not None


def on_pypi(name: str) -> str:
    """Return the name of a conda package on PyPI."""
    return _ON_PYPI.get(normalized(name), name)
