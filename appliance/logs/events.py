"""The table of events: each event's name, its level, its meaning, its fields, and who may log it.

Names are dotted and in the past tense. They are API: a test compares every name in the code with this table. Runs in
the supervisor, which checks who may log what, and in a process that uses the server as a library.
"""

from __future__ import annotations

from types import MappingProxyType

from appliance.logs.tables.companion_events import COMPANION_EVENTS
from appliance.logs.tables.event_type import CHILD, Event
from appliance.logs.tables.page_events import PAGE_EVENTS
from appliance.logs.tables.request_events import REQUEST_EVENTS
from appliance.logs.tables.swap_events import SWAP_EVENTS
from appliance.logs.tables.telemetry_events import TELEMETRY_EVENTS

_ERROR = ("found", "expected", "action")

EVENTS = MappingProxyType(
    {
        # The appliance as a whole.
        "appliance.started": Event("info", "The appliance is up.", ("url", "address", "project", "action")),
        "appliance.stopping": Event("info", "The appliance was asked to stop.", ("signal",)),
        "appliance.abandoned": Event(
            "error",
            "The appliance stops although some processes could not be ended; `names` are their roles.",
            ("count", "names", "action"),
            action=(
                "Look for a disk or a network mount that does not answer. Stop the container, which ends the processes."
            ),
        ),
        "appliance.stopped": Event("info", "No process is left.", ("uptime_s",)),
        "appliance.failed": Event("error", "The appliance can't go on.", (*_ERROR, "place")),
        "listen.failed": Event("error", "The address can't be bound.", _ERROR),
        "supervisor.missing": Event("error", "A command found no supervisor that answers.", _ERROR),
        "status.unavailable": Event(
            "warning",
            "`appliance status` and the health check get no answer.",
            ("reason", "action"),
            action="Stop the other appliance; if the root is read-only, mount a writable folder at /tmp; "
            "or name another path in APPLIANCE_STATUS_SOCKET.",
        ),
        "probes.started": Event(
            "info",
            "/livez and /readyz are answered on PROBE_PORT. Logged again after each restart of the probe server.",
            ("address",),
        ),
        "probes.unavailable": Event(
            "warning",
            "The port of PROBE_PORT can't be used; the project is served without probes, and the port tried again.",
            ("reason", "action"),
            action="Stop the other process, or use another port: APPLIANCE_PROBE_PORT.",
        ),
        "probes.failed": Event(
            "warning",
            "The process that answers probes has ended, or could not be started; it is started again.",
            ("reason", "action"),
            action="If it ends again and again, raise the limit of memory, processes or descriptors.",
        ),
        "process.reaped": Event("debug", "A process ended that the appliance had not started.", ("pid", "status")),
        # The appliance's folders.
        "folder.replaced": Event(
            "warning",
            "Others could write a folder of the appliance; it was renamed to `aside`, and made again.",
            ("path", "reason", "aside", "action"),
        ),
        "cache.moved": Event(
            "warning",
            "The cache folder can't be used, or not safely; another folder is used.",
            ("path", "reason", "instead", "action"),
        ),
        "cache.unprotected": Event(
            "warning", "Other users can replace programs in the cache.", ("path", "reason", "action")
        ),
        "cache.unavailable": Event(
            "warning", "There is no folder for installations and compiled code.", ("path", "reason", "action")
        ),
        "cache.refused": Event(
            "warning",
            "Other users could write compiled code in the cache; it was not used.",
            ("path", "reason", "action"),
            CHILD,
            action=(
                "Set APPLIANCE_CACHE to a folder that only you can write. Until then, the code is compiled at each "
                "start."
            ),
        ),
        "supervisor.failed": Event(
            "error",
            "A step of the supervisor failed; the supervisor goes on, and tries the step again.",
            ("reason", "place", "count", "action"),
        ),
        "start.failed": Event(
            "error",
            "A process or a thread of the appliance could not be started.",
            (*_ERROR, "what"),
        ),
        # Settings and the environment.
        "settings.invalid": Event("error", "A setting or the command line is not valid.", _ERROR),
        "settings.ignored": Event(
            "warning",
            "Settings have no effect.",
            ("names", "reason", "action"),
            action="Use the names of docs/settings.md, if they are meant as settings.",
        ),
        "settings.changed": Event(
            "warning", "A setting in an .env file changed; restart to apply it.", ("key", "action")
        ),
        "environment.unread": Event(
            "warning",
            "Part of an .env file, or a secret, can't be read and is left out; logged once for each state of the file.",
            ("file", "line", "reason", "count", "action"),
        ),
        "environment.hidden": Event(
            "warning", "The environment, or a secret, overrides a variable of an .env file.", ("key", "file", "action")
        ),
        # The project.
        "project.found": Event("info", "The application was found.", ("application", "framework", "why")),
        "project.missing": Event("error", "The project's folder does not exist, or can't be read.", _ERROR),
        "asgi.unserved": Event(
            "warning",
            "Django is served by WSGI, and these routes exist only in the project's ASGI application.",
            ("application", "routes", "count", "action"),
        ),
        "application.missing": Event("error", "No WSGI application was found, or several, or another kind.", _ERROR),
        "interpreter.missing": Event("error", "No Python that the project can run on can be found.", _ERROR),
        "interpreter.chosen": Event(
            "info",
            "The project's pinned packages have wheels for another Python than the usual one.",
            ("python", "reason"),
        ),
        "interpreter.substituted": Event(
            "warning",
            "The project pins a Python that is missing here, or too old to be served; another one runs the project.",
            ("python", "action"),
        ),
        # Dependencies.
        "install.started": Event("info", "The project's dependencies are being installed.", ("source",)),
        "install.output": Event("info", "One line of the installer's output.", ("text",)),
        "install.adapted": Event(
            "warning",
            "Some dependencies are not installed exactly as their file says.",
            ("reason", "action"),
            action="Check that the project works without it; docs/dependencies.md says how the files are read.",
        ),
        "install.extended": Event(
            "warning",
            "An import needed a package that no file declares; it is installed too.",
            ("package", "reason", "action"),
            action="Declare the package in the project's dependencies.",
        ),
        "install.finished": Event("info", "The dependencies are installed.", ("duration_s",)),
        "install.failed": Event("error", "The dependencies can't be installed.", (*_ERROR, "output", "offline")),
        # The commands of BEFORE_START.
        "preparation.started": Event("info", "The commands of BEFORE_START run.", ("commands",)),
        "preparation.waiting": Event(
            "info", "The commands of BEFORE_START wait until all processes of their last run have ended.", ("pid",)
        ),
        "preparation.finished": Event("info", "The commands of BEFORE_START have succeeded.", ("duration_s",)),
        "preparation.failed": Event("error", "A command of BEFORE_START has failed.", (*_ERROR, "output")),
        # Workers, and the stand-in.
        "worker.started": Event("debug", "A worker's process runs.", ("pid", "forked")),
        "worker.ready": Event(
            "info",
            "A worker has imported the application, and serves.",
            ("pid", "python", "application", "import_s", "total_s", "url"),
        ),
        "worker.failed": Event(
            "error",
            "The application can't be imported, or not in time.",
            ("error", "type", "message", "file", "line", "traceback", "action"),
        ),
        "import.endless": Event(
            "warning",
            "The import of the application does not end; the application is served while the import goes on.",
            ("file", "line", "action"),
            CHILD,
        ),
        "worker.stacks": Event("warning", "The stacks of a worker's threads, at SIGQUIT.", ("pid", "traceback")),
        "worker.exited": Event(
            "debug, error",
            "A worker's process ended.",
            ("pid", "how", "action"),
            action="Read the lines above: what the worker printed last. If it was out of memory, raise the limit "
            "(mem_limit with compose). A new worker starts.",
        ),
        "worker.stuck": Event(
            "error",
            "A worker is alive but answers no request: it is stopped, or accepts no connection, or for a minute no "
            "request has begun or ended although clients wait. The health check reports it too.",
            ("pid", "reason", "traceback", "action"),
        ),
        "worker.resumed": Event("info", "The stuck worker answers again.", ("pid", "duration_s")),
        "work.running": Event(
            "info",
            "A worker that has stopped serving has background work: a thread, or an exit hook. It has GRACE_S to end.",
            ("thread", "file", "line", "function"),
            CHILD,
        ),
        "work.cut": Event(
            "warning",
            "Background work did not end in time, and was stopped.",
            ("thread", "file", "line", "function", "action"),
            CHILD,
            action="Let the work end within APPLIANCE_GRACE_S, or raise APPLIANCE_GRACE_S.",
        ),
        "scheduler.stopped": Event(
            "debug", "A worker that has stopped serving has kept its schedulers from starting jobs.", ("names",), CHILD
        ),
        "worker.looping": Event(
            "error",
            "Workers keep ending, one soon after the other; `how` is the most frequent way.",
            ("count", "duration_s", "how", "action"),
        ),
        "worker.waiting": Event("info", "A new worker needs an address that the old one uses until it ends."),
        "worker.restarting": Event("warning", "A worker will be started again.", ("after_s",)),
        "channel.failed": Event(
            "error",
            "The supervisor can't read what a process of the appliance sends; it replaces the process.",
            ("pid", "reason", "action"),
            action="If it happens again, report it with this line.",
        ),
        "standin.ended": Event(
            "error",
            "The stand-in, which answers while no worker can, has ended or did not start.",
            ("reason", "action"),
            action="Another one starts when it is needed. If it happens again, and was not out of memory, report it "
            "with this line.",
        ),
        **PAGE_EVENTS,
        **TELEMETRY_EVENTS,
        # Reloading.
        "watch.started": Event(
            "info",
            "The watch for saves has begun; `polled` lists the folders without file events.",
            ("how", "polled", "count", "folders", "duration_s"),
        ),
        "watch.failed": Event("warning", "The project's files can't be watched fully.", ("reason", "action")),
        "reload.started": Event(
            "info",
            "Files have changed, or a remedy was run; a new generation starts.",
            ("files", "count", "signal", "reason"),
        ),
        "reload.finished": Event(
            "info",
            "The new generation serves. `reason`: why its worker was not made in a faster way.",
            ("duration_s", "how", "forked", "reason", "seen_s", "start_s", "import_s"),
        ),
        "reload.spared": Event(
            "info",
            "The application itself has written a watched file; this causes no reload. Logged once for each file.",
            ("file", "action"),
        ),
        "reload.repeated": Event(
            "info",
            "One single file has caused five reloads within ten seconds. Logged once for each file.",
            ("file", "count", "action"),
        ),
        "failure.held": Event(
            "debug",
            "A step has failed while files of a synchronisation still arrive. It is reported if no more of them come.",
            ("step", "after_s"),
        ),
        "reload.held": Event(
            "warning, info",
            "A file changes whenever the application starts: its next reload is delayed, longer each time.",
            ("file", "after_s", "action"),
        ),
        # Debugging.
        "debugger.listening": Event(
            "info", "A worker's debugger listens on this address.", ("pid", "address", "waits")
        ),
        "debugger.attached": Event("info", "A debugger client is connected to this worker.", ("pid",)),
        "debugger.detached": Event("info", "A debugger client has disconnected, or its worker has ended.", ("pid",)),
        "debugger.failed": Event("warning", "There is no debugger in this worker.", ("reason", "action"), CHILD),
        # Preloading.
        "preload.ready": Event(
            "info",
            "The project's packages are imported; reloads are forked from now on.",
            ("pid", "modules", "left_out", "import_s"),
        ),
        "preload.skipped": Event(
            "info, debug",
            "A module is not safe to preload; workers import it. If `count` modules have one reason, `names` has ten.",
            ("module", "reason", "count", "names"),
        ),
        "preload.unfit": Event(
            "info", "A worker could not use the preloaded modules; another worker starts cold.", ("reason",)
        ),
        "preload.refused": Event(
            "warning",
            "Nothing is preloaded; every reload is a cold start.",
            ("reason", "action"),
            action=(
                "If reloads are too slow, change what the reason names. APPLIANCE_PRELOAD=off starts each worker "
                "cold, without this warning."
            ),
        ),
        "preload.ended": Event(
            "warning",
            "The preloader's process ended; a new one starts.",
            ("how", "action"),
            action=(
                "Read the lines above: what the preloader printed last. If it happens again, set APPLIANCE_PRELOAD=off."
            ),
        ),
        **SWAP_EVENTS,
        **COMPANION_EVENTS,
        **REQUEST_EVENTS,
        # The output of processes, and failures of the log itself.
        "output": Event(
            "info, warning, error",
            "A process printed a line; a warning or a traceback is one event, and determines the level.",
            (
                "companion",
                "stream",
                "pid",
                "request_id",
                "trace_id",
                "span_id",
                "text",
                "project",
                "part",
                "more",
            ),
        ),
        "project.logged": Event(
            "debug, info, warning, error, critical",
            "The project, or a library of the project, logged with `logging`, and its configuration writes the record "
            "to a stream.",
            (
                "logger",
                "message",
                "file",
                "line",
                "function",
                "thread",
                "level_name",
                "extra",
                "exception",
                "stack",
                "pid",
                "request_id",
                "trace_id",
                "span_id",
            ),
        ),
        "records.lost": Event(
            "error",
            "Lines could not be written (reported on stderr, at the end), or a worker died before it reported or "
            "handled some requests.",
            ("count", "reason", "action"),
            action="Find out why the worker ended (the lines above), or why the reader of stdout takes no more lines.",
        ),
        "record.malformed": Event(
            "error",
            "A process sent an invalid record.",
            ("reason", "record", "action"),
            action="Report it with this line: the appliance does not send such records.",
        ),
    }
)
