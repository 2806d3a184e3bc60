"""List Debian's development packages by what a build needs: a header, a library to link, a pkg-config name.

A test in the image checks that each package can be installed.
"""

from __future__ import annotations

from types import MappingProxyType

# package: its headers, the names for the linker, the names for pkg-config.
DEVELOPMENT = MappingProxyType(
    {
        "default-libmysqlclient-dev": (
            ("mysql.h", "mysql/mysql.h"), ("mysqlclient", "mariadb"), ("mysqlclient", "libmariadb"),
        ),
        "freetds-dev": (("sqlfront.h", "sybdb.h"), ("sybdb",), ()),
        "libasound2-dev": (("alsa/asoundlib.h",), ("asound",), ("alsa",)),
        "libbluetooth-dev": (("bluetooth/bluetooth.h",), ("bluetooth",), ("bluez",)),
        "libbz2-dev": (("bzlib.h",), ("bz2",), ()),
        "libcairo2-dev": (("cairo.h",), ("cairo",), ("cairo",)),
        "libcups2-dev": (("cups/cups.h",), ("cups",), ("cups",)),
        "libcurl4-openssl-dev": (("curl/curl.h",), ("curl",), ("libcurl",)),
        "libdbus-1-dev": (("dbus/dbus.h",), ("dbus-1",), ("dbus-1",)),
        "libenchant-2-dev": (("enchant.h",), ("enchant-2",), ("enchant-2",)),
        "libevent-dev": (("event.h", "event2/event.h"), ("event",), ("libevent",)),
        "libffi-dev": (("ffi.h",), ("ffi",), ("libffi",)),
        "libfreetype-dev": (("ft2build.h",), ("freetype",), ("freetype2",)),
        "libgdal-dev": (("gdal.h", "cpl_port.h"), ("gdal",), ("gdal",)),
        "libgeos-dev": (("geos_c.h",), ("geos_c", "geos"), ("geos",)),
        "libgirepository1.0-dev": (("girepository.h",), (), ("gobject-introspection-1.0",)),
        "libglib2.0-dev": (("glib.h", "glib-object.h"), ("glib-2.0",), ("glib-2.0", "gobject-2.0", "gio-2.0")),
        "libgraphviz-dev": (("graphviz/cgraph.h", "cgraph.h"), ("cgraph", "gvc"), ("libcgraph",)),
        "libhdf5-dev": (("hdf5.h",), ("hdf5",), ("hdf5",)),
        "libicu-dev": (("unicode/utypes.h", "unicode/uversion.h"), ("icui18n", "icuuc"), ("icu-i18n", "icu-uc")),
        "libjpeg-dev": (("jpeglib.h",), ("jpeg",), ("libjpeg",)),
        "libkrb5-dev": (("gssapi/gssapi.h", "krb5.h", "gssapi.h"), ("gssapi_krb5", "krb5"), ("krb5-gssapi", "krb5")),
        "liblcms2-dev": (("lcms2.h",), ("lcms2",), ("lcms2",)),
        "libldap2-dev": (("lber.h", "ldap.h"), ("ldap", "lber", "ldap_r"), ("ldap", "lber")),
        "liblmdb-dev": (("lmdb.h",), ("lmdb",), ("lmdb",)),
        "liblz4-dev": (("lz4.h",), ("lz4",), ("liblz4",)),
        "liblzma-dev": (("lzma.h",), ("lzma",), ("liblzma",)),
        "libmagic-dev": (("magic.h",), ("magic",), ("libmagic",)),
        "libmagickwand-dev": (("wand/MagickWand.h", "MagickWand/MagickWand.h"), (), ("MagickWand",)),
        "libmemcached-dev": (("libmemcached/memcached.h",), ("memcached",), ("libmemcached",)),
        "libncurses-dev": (("ncurses.h", "curses.h"), ("ncurses", "curses"), ("ncurses",)),
        "libopenblas-dev": (("cblas.h", "openblas_config.h"), ("openblas", "blas", "lapack"), ("openblas",)),
        "libpango1.0-dev": (("pango/pango.h",), ("pango-1.0",), ("pango", "pangocairo")),
        "libpcap-dev": (("pcap.h",), ("pcap",), ("libpcap",)),
        "libpcre2-dev": (("pcre2.h",), ("pcre2-8",), ("libpcre2-8",)),
        "libpng-dev": (("png.h",), ("png", "png16"), ("libpng",)),
        "libpoppler-cpp-dev": (("poppler/cpp/poppler-document.h",), ("poppler-cpp",), ("poppler-cpp",)),
        "libpq-dev": (("libpq-fe.h", "postgres_ext.h"), ("pq",), ("libpq",)),
        "libproj-dev": (("proj.h",), ("proj",), ("proj",)),
        "libre2-dev": (("re2/re2.h",), ("re2",), ("re2",)),
        "libreadline-dev": (("readline/readline.h",), ("readline",), ("readline",)),
        "librdkafka-dev": (("librdkafka/rdkafka.h",), ("rdkafka",), ("rdkafka",)),
        "libsasl2-dev": (("sasl/sasl.h", "sasl.h"), ("sasl2",), ("libsasl2",)),
        "libsndfile1-dev": (("sndfile.h",), ("sndfile",), ("sndfile",)),
        "libsnappy-dev": (("snappy-c.h", "snappy.h"), ("snappy",), ("snappy",)),
        "libsodium-dev": (("sodium.h",), ("sodium",), ("libsodium",)),
        "libspatialindex-dev": (("spatialindex/capi/sidx_api.h",), ("spatialindex_c",), ("libspatialindex",)),
        "libsqlite3-dev": (("sqlite3.h",), ("sqlite3",), ("sqlite3",)),
        "libssl-dev": (
            ("openssl/ssl.h", "openssl/opensslv.h", "openssl/evp.h", "openssl/aes.h", "openssl/err.h"),
            ("ssl", "crypto"), ("openssl", "libssl"),
        ),
        "libsystemd-dev": (("systemd/sd-daemon.h", "systemd/sd-journal.h"), ("systemd",), ("libsystemd",)),
        "libtiff-dev": (("tiff.h", "tiffio.h"), ("tiff",), ("libtiff-4",)),
        "libusb-1.0-0-dev": (("libusb.h", "libusb-1.0/libusb.h"), ("usb-1.0",), ("libusb-1.0",)),
        "libvirt-dev": (("libvirt/libvirt.h",), ("virt",), ("libvirt",)),
        "libwebp-dev": (("webp/decode.h", "webp/encode.h"), ("webp",), ("libwebp",)),
        "libx11-dev": (("X11/Xlib.h",), ("X11",), ("x11",)),
        "libxml2-dev": (("libxml/xmlversion.h", "libxml/tree.h", "libxml/parser.h"), ("xml2",), ("libxml-2.0",)),
        "libxmlsec1-dev": (("xmlsec/xmlsec.h",), ("xmlsec1",), ("xmlsec1",)),
        "libxslt1-dev": (("libxslt/xslt.h", "libxslt/xsltconfig.h"), ("xslt", "exslt"), ("libxslt", "libexslt")),
        "libyaml-dev": (("yaml.h",), ("yaml",), ("yaml-0.1",)),
        "libzbar-dev": (("zbar.h",), ("zbar",), ("zbar",)),
        "libzmq3-dev": (("zmq.h",), ("zmq",), ("libzmq",)),
        "libzstd-dev": (("zstd.h",), ("zstd",), ("libzstd",)),
        "portaudio19-dev": (("portaudio.h",), ("portaudio",), ("portaudio-2.0",)),
        "tk-dev": (("tk.h", "tcl.h"), ("tk8.6", "tcl8.6"), ("tk", "tcl")),
        "unixodbc-dev": (("sql.h", "sqlext.h"), ("odbc",), ("odbc",)),
        "zlib1g-dev": (("zlib.h",), ("z",), ("zlib",)),
    }
)  # fmt: skip
_HEADERS = {name: package for package, (headers, _, _) in DEVELOPMENT.items() for name in headers}
_LINKED = {name: package for package, (_, linked, _) in DEVELOPMENT.items() for name in linked}
_PKG_CONFIG = {name: package for package, (_, _, names) in DEVELOPMENT.items() for name in names}
# What a build of these packages needs in addition to a compiler, whatever it reports first.
NEEDS = {
    "dbus-python": ("libdbus-1-dev", "libglib2.0-dev", "pkg-config"),
    "gdal": ("libgdal-dev",),
    "gssapi": ("libkrb5-dev",),
    "h5py": ("libhdf5-dev", "pkg-config"),
    "kerberos": ("libkrb5-dev",),
    "lxml": ("libxml2-dev", "libxslt1-dev"),
    "m2crypto": ("libssl-dev", "swig"),
    "mysqlclient": ("default-libmysqlclient-dev", "pkg-config"),
    "pillow": ("libjpeg-dev", "zlib1g-dev"),
    "pyaudio": ("portaudio19-dev",),
    "pycairo": ("libcairo2-dev", "pkg-config"),
    "pycups": ("libcups2-dev",),
    "pycurl": ("libcurl4-openssl-dev", "libssl-dev"),
    "pygobject": ("libcairo2-dev", "libgirepository1.0-dev", "pkg-config"),
    "pygraphviz": ("libgraphviz-dev",),
    "pylibmc": ("libmemcached-dev", "zlib1g-dev"),
    "pymssql": ("freetds-dev",),
    "pyodbc": ("unixodbc-dev",),
    "python-ldap": ("libldap2-dev", "libsasl2-dev"),
    "python-snappy": ("libsnappy-dev",),
    "systemd-python": ("libsystemd-dev", "pkg-config"),
    "xmlsec": ("libxml2-dev", "libxmlsec1-dev", "libxmlsec1-openssl", "pkg-config"),
}
# What the image's target `full` contains in addition to Pythons; tests/test_house.py compares it with the Dockerfile.
IN_FULL = frozenset(
    {
        "build-essential", "cmake", "default-libmysqlclient-dev", "git", "libffi-dev", "libjpeg-dev", "libpq-dev",
        "libssl-dev", "libxml2-dev", "libxslt1-dev", "pkg-config", "zlib1g-dev",
    }
)  # fmt: skip


def package_of_header(name: str) -> str:
    """Return the Debian package of a header, as a compiler names it; empty if unknown."""
    return _HEADERS.get(name, "")


def package_of_linked(name: str) -> str:
    """Return the Debian package of a library to link, ``pq`` for ``-lpq``; empty if unknown."""
    return _LINKED.get(name, "")


def package_of_pkg_config(name: str) -> str:
    """Return the Debian package of a pkg-config name; empty if unknown."""
    return _PKG_CONFIG.get(name, "")
