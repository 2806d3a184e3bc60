"""The one table of settings.

Owns each setting's name, form, default and words. From it come the ``Settings`` that are read, ``.env.example``,
``--help``, ``docs/settings.md`` and the errors. Must not know where values come from. A setting stands here when what
it sets exists, not before. Runs in the appliance's own interpreter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance.config import env, forms

if TYPE_CHECKING:
    from appliance.config.forms import Form

PREFIX = "APPLIANCE_"


@dataclass(frozen=True)
class Setting:
    """One setting.

    Attributes:
        name: as in APPLIANCE_NAME, --name and the field of Settings.
        form: how its text is read, and which texts are allowed.
        default: the text that counts when none is given.
        help: what it does, one line.
        in_image: the default in the image, where that differs.
        words: the default in words, where its text says too little.
        example: a text that somebody would give.
        early: needed before a file of the project is read, so it counts from the process environment and flags alone.
    """

    name: str
    form: Form
    default: str
    help: str
    in_image: str = ""
    words: str = ""
    example: str = ""
    early: bool = False

    @property
    def variable(self) -> str:
        """The environment's name for it."""
        return PREFIX + self.name

    @property
    def field(self) -> str:
        """The attribute of Settings, and the key of the flags."""
        return self.name.lower()

    @property
    def flag(self) -> str:
        """The command line's name for it."""
        return "--" + self.name.lower().replace("_", "-")


TABLE: tuple[Setting, ...] = (
    Setting(
        "APP",
        forms.TEXT,
        "",
        "The WSGI application: module, module:object.attribute, module:factory() or path/file.py.",
        words="found by looking at the project",
        example="shop.web:create_app()",
    ),
    Setting(
        "ASGI",
        forms.choice("refuse", "adapt"),
        "refuse",
        "An application that is ASGI alone is refused, or, with adapt, served over HTTP, without WebSockets.",
        example="adapt",
    ),
    Setting(
        "PROJECT",
        forms.FOLDER,
        ".",
        "The project's folder.",
        in_image="/workspace",
        words="the working folder",
        example="../mine",
        early=True,
    ),
    Setting(
        "HOST",
        forms.HOST,
        "127.0.0.1",
        "The address to listen on.",
        in_image="0.0.0.0",
        example="::1",
    ),
    Setting(
        "PORT",
        forms.PORT,
        "8000",
        "The port to listen on; 0 takes a free one. Outside the image a plain PORT counts too.",
        in_image="8000",
        example="8001",
    ),
    Setting(
        "PUBLIC_URL",
        forms.URL,
        "",
        "The address that a browser uses, where it differs: it is printed at the start, and its host is allowed.",
        words="made from HOST and PORT",
        example="http://localhost:8001",
    ),
    Setting(
        "ENV_FILES",
        forms.FILES_OR_NONE,
        ",".join(env.FILES),
        "The project's files of variables, the first winning; none reads none.",
        example=".env.test,.env",
        early=True,
    ),
    Setting(
        "PYTHON",
        forms.PYTHON,
        "",
        "The project's Python: a version, or the path of an interpreter.",
        words="what the project asks for, else the appliance's own",
        example="3.12",
    ),
    Setting(
        "INSTALL",
        forms.choice("auto", "off"),
        "auto",
        "auto installs the project's dependencies into an environment in the cache; off uses the Python as it is.",
        example="off",
    ),
    Setting(
        "DEPENDENCIES",
        forms.FILES,
        "",
        "The dependency files to install from instead of those that are found; extras and groups to add.",
        words="found by looking at the project",
        example="requirements/test.txt,extra:postgres",
    ),
    Setting(
        "BEFORE_START",
        forms.TEXT,
        "",
        "Shell commands to run in the project's environment before its first worker, and again when they change.",
        words="none",
        example="python manage.py migrate --noinput",
    ),
    Setting(
        "RELOAD",
        forms.SWITCH,
        "on",
        "Whether a save restarts the worker.",
        example="off",
    ),
    Setting(
        "WATCH",
        forms.choice("auto", "events", "poll"),
        "auto",
        "How saves are noticed: events, poll (looking again and again), or auto: polling where a mount has no events.",
        example="poll",
    ),
    Setting(
        "WATCH_EXTRA",
        forms.LIST,
        "",
        "What is watched besides: patterns of files in the project, files and folders elsewhere.",
        words="nothing more than code, templates, .env and dependency files",
        example="config/*.yaml,../shared",
    ),
    Setting(
        "PRELOAD",
        forms.SWITCH,
        "on",
        "Whether reloads are forked from a process that has imported the project's packages; off starts each one cold.",
        example="off",
    ),
    Setting(
        "IGNORE",
        forms.LIST,
        "",
        "Patterns of paths, relative to the project, that are not watched.",
        words="nothing more than what is never watched",
        example="uploads/*,*.generated.py",
    ),
    Setting(
        "THREADS",
        forms.whole(1, 1000),
        "8",
        "How many requests may run at a time.",
        example="1",
    ),
    Setting(
        "LOG_FORMAT",
        forms.choice("auto", "json", "console"),
        "auto",
        "json is one object a line; console is for people; auto is console on a terminal, json elsewhere.",
        example="json",
    ),
    Setting(
        "LOG_LEVEL",
        forms.choice("debug", "info", "warning", "error"),
        "info",
        "The least severe level that is written.",
        example="debug",
    ),
    Setting(
        "ACCESS_LOG",
        forms.choice("on", "errors", "off"),
        "on",
        "Which requests leave a line: all, those that are answered with 400 or more, or none.",
        example="errors",
    ),
    Setting(
        "LOG_FIELDS",
        forms.PAIRS,
        "",
        "Fields that stand at the end of every line of JSON.",
        words="none",
        example="service.name=shop,deployment.environment.name=dev",
    ),
    Setting(
        "REDACT",
        forms.LIST_OR_NONE,
        "password,passwd,pass,pwd,secret,token,access_token,refresh_token,id_token,auth_token,client_secret,api_key,"
        "apikey,code,session,sessionid",
        "Keys of a query whose values are not logged, whatever their case; signatures of cloud stores never are.",
        example="session,token",
    ),
    Setting(
        "QUIET_PATHS",
        forms.LIST_OR_NONE,
        "/health,/healthz,/livez,/readyz,/ping",
        "Paths of health checks: a GET that goes well is logged at level debug.",
        example="/status/live",
    ),
    Setting(
        "ALLOWED_HOSTS",
        forms.LIST,
        "",
        "Host names to answer to besides the usual local ones; .example.com takes its sub-domains, * takes all.",
        words="the usual local names",
        example="shop.test,.example.com",
    ),
    Setting(
        "TRUSTED_PROXIES",
        forms.NETWORKS,
        "",
        "Addresses or networks of proxies whose X-Forwarded and X-Real-IP headers are believed.",
        words="none",
        example="172.16.0.0/12",
    ),
    Setting(
        "DEBUGPY",
        forms.PORT,
        "0",
        "The port on which debugpy listens in the worker, on the address of HOST, through reloads; 0 is no debugger.",
        words="no debugger",
        example="5678",
    ),
    Setting(
        "DEBUGPY_WAIT",
        forms.SWITCH,
        "off",
        "Whether a worker with a debugger waits for a client before it imports the project.",
        example="on",
    ),
    Setting(
        "TLS_CERT",
        forms.TEXT,
        "",
        "A certificate, with its chain, for HTTPS on the port: a PEM file, relative to the project. Needs TLS_KEY.",
        words="plain HTTP",
        example="certs/localhost.pem",
    ),
    Setting(
        "TLS_KEY",
        forms.TEXT,
        "",
        "The certificate's private key, without a password: a PEM file, relative to the project.",
        words="plain HTTP",
        example="certs/localhost-key.pem",
    ),
    Setting(
        "GRACE_S",
        forms.seconds(0),
        "10",
        "Seconds that running requests have to finish at a reload.",
        example="30",
    ),
    Setting(
        "BOOT_TIMEOUT_S",
        forms.seconds(1),
        "60",
        "Seconds that the application has to be imported.",
        example="300",
    ),
    Setting(
        "SLOW_REQUEST_S",
        forms.seconds(0),
        "10",
        "Seconds after which a request that still runs is logged with the place where it stands; 0 is never.",
        example="2",
    ),
    Setting(
        "HEADER_TIMEOUT_S",
        forms.seconds(0.1),
        "30",
        "Seconds that a client has to send a request's head.",
        example="5",
    ),
    Setting(
        "BODY_TIMEOUT_S",
        forms.seconds(0.1),
        "60",
        "Seconds that a client may pause while it sends a body.",
        example="300",
    ),
    Setting(
        "IDLE_TIMEOUT_S",
        forms.seconds(0),
        "75",
        "Seconds that a connection is kept open between two requests.",
        example="5",
    ),
    Setting(
        "MAX_HEADER_BYTES",
        forms.whole(1024, 16 * 1024 * 1024),
        "65536",
        "The largest head of a request.",
        example="131072",
    ),
    Setting(
        "MAX_BODY_BYTES",
        forms.whole(0, 2**62),
        "0",
        "The largest body of a request; 0 is no limit.",
        words="no limit",
        example="10485760",
    ),
    Setting(
        "CACHE",
        forms.FOLDER,
        "",
        "The folder of environments and caches.",
        in_image="/cache",
        words="wsgi-appliance in $XDG_CACHE_HOME or ~/.cache",
        example="/var/cache/appliance",
        early=True,
    ),
    Setting(
        "STATUS_SOCKET",
        forms.PATH,
        "",
        "The socket file on which the supervisor tells its state.",
        in_image="/tmp/appliance/status.sock",  # noqa: S108 - the image's own, in its own /tmp
        words="one for each project, in the folder of temporary files",
        example="/run/appliance.sock",
        early=True,
    ),
)
