"""Comparing answers: what matters is compared, what changes from request to request is not."""

import pytest

from appliance.commands.production.eject_compare import (
    Answer,
    Request,
    differences,
    discovered_requests,
    recorded_requests,
)
from appliance.errors import SettingsError

PAGE = Answer(200, (("content-type", "text/html"), ("date", "today")), b"<p>hello</p>")


def answer(status=200, body=b"<p>hello</p>", **headers):
    return Answer(status, tuple((name.replace("_", "-"), value) for name, value in headers.items()), body)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (answer(500, content_type="text/html"), ["status: 200 here, 500 in the image"]),
        (answer(content_type="text/plain"), ["content-type: text/html here, text/plain in the image"]),
        (answer(content_type="text/html", vary="Cookie"), ["vary: none here, Cookie in the image"]),
        (answer(content_type="text/html", set_cookie="id=1; Path=/"), ["set-cookie: none here, id in the image"]),
        (answer(content_type="text/html", access_control_allow_origin="*"), ["access-control-allow-origin: none here"]),
        (answer(body=b"<p>world</p>", content_type="text/html"), ["body: '<p>hello</p>' here, '<p>world</p>' in the"]),
        (answer(body=b"", content_type="text/html"), ["body: 12 bytes here, 0 in the image"]),
        (answer(content_type="text/html", date="tomorrow", server="other"), []),
    ],
)
def test_what_matters_is_compared(other, words):
    """Status, the headers that a client acts on, the names of cookies, and the bytes of the body."""
    found = differences(PAGE, PAGE, other)
    assert len(found) == len(words)
    assert all(text.startswith(word) for text, word in zip(found, words, strict=True))


def test_parts_that_change_each_time_are_left_out():
    """Parts that differ between two answers of the appliance are not compared: tokens, times, changing lengths."""
    first, again, other = (answer(body=f"<i>{token}</i>at 10:00:0{at}".encode()) for at, token in enumerate("abc"))
    assert differences(first, again, other) == []
    changed = answer(body=b"<b>c</b>at 10:00:02")
    assert len(differences(first, again, changed)) == 1
    assert differences(answer(body=b"a"), answer(body=b"a b"), answer(body=b"c d e")) == []
    cookies = [answer(set_cookie=f"id={number}; Path=/") for number in range(3)]
    assert differences(*cookies) == []


def test_pages_about_the_same_error_are_not_compared():
    """Pages about an error name files and processes; the status and the headers still count."""
    ours, theirs = answer(500, b"/home/me/wsgi.py"), answer(500, b"/app/wsgi.py")
    assert differences(ours, ours, theirs) == []
    assert differences(ours, ours, answer(500, b"", content_type="text/plain")) != []
    assert differences(ours, ours, answer(503, b"/home/me/wsgi.py")) != []
    assert differences(answer(404, b"one"), answer(404, b"one"), answer(404, b"two")) != []


def test_each_discovered_route_is_requested_once():
    """The routes, the root, a page that does not exist, a HEAD and a POST, each once."""
    names = [request.name for request in discovered_requests(["/", "/about"])]
    assert names == ["GET /", "GET /about", "GET /no-such-page-of-the-project", "HEAD /", "POST /"]


def test_a_request_is_a_method_and_path_or_a_json_object():
    """A line is a method and a path, or a JSON object; comments and empty lines are left out."""
    text = '# mine\n\nget /a?b=c\n{"method": "PUT", "path": "/d", "headers": {"X-Id": 7}, "body": "e"}\n'
    assert recorded_requests(text, "file") == [Request("GET", "/a?b=c"), Request("PUT", "/d", {"X-Id": "7"}, "e")]


@pytest.mark.parametrize(
    "line", ["GET", "/a", "GET a", "{", "{}", "[1]", '{"method": "GET", "path": 1}', "GET /\u00fc", "G\x1b /a"]
)
def test_a_line_that_is_not_a_request_is_an_error_with_its_number(line):
    """Any other line is an error that names its number."""
    with pytest.raises(SettingsError, match="file, line 2"):
        recorded_requests(f"GET /\n{line}\n", "file")


def test_verify_says_where_it_runs(eject, shop):
    """In the appliance's container, and without a docker command, --verify names the command to run."""
    shop.write("app.py", "def app(environ, start_response):\n    start_response('200 OK', [])\n    return [b'']\n")
    shop.values["PATH"] = "/nowhere"
    done = eject("--server=waitress", "--verify")
    assert done.returncode == 1
    assert "there is no Docker engine here" in done.stderr
    assert "appliance eject --verify --project" in done.stderr
    done = eject("--server=waitress", "--verify", "--requests=none.txt")
    assert (done.returncode, "--requests none.txt can't be read" in done.stderr) == (2, True)
