"""The settings of who may send requests, how many run, and how long and large they may be."""

from __future__ import annotations

from appliance.config import value_types
from appliance.config.setting import Setting

ASGI_THREADS = 64
"""The default of THREADS for an adapted ASGI application, whose requests hold a thread while they wait."""

SERVER_SETTINGS: tuple[Setting, ...] = (
    Setting(
        "ALLOWED_HOSTS",
        value_types.LIST,
        "",
        "Host names to accept in addition to the usual local ones; .example.com accepts its subdomains, * accepts all.",
        default_text="the usual local names",
        example="shop.test,.example.com",
    ),
    Setting(
        "PROBE_PORT",
        value_types.PORT,
        "0",
        "The port for a cluster's probes, /livez and /readyz, on the address of HOST; 0 means no probes.",
        default_text="no probes",
        example="8081",
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
        "THREADS",
        value_types.whole(1, 1000),
        "8",
        f"How many requests can run at the same time. For an ASGI application, the default is {ASGI_THREADS}.",
        example="1",
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
        "GRACE_S",
        value_types.seconds(0),
        "10",
        "Seconds that running requests have to finish at a reload.",
        example="30",
    ),
    Setting(
        "BOOT_TIMEOUT_S",
        value_types.seconds(1),
        "60",
        "Seconds that the application has to be imported.",
        example="300",
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
)
