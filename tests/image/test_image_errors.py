"""A project that can't be served is explained: the found and the expected state, and the action."""

import json

import pytest


def complete(event):
    """Whether an event has the three parts of an error."""
    return all(event.get(part) for part in ("found", "expected", "action"))


@pytest.mark.parametrize(
    ("setting", "code", "words"),
    [
        ("APPLIANCE_PROT=1", 2, "APPLIANCE_PORT"),
        ("APPLIANCE_PORT=http", 2, "http"),
        ("APPLIANCE_PROJECT=/nowhere", 3, "/nowhere"),
    ],
)
def test_an_invalid_start_ends_with_its_exit_code_and_one_event(start, setting, code, words):
    """An invalid start ends with the documented exit code and one event with the whole error."""
    container = start(None, "--env", setting)
    assert container.wait() == code
    errors = [event for event in container.events() if event["level"] in {"error", "critical"}]
    assert len(errors) == 1
    assert complete(errors[0])
    assert words in json.dumps(errors[0])


@pytest.mark.parametrize(("name", "words"), [("asgi_only", "ASGI"), ("nothing_here", "application")])
def test_the_container_stays_up_with_a_folder_that_cannot_be_served(start, project, name, words):
    """The container stays up; page and event say what was found, what was expected, what to do."""
    container = start(project(name))
    event = container.wait_for("application.missing")
    assert complete(event)
    page = container.get(accept="text/html")
    assert page.status == 500
    assert words in page.text
    assert event["found"][1:] in container.get(accept="text/plain").text  # a page begins with a capital letter
    assert json.loads(container.get(accept="application/json").text)


def test_a_broken_project_is_unhealthy_and_recovers(start, project):
    """A broken import keeps the container up and unhealthy, and fixing it makes it healthy without a restart."""
    folder = project("shadowing")
    container = start(folder, "--health-interval", "1s")
    container.wait_for_health("healthy")
    file = folder / "wsgi.py"
    sound = file.read_text()
    file.write_text("import no_such_module\n" + sound)
    container.wait_for_health("unhealthy")
    file.write_text(sound)
    container.wait_for_health("healthy")
    assert container.get().status == 200


def test_a_project_that_is_broken_when_mounted_is_unhealthy_at_once(start, project):
    """A project that is broken when it is mounted is unhealthy as soon as the engine asks, not after a start period."""
    container = start(project("broken_import"), "--health-interval", "1s")
    container.wait_for_health("unhealthy")


def test_slow_start_is_starting(start, project, docker):
    """A project that takes its time to boot is healthy in the end, and no check has failed before."""
    container = start(project("slow_boot"), "--health-interval", "1s", "--env", "SLOW_BOOT_S=4")
    container.wait_for_health("healthy")
    checks = json.loads(docker("inspect", "--format", "{{json .State.Health.Log}}", container.name).stdout)
    assert {check["ExitCode"] for check in checks} == {0}


def test_what_a_client_sends_is_harmless(start, project):
    """A request with escapes in its path, and in its headers, leaves one JSON line with no raw control character."""
    container = start(project("shadowing"))
    container.wait_for("worker.ready")
    before = len(container.lines())
    container.get("/%1b[31m%0d%0aspoofed")
    container.get("/%1b[31m%0d%0aspoofed", user_agent="\x1b[2Jgone", referer="\x9b31m")
    container.get("/after")
    container.wait_for("request.finished", **{"url.path": "/after"})
    lines = container.lines()[before:]
    assert all(line.isprintable() for line in lines)
    requests = [event["event"] for event in map(json.loads, lines) if event["event"].startswith("request.")]
    assert sorted(requests) == ["request.finished", "request.finished", "request.refused"]
