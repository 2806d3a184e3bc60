"""``python -m tools.tests_of MODULE ...``: print the test files of modules (appliance/server/http/chunked.py)."""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
# The tests of a module, or of the modules below a folder: in one process, and quick. The longest name counts.
TESTS = {
    "appliance/desk/comparison": ["tests/desk/comparison"],
    "appliance/desk/pins": ["tests/desk/pins"],
    "appliance/desk/pins/pin.py": ["tests/desk/pins/test_pin.py"],
    "appliance/desk/pins/pin_file.py": ["tests/desk/pins/test_pin_file.py"],
    "appliance/desk/pins/pin_states.py": ["tests/desk/pins/test_pin_states.py"],
    "appliance/desk/redaction.py": ["tests/desk/test_redaction.py"],
    "appliance/masking.py": ["tests/test_masking.py", "tests/test_page_mask.py"],
    "appliance/standin/access_policy.py": ["tests/standin/test_access_policy.py"],
    "appliance/standin/programs/assistant_gate.py": ["tests/standin/programs/test_assistant_gate.py"],
    "appliance/telemetry": ["tests/telemetry"],
    "appliance/telemetry/delivery.py": ["tests/telemetry/test_delivery.py"],
    "appliance/telemetry/delivery_states.py": ["tests/telemetry/test_delivery_states.py"],
    "appliance/telemetry/outbox.py": ["tests/telemetry/test_outbox.py"],
    "appliance/logs/writer.py": ["tests/logs/test_writer.py"],
    "appliance/protocol": ["tests/protocol"],
    "appliance/server/http": ["tests/server/http", "tests/server/wsgi/test_response.py"],
    "appliance/server/http/body.py": ["tests/server/http/test_body.py"],
    "appliance/server/http/chunked.py": ["tests/server/http/test_chunked.py", "tests/server/http/test_body.py"],
    "appliance/server/http/head.py": ["tests/server/http/test_head.py", "tests/server/http/test_head_grammar.py"],
    "appliance/server/http/keep_alive.py": ["tests/server/http/test_keep_alive.py"],
    "appliance/server/http/request_framing.py": ["tests/server/http/test_request_framing.py"],
    "appliance/server/http/response/response_framing.py": ["tests/server/http/response/test_response_framing.py"],
    "appliance/server/io": ["tests/server/io", "tests/server/http/test_body.py"],
    "appliance/server/io/background": ["tests/server/io/background"],
    "appliance/server/io/tls_duplex.py": ["tests/server/io/test_tls_duplex.py"],
    "appliance/server/io/wire.py": ["tests/server/io/test_wire.py"],
    "appliance/server/pool": ["tests/server/pool", "tests/faults/test_faults_server.py"],
    "appliance/server/pool/acceptor.py": ["tests/server/pool/test_acceptor.py"],
    "appliance/server/pool/connections.py": ["tests/server/pool"],
    "appliance/server/pool/abort_streams.py": ["tests/server/pool/test_abort_streams.py"],
    "appliance/server/pool/slow_requests.py": ["tests/server/pool/test_slow_requests.py"],
    "appliance/server/pool/thread_pool.py": [
        "tests/server/pool/test_thread_pool.py",
        "tests/server/pool/test_thread_pool_turns.py",
    ],
    "appliance/server/pool/watchdog.py": ["tests/server/pool/test_watchdog.py"],
    "appliance/server/wsgi": [
        "tests/server/http/response",
        "tests/server/http/test_body.py",
        "tests/server/http/test_corpus.py::test_each_request_is_answered_as_its_rfc_asks",
        "tests/server/wsgi/test_buffered_body.py",
        "tests/server/wsgi/test_environ.py",
        "tests/server/wsgi/test_failure_events.py",
        "tests/server/wsgi/test_handler.py",
        "tests/server/wsgi/test_http_server_compat.py",
        "tests/server/wsgi/test_http_server_hooks.py",
        "tests/server/wsgi/test_listener.py",
        "tests/server/wsgi/test_response.py",
        "tests/server/wsgi/test_sent_files.py",
        "tests/server/wsgi/test_streams.py",
    ],
    "appliance/server/wsgi/application_run.py": [
        "tests/server/wsgi/test_application_run.py",
        "tests/server/wsgi/test_failure_events.py",
        "tests/server/wsgi/test_http_server_compat.py",
        "tests/server/wsgi/test_response.py",
        "tests/server/wsgi/test_response_ends.py",
    ],
    "appliance/server/wsgi/buffered_body.py": ["tests/server/wsgi/test_buffered_body.py"],
    "appliance/server/wsgi/environ.py": ["tests/server/wsgi/test_environ.py"],
    "appliance/server/wsgi/handler.py": [
        "tests/server/wsgi/test_handler.py",
        "tests/server/wsgi/test_handler_ends.py",
        "tests/server/wsgi/test_http_server_compat.py",
        "tests/server/wsgi/test_http_server_hooks.py",
    ],
    "appliance/server/wsgi/response.py": [
        "tests/server/wsgi/test_response.py",
        "tests/server/wsgi/test_response_ends.py",
        "tests/server/wsgi/test_sent_files.py",
    ],
    "appliance/server/wsgi/streams.py": [
        "tests/server/wsgi/test_file_objects.py",
        "tests/server/wsgi/test_response.py",
    ],
    "appliance/supervisor": ["tests/supervisor"],
    "appliance/supervisor/lifecycle.py": ["tests/supervisor/test_lifecycle.py"],
    "appliance/supervisor/remedy_runs/offered_remedies.py": ["tests/supervisor/remedy_runs/test_offered_remedies.py"],
    "appliance/supervisor/remedy_runs": ["tests/supervisor/remedy_runs"],
    "appliance/supervisor/steps": ["tests/supervisor/steps"],
    "appliance/supervisor/steps/analysis.py": [
        "tests/supervisor/steps/test_analysis.py",
        "tests/supervisor/steps/test_analysis_log.py",
    ],
    "appliance/supervisor/steps/before_start.py": ["tests/supervisor/steps/test_before_start_commands.py"],
    "appliance/supervisor/steps/before_start_states.py": ["tests/supervisor/steps/test_before_start_states.py"],
    "appliance/supervisor/steps/installation.py": ["tests/supervisor/steps/test_installation.py"],
    "appliance/supervisor/remedy_runs/remedy_run.py": [
        "tests/supervisor/remedy_runs/test_remedy_run.py",
        "tests/supervisor/remedy_runs/test_offered_remedies.py",
    ],
    "appliance/supervisor/workers/acceptor_states.py": ["tests/supervisor/workers/test_acceptor_states.py"],
    "appliance/supervisor/workers/connection_router.py": [
        "tests/supervisor/workers/test_connection_router.py",
        "tests/supervisor/workers/test_router_own_pages.py",
    ],
    "appliance/supervisor/workers": ["tests/supervisor/workers"],
    "appliance/supervisor/workers/drained_workers.py": ["tests/supervisor/workers/test_drained_workers.py"],
    "appliance/supervisor/measuring": ["tests/supervisor/measuring"],
    "appliance/supervisor/measuring/process_activity.py": ["tests/supervisor/measuring/test_process_activity.py"],
    "appliance/supervisor/workers/standstill.py": [
        "tests/supervisor/workers/test_standstill.py",
        "tests/supervisor/workers/test_standstill_states.py",
    ],
    "appliance/supervisor/workers/crash_loops.py": ["tests/supervisor/workers/test_deaths.py"],
    "appliance/supervisor/workers/retry_states.py": ["tests/supervisor/workers/test_retry_states.py"],
    "appliance/supervisor/workers/worker_failures.py": ["tests/supervisor/workers/test_worker_reports.py"],
    "appliance/supervisor/workers/workers.py": [
        "tests/supervisor/workers/test_workers.py",
        "tests/supervisor/workers/test_worker_reports.py",
    ],
    "appliance/supervisor/preloading": ["tests/supervisor/preloading"],
    "appliance/supervisor/preloading/preload_states.py": ["tests/supervisor/preloading/test_preload_states.py"],
    "appliance/supervisor/debugger": ["tests/supervisor/debugger"],
    "appliance/supervisor/loop.py": ["tests/supervisor/test_loop.py", "tests/supervisor/test_loop_pauses.py"],
    "appliance/supervisor/processes": ["tests/supervisor/processes"],
    # Of this module alone: a mutant that signals group 0 would end this command, if a test lets it send.
    "appliance/supervisor/processes/handles.py": [
        "tests/supervisor/processes/test_handles.py",
        "tests/supervisor/processes/test_handle_notes.py",
    ],
    "appliance/supervisor/processes/child_starts.py": [
        "tests/supervisor/processes/test_child_starts.py",
        "tests/supervisor/processes/test_handles.py",
    ],
    "appliance/supervisor/saves": ["tests/supervisor/saves"],
    "appliance/supervisor/stopping.py": ["tests/supervisor/test_stopping.py"],
}


def row_of(module: str) -> list[str]:
    """Return the tests that the table has for a module.

    Raises:
        SystemExit: the table has none.
    """
    fitting = [name for name in TESTS if module == name or module.startswith(name.removesuffix(".py") + "/")]
    if not fitting:
        raise SystemExit(f"Found no tests for {module}; expected a module below one of {', '.join(TESTS)}.")
    return TESTS[max(fitting, key=len)]


def files_of(module: str) -> list[str]:
    """Return the test files that import a module; without one, the tests that the table has.

    Raises:
        SystemExit: there are none of either kind.
    """
    package, _, name = module.removesuffix(".py").replace("/", ".").rpartition(".")
    imports = re.compile(rf"{re.escape(package)}\.{name}\b|from {re.escape(package)} import [^\n]*\b{name}\b")
    files = sorted((ROOT / "tests").rglob("test_*.py"))
    importing = [str(file.relative_to(ROOT)) for file in files if imports.search(file.read_text(encoding="utf-8"))]
    return importing or row_of(module)


def main(modules: list[str]) -> int:
    """Print the test files of each module, one a line."""
    print("\n".join(sorted({file for module in modules for file in files_of(module)})))  # noqa: T201  its output
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
