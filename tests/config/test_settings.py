"""Settings: precedence, types of values, origins, and the words for what can't be meant."""

from pathlib import Path

import pytest

from appliance.config.settings import EarlySettings, Settings, read_early, read_settings
from appliance.config.table import TABLE
from appliance.errors import SettingsError
from appliance.protocol.record import declared_types

HERE = Path("/projects/shop")


def read(values=None, flags=None, origins=None):
    """All settings, in a folder of their own."""
    values = {"HOME": "/home/ada", **(values or {})}
    return read_settings(values, origins or dict.fromkeys(values, "environment"), flags or {}, HERE)


def failure(values=None, flags=None, origins=None):
    """The error of settings that can't be read."""
    with pytest.raises(SettingsError) as caught:
        read(values, flags, origins)
    return caught.value


def test_the_table_is_the_class():
    """Each row is a field of Settings and each field but two is a row, so that no setting can do nothing."""
    rows = {setting.field for setting in TABLE}
    assert set(declared_types(Settings)) - {"origins", "notices"} == rows
    assert {setting.field for setting in TABLE if setting.early} == set(declared_types(EarlySettings))


@pytest.mark.parametrize("setting", TABLE, ids=lambda setting: setting.name)
def test_examples_and_defaults_can_be_read(setting):
    """Each value in the documentation is allowed, and can be read."""
    shown = [text for text in (setting.example, setting.default, setting.in_image) if text]
    assert shown
    assert None not in [setting.value_type.read(text, HERE) for text in shown]


def test_defaults_serve_the_working_folder():
    """With nothing set, the project is the working folder, served on the loopback alone."""
    settings = read()
    assert (settings.project, settings.host, settings.port) == (HERE, "127.0.0.1", 8000)
    assert settings.env_files == (".env.local", ".env", ".flaskenv")
    assert settings.cache == Path("/home/ada/.cache/wsgi-appliance")
    assert settings.allowed_hosts == ()
    assert set(settings.origins.values()) == {"default"}


def test_unset_lists_are_empty_lists():
    """A setting whose field is a tuple is an empty one if neither a text nor a default is given."""
    declared = {name for name, written in declared_types(Settings).items() if written.startswith("tuple")}
    settings = read()
    assert {"log_fields", "ignore", "companions_reload"} <= declared
    assert [name for name in declared if not isinstance(getattr(settings, name), tuple)] == []


def test_a_flag_wins_over_the_environment():
    """The order is flag, environment, file, default; an empty text is none."""
    values = {"APPLIANCE_PORT": "1", "APPLIANCE_THREADS": "2", "APPLIANCE_HOST": ""}
    origins = {"APPLIANCE_PORT": "environment", "APPLIANCE_THREADS": ".env", "APPLIANCE_HOST": "environment"}
    settings = read(values, {"port": "3", "app": ""}, origins)
    assert (settings.port, settings.threads, settings.host) == (3, 2, "127.0.0.1")
    assert settings.origins["port"] == "flag"
    assert settings.origins["threads"] == ".env"
    assert settings.origins["host"] == "default"


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("PROJECT", "../mine", Path("/projects/mine")),
        ("HOST", "[::1]", "::1"),
        ("RELOAD", "FALSE", "off"),
        ("PYTHON", "python3.12", "3.12"),
        ("PYTHON", "./bin/python", "/projects/shop/bin/python"),
        ("ENV_FILES", "none", ()),
        ("IGNORE", "a/*, b ,", ("a/*", "b")),
        ("TRUSTED_PROXIES", "10.0.0.1/8,::1", ("10.0.0.0/8", "::1/128")),
        ("GRACE_S", "0.5", 0.5),
        ("PUBLIC_URL", "https://shop.test/", "https://shop.test"),
        ("PUBLIC_URL", "http://localhost:8000-8003", "http://localhost:8000-8003"),
        ("LOG_FORMAT", "JSON", "json"),
        ("LOG_FIELDS", "service.name=shop, env=a=b", (("service.name", "shop"), ("env", "a=b"))),
        ("REDACT", "none", ()),
    ],
)
def test_each_form_of_a_value_is_read(name, text, value):
    """A text becomes the value that it says."""
    assert getattr(read({f"APPLIANCE_{name}": text}), name.lower()) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("PORT", "http"),
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("PORT", "8_000"),
        ("PORT", "\u0661"),
        ("HOST", "http://localhost"),
        ("HOST", "1::2::3"),
        ("PUBLIC_URL", "localhost:8000"),
        ("PUBLIC_URL", "http://localhost:http"),
        ("PYTHON", "three"),
        ("INSTALL", "no"),
        ("RELOAD", "sometimes"),
        ("THREADS", "0"),
        ("GRACE_S", "nan"),
        ("GRACE_S", "1e3"),
        ("GRACE_S", "-1"),
        ("TRUSTED_PROXIES", "proxy"),
        ("LOG_FIELDS", "service.name"),
        ("LOG_FIELDS", "a=1,a=2"),
        ("LOG_FIELDS", "two words=1"),
        ("STATUS_SOCKET", "/" + "x" * 120),
        ("PROJECT", "~nobody-of-this-name/shop"),
    ],
)
def test_a_bad_values_error_says_what_was_found_and_what_is_allowed(name, text):
    """The error for a value that is not allowed says what was found, where, and what is allowed."""
    error = failure({f"APPLIANCE_{name}": text})
    assert f"APPLIANCE_{name} (in the environment)" in error.found
    assert error.expected == next(setting.value_type.allowed for setting in TABLE if setting.name == name)
    assert error.details["origin"] == "environment"
    assert error.exit_code == 2


def test_a_bad_flag_is_named_as_it_was_given():
    """The words are the command line's."""
    assert "--port (on the command line)" in failure(flags={"port": "http"}).found


def test_an_unknown_name_gets_the_nearest_right_one():
    """The nearest right one is offered, and the file is named."""
    error = failure({"APPLIANCE_PROT": "1"}, origins={"APPLIANCE_PROT": ".env"})
    assert "APPLIANCE_PROT (in .env)" in error.found
    assert error.expected == "APPLIANCE_PORT"
    assert "APPLIANCE_PORT" in error.action


def test_all_problems_are_reported_in_one_error():
    """Several are one error, each with its own three parts."""
    error = failure({"APPLIANCE_PROT": "1", "APPLIANCE_THREADS": "0"}, {"port": "http"})
    problems = error.details["problems"]
    assert isinstance(problems, list)
    assert {problem["setting"] for problem in problems} == {"APPLIANCE_PROT", "APPLIANCE_THREADS", "--port"}
    assert all(problem["found"] in error.found for problem in problems)


def test_control_characters_are_escaped():
    """A value is shown as a person can read it."""
    assert failure({"APPLIANCE_PORT": "\x1b[31m"}).found.isprintable()


def test_kubernetes_service_links_are_ignored_with_one_notice():
    """Variables of a service called "appliance", which each container gets, are ignored, with one notice."""
    links = {
        "APPLIANCE_PORT": "tcp://10.0.0.1:80",
        "APPLIANCE_PORT_80_TCP": "tcp://10.0.0.1:80",
        "APPLIANCE_PORT_80_TCP_ADDR": "10.0.0.1",
        "APPLIANCE_SERVICE_HOST": "10.0.0.1",
        "APPLIANCE_SERVICE_PORT_HTTP": "80",
    }
    settings = read(links)
    assert settings.port == 8000
    [(event, fields)] = settings.notices
    assert event == "settings.ignored"
    assert fields["names"] == sorted(links)
    assert read().notices == ()


@pytest.mark.parametrize(
    ("values", "origins", "port"),
    [
        ({"PORT": "5000"}, {}, 5000),
        ({"PORT": "5000", "APPLIANCE_PORT": "7000"}, {}, 7000),
        ({"PORT": "5000", "APPLIANCE_IMAGE": "1"}, {}, 8000),
        ({"PORT": "5000"}, {"PORT": ".env"}, 8000),
    ],
)
def test_port_is_read_from_the_environment_alone(values, origins, port):
    """PORT counts from the process environment alone, never in the image, and after our own name."""
    assert read(values, origins=dict.fromkeys(values, "environment") | origins).port == port


def test_a_bad_plain_port_is_called_so():
    """The name in the words is the one that was set."""
    assert failure({"PORT": "http"}).found.startswith("PORT (in the environment)")


def test_an_early_setting_is_refused_in_the_projects_files():
    """A setting that is needed before the project's files are read is refused in them."""
    error = failure({"APPLIANCE_PROJECT": "sub"}, origins={"APPLIANCE_PROJECT": ".env"})
    assert "APPLIANCE_PROJECT" in error.found
    assert "--project" in error.action


def test_early_settings_are_known_before_a_file_is_read():
    """Project, files, cache and socket are known before a file of the project is read."""
    early = read_early({"APPLIANCE_PROJECT": "sub", "XDG_CACHE_HOME": "/xdg", "TMPDIR": "/t"}, {}, HERE)
    assert early.project == HERE / "sub"
    assert early.cache == Path("/xdg/wsgi-appliance")
    assert early.status_socket.startswith("/t/wsgi-appliance-")
    assert read_early({}, {"cache": "/c"}, HERE).cache == Path("/c")


def test_projects_have_sockets_of_their_own():
    """Two projects that are served at once do not meet."""
    sockets = {read_early({}, {"project": name}, HERE).status_socket for name in ("one", "two")}
    assert len(sockets) == 2


def test_the_projects_home_moves_no_cache():
    """HOME in a file of the project is the project's."""
    values = {"XDG_CACHE_HOME": "/elsewhere", "HOME": "/home/ada"}
    settings = read(values, origins={"XDG_CACHE_HOME": ".env", "HOME": "environment"})
    assert settings.cache == Path("/home/ada/.cache/wsgi-appliance")
