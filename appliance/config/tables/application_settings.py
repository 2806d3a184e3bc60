"""The settings of which application to serve, and how its environment is prepared."""

from __future__ import annotations

from appliance.config import value_types
from appliance.config.setting import Setting
from appliance.conventions import VARIABLE_FILES

APPLICATION_SETTINGS: tuple[Setting, ...] = (
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
        "SECRETS",
        value_types.TEXT,
        "",
        "A folder whose files are variables: each file's name and its text. They are masked, and win over .env files.",
        default_text="none",
        example="/run/secrets",
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
        "COMPANIONS",
        value_types.COMPANIONS,
        "on",
        "Which processes of Procfile.dev and of [tool.appliance.processes] in pyproject.toml to run beside the worker.",
        example="worker,css",
    ),
    Setting(
        "COMPANIONS_RELOAD",
        value_types.LIST,
        "",
        "Companions to start again after each reload of the application.",
        default_text="none",
        example="worker",
    ),
)
