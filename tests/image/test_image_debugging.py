"""A debugger on the image: an editor on the host attaches through a published port."""

import socket
import threading

import pytest

from tests.live.dap_client import DapClient

APP = """
def application(environ, start_response):
    word = "{word}"
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [word.encode()]
"""
LINE = 4


@pytest.fixture
def port():
    """A port of the host that is free."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def hit(client, container):
    """The answer to a request that stopped at the breakpoint."""
    answers = []
    request = threading.Thread(target=lambda: answers.append(container.get().text))
    request.start()
    path, line, thread = client.where_it_stopped()
    assert path.endswith("wsgi.py")
    assert line == LINE
    client.ask("continue", threadId=thread)
    request.join(60)
    return answers[0]


def test_a_breakpoint_is_hit_in_the_container_before_and_after_a_reload(start, project, port):
    """A breakpoint is hit; a save makes the editor reconnect to the same port; it is hit in the new code."""
    folder = project({"wsgi.py": APP.format(word="one")}, owner=1234)
    container = start(folder, "--env", "APPLIANCE_DEBUGPY=5678", "--publish", f"127.0.0.1:{port}:5678")
    container.wait_for("worker.ready")
    file = str(folder / "wsgi.py")
    client = DapClient(port)
    client.attach(port, {file: [LINE]}, local=str(folder), remote="/workspace")
    assert hit(client, container) == "one"
    names = [event["event"] for event in container.events()]
    assert names.index("worker.ready") < names.index("debugger.listening"), "the debugger must not delay the start"
    container.execute("appliance", "run", "sed", "-i", "s/one/two/", "/workspace/wsgi.py")
    assert client.wait_for("terminated") == {"restart": True}
    client.leave()
    again = DapClient(port)
    again.attach(port, {file: [LINE]}, local=str(folder), remote="/workspace")
    container.wait_for("worker.ready", generation=2)
    assert hit(again, container) == "two"
    again.close()


def test_no_debugger_is_importable_without_the_setting(start):
    """Without DEBUGPY the project can't import debugpy, and has no entry of ours on its path."""
    container = start()
    container.wait_for("worker.ready")
    words = "import importlib.util as u; print(u.find_spec('debugpy'))"
    assert container.execute("appliance", "run", "python", "-c", words).stdout.strip() == "None"
