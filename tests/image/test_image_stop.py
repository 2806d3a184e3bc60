"""``docker stop``, at every stage, without an init above PID 1."""

import pytest

from tests.image.conftest import STOP_S


@pytest.fixture
def stops_well(project, start):
    """Start a project, wait for its stage, stop it, and see that it took a short time and ended well."""

    def stops_well(name, event, *options, edit=None):
        folder = project(name)
        if edit:
            edit(folder)
        container = start(folder, *options)
        container.wait_for(event)
        assert container.stop() < STOP_S
        assert container.events()[-1]["event"] == "appliance.stopped"

    return stops_well


def test_a_container_that_serves_stops_at_once(stops_well):
    """A container that serves stops at once."""
    stops_well("shadowing", "worker.ready")


def test_a_container_that_imports_stops_at_once(stops_well):
    """A container whose project is still being imported stops at once."""
    stops_well("slow_boot", "worker.started", "--env", "SLOW_BOOT_S=60", "--env", "APPLIANCE_LOG_LEVEL=debug")


def test_a_container_that_installs_stops_at_once(stops_well):
    """A container that installs from an index that never answers stops at once."""

    def ask_a_dead_index(folder):
        # 192.0.2.0/24 is TEST-NET-1 (RFC 5737): nobody answers, nobody refuses.
        (folder / "requirements.txt").write_text("--index-url http://192.0.2.1/simple\nflask\n")

    stops_well("shadowing", "install.started", edit=ask_a_dead_index)


def test_a_container_with_an_error_page_stops_at_once(stops_well):
    """A container that shows an error page stops at once."""
    stops_well("broken_import", "worker.failed")


def test_an_idle_connection_does_not_delay_the_stop(project, start):
    """Stopping with an idle keep-alive connection open takes no longer."""
    container = start(project("shadowing"))
    container.wait_for("worker.ready")
    assert container.get(connection="keep-alive").status == 200
    assert container.stop() < STOP_S
