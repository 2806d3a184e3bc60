"""The settings of the log: its content and its form."""

from __future__ import annotations

from appliance.config import value_types
from appliance.config.setting import Setting

LOG_SETTINGS: tuple[Setting, ...] = (
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
)
