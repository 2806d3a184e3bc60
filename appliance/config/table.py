"""The table of settings: each setting's name, type, default and texts.

The ``Settings`` object, ``.env.example``, ``--help``, ``docs/settings.md`` and the errors are made from it. It does not
know where values come from. Add a setting when the code that uses it exists, not before. Runs in the appliance's own
interpreter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance.config import value_types
from appliance.conventions import VARIABLE_FILES

if TYPE_CHECKING:
    from appliance.config.value_types import ValueType

PREFIX = "APPLIANCE_"


@dataclass(frozen=True)
class Setting:
    """One setting.

    Attributes:
        name: as in APPLIANCE_NAME, --name and the field of Settings.
        value_type: how its text is parsed, and which texts are allowed.
        default: the text that counts if none is given.
        help: what it does, in one line.
        in_image: the default in the image, if it differs.
        default_text: a description of the default, if its text says too little.
        example: a realistic value.
        early: needed before a file of the project is read; so only the process environment and the flags can set it.
    """

    name: str
    value_type: ValueType
    default: str
    help: str
    in_image: str = ""
    default_text: str = ""
    example: str = ""
    early: bool = False

    @property
    def variable(self) -> str:
        """Its environment variable."""
        return PREFIX + self.name

    @property
    def field(self) -> str:
        """Its attribute of Settings, and its key in the flags."""
        return self.name.lower()

    @property
    def flag(self) -> str:
        """Its flag on the command line."""
        return "--" + self.name.lower().replace("_", "-")


TABLE: tuple[Setting, ...] = (
    Setting(
        "APP",
        value_types.TEXT,
        "",
        "The WSGI application: module, module:object.attribute, module:factory() or path/file.py.",
        default_text="found in the project",
        example="shop.web:create_app()",
    ),
    Setting(
        "ASGI",
        value_types.choice("refuse", "adapt"),
        "refuse",
        "What to do with an application that is only ASGI: refuse it, or adapt it to HTTP without WebSockets.",
        example="adapt",
    ),
    Setting(
        "PROJECT",
        value_types.FOLDER,
        ".",
        "The project's folder.",
        in_image="/workspace",
        default_text="the working folder",
        example="../mine",
        early=True,
    ),
    Setting(
        "HOST",
        value_types.HOST,
        "127.0.0.1",
        "The address to listen on.",
        in_image="0.0.0.0",
        example="::1",
    ),
    Setting(
        "PORT",
        value_types.PORT,
        "8000",
        "The port to listen on; 0 picks a free one. Outside the image, PORT counts too.",
        in_image="8000",
        example="8001",
    ),
    Setting(
        "PUBLIC_URL",
        value_types.URL,
        "",
        "The URL for browsers, if it differs from HOST and PORT: it is printed at the start, and its host is allowed.",
        default_text="made from HOST and PORT",
        example="http://localhost:8001",
    ),
    Setting(
        "ENV_FILES",
        value_types.FILES_OR_NONE,
        ",".join(VARIABLE_FILES),
        "The project's .env files; the first wins; none reads no file.",
        example=".env.test,.env",
        early=True,
    ),
    Setting(
        "PYTHON",
        value_types.PYTHON,
        "",
        "The project's Python: a version, or the path of an interpreter.",
        default_text="what the project asks for, else the appliance's own",
        example="3.12",
    ),
    Setting(
        "INSTALL",
        value_types.choice("auto", "off"),
        "auto",
        "auto installs the project's dependencies into an environment in the cache; off uses the Python as it is.",
        example="off",
    ),
    Setting(
        "DEPENDENCIES",
        value_types.FILES,
        "",
        "The dependency files to install from instead of those found in the project; extras and groups to add.",
        default_text="found in the project",
        example="requirements/test.txt,extra:postgres",
    ),
    Setting(
        "BEFORE_START",
        value_types.TEXT,
        "",
        "Shell commands to run in the project's environment before its first worker, and again when they change.",
        default_text="none",
        example="python manage.py migrate --noinput",
    ),
    Setting(
        "COMPANIONS", value_types.COMPANIONS, "on", "Which other processes of the project to run.", example="worker,css"
    ),
    Setting(
        "COMPANIONS_RELOAD",
        value_types.LIST,
        "",
        "Companions to start again after each reload of the application.",
        default_text="none",
        example="worker",
    ),
    Setting("RELOAD", value_types.SWITCH, "on", "Whether a save restarts the worker.", example="off"),
    Setting(
        "WATCH",
        value_types.choice("auto", "events", "poll"),
        "auto",
        "How to notice saves: by events, by polling, or auto: polling only for mounts without file events.",
        example="poll",
    ),
    Setting(
        "WATCH_EXTRA",
        value_types.LIST,
        "",
        "More to watch: patterns of files in the project, and files and folders elsewhere.",
        default_text="nothing more than code, templates, .env and dependency files",
        example="config/*.yaml,../shared",
    ),
    Setting(
        "PRELOAD",
        value_types.SWITCH,
        "on",
        "Whether reloads fork from a process that has imported the project's packages; off starts each worker cold.",
        example="off",
    ),
    Setting(
        "IGNORE",
        value_types.LIST,
        "",
        "Patterns of paths, relative to the project, that are not watched.",
        default_text="nothing more than the paths that are never watched",
        example="uploads/*,*.generated.py",
    ),
    Setting(
        "THREADS",
        value_types.whole(1, 1000),
        "8",
        "How many requests can run at the same time.",
        example="1",
    ),
    Setting(
        "LOG_FORMAT",
        value_types.choice("auto", "json", "console"),
        "auto",
        "json writes one object a line; console is for people; auto is console on a terminal, json elsewhere.",
        example="json",
    ),
    Setting(
        "LOG_LEVEL",
        value_types.choice("debug", "info", "warning", "error"),
        "info",
        "The least severe level that is written.",
        example="debug",
    ),
    Setting(
        "ACCESS_LOG",
        value_types.choice("on", "pages", "errors", "off"),
        "on",
        "Which requests to log: all; all, but a page and its assets in one line (in JSON as on); only those with a "
        "status of 400 or more; or none.",
        example="pages",
    ),
    Setting(
        "LOG_FIELDS",
        value_types.PAIRS,
        "",
        "Fields to add at the end of every JSON line.",
        default_text="none",
        example="service.name=shop,deployment.environment.name=dev",
    ),
    Setting(
        "REDACT",
        value_types.LIST_OR_NONE,
        "password,passwd,pass,pwd,secret,token,access_token,refresh_token,id_token,auth_token,client_secret,api_key,"
        "apikey,code,session,sessionid",
        "Query parameters whose values are not logged, in upper or lower case; cloud storage signatures never are.",
        example="session,token",
    ),
    Setting(
        "QUIET_PATHS",
        value_types.LIST_OR_NONE,
        "/health,/healthz,/livez,/readyz,/ping",
        "Paths of health checks: a GET that succeeds is logged at level debug.",
        example="/status/live",
    ),
    Setting(
        "ALLOWED_HOSTS",
        value_types.LIST,
        "",
        "Host names to accept besides the usual local ones; .example.com accepts its subdomains, * accepts all.",
        default_text="the usual local names",
        example="shop.test,.example.com",
    ),
    Setting(
        "TRUSTED_PROXIES",
        value_types.NETWORKS,
        "",
        "Addresses or networks of proxies whose X-Forwarded and X-Real-IP headers are trusted.",
        default_text="none",
        example="172.16.0.0/12",
    ),
    Setting(
        "PAGES",
        value_types.SWITCH,
        "on",
        "Whether the appliance answers /__appliance__/ itself: live reload, the errors of open pages, what is running.",
        example="off",
    ),
    Setting(
        "RECORD",
        value_types.SWITCH,
        "on",
        "Whether the last requests are kept, to be looked at on the page /__appliance__/. Needs PAGES.",
        example="off",
    ),
    Setting(
        "BROWSER_RELOAD",
        value_types.choice("auto", "on", "off"),
        "auto",
        "Whether open pages follow the code: auto for browsers on this machine, on for every host. Needs PAGES.",
        example="off",
    ),
    Setting(
        "EDITOR",
        value_types.choice("none", "vscode", "cursor", "pycharm", "zed", "vim"),
        "none",
        "The editor that a page of an error opens a file in, by a link; vim is MacVim's.",
        example="vscode",
    ),
    Setting(
        "EDITOR_FOLDER",
        value_types.TEXT,
        "",
        "The project's folder where the editor runs, if its path differs there: the host's folder of a container.",
        default_text="PROJECT; with this repository's compose file, PROJECT_DIR",
        example="/home/me/shop",
    ),
    Setting(
        "DEBUGPY",
        value_types.PORT,
        "0",
        "The port for debugpy, on the address of HOST; it stays open through reloads; 0 means no debugger.",
        default_text="no debugger",
        example="5678",
    ),
    Setting(
        "DEBUGPY_WAIT",
        value_types.SWITCH,
        "off",
        "Whether a worker with a debugger waits for a client before it imports the project.",
        example="on",
    ),
    Setting(
        "TLS_CERT",
        value_types.TEXT,
        "",
        "A certificate, with its chain, for HTTPS on the port: a PEM file, relative to the project. Needs TLS_KEY.",
        default_text="plain HTTP",
        example="certs/localhost.pem",
    ),
    Setting(
        "TLS_KEY",
        value_types.TEXT,
        "",
        "The certificate's private key, without a password: a PEM file, relative to the project.",
        default_text="plain HTTP",
        example="certs/localhost-key.pem",
    ),
    Setting(
        "GRACE_S", value_types.seconds(0), "10", "Seconds that running requests have to end at a reload.", example="30"
    ),
    Setting(
        "BOOT_TIMEOUT_S", value_types.seconds(1), "60", "Seconds that the application has to be imported.", example="90"
    ),
    Setting(
        "SLOW_REQUEST_S",
        value_types.seconds(0),
        "10",
        "Seconds after which a request that still runs is logged, with its current line of code; 0 means never.",
        example="2",
    ),
    Setting(
        "HEADER_TIMEOUT_S",
        value_types.seconds(0.1),
        "30",
        "Seconds that a client has to send a request's head.",
        example="5",
    ),
    Setting(
        "BODY_TIMEOUT_S",
        value_types.seconds(0.1),
        "60",
        "Seconds that a client may pause while it sends a body.",
        example="300",
    ),
    Setting(
        "IDLE_TIMEOUT_S",
        value_types.seconds(0),
        "75",
        "Seconds to keep a connection open between two requests.",
        example="5",
    ),
    Setting(
        "MAX_HEADER_BYTES",
        value_types.whole(1024, 16 * 1024 * 1024),
        "65536",
        "The largest allowed head of a request.",
        example="131072",
    ),
    Setting(
        "MAX_BODY_BYTES",
        value_types.whole(0, 2**62),
        "0",
        "The largest allowed body of a request; 0 means no limit.",
        default_text="no limit",
        example="10485760",
    ),
    Setting(
        "CACHE",
        value_types.FOLDER,
        "",
        "The folder for environments and caches.",
        in_image="/cache",
        default_text="wsgi-appliance in $XDG_CACHE_HOME or ~/.cache",
        example="/var/cache/appliance",
        early=True,
    ),
    Setting(
        "STATUS_SOCKET",
        value_types.PATH,
        "",
        "The socket file on which the supervisor answers status requests.",
        in_image="/tmp/appliance/status.sock",  # noqa: S108  the image's own, in its own /tmp
        default_text="one for each project, in the temporary folder",
        example="/run/appliance.sock",
        early=True,
    ),
)
