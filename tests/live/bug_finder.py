"""Find bugs by the tools alone, as an assistant would: nothing here knows a project, or what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from tests.live.official_client import OfficialClient

_SLOW_MS = 300
_OF_THE_SERVER = {"reload", "worker", "templates"}  # beginnings of events that the history of reloads tells better


class Finding(NamedTuple):
    """A finding: the fault, its place, and the evidence."""

    kind: str
    place: str
    text: str


def find(client: OfficialClient) -> list[Finding]:
    """Look at everything that the tools tell, and name what is wrong."""
    requests = list(all_requests(client))
    found = [
        *_broken(client), *_exceptions(client), *_hanging(client), *_reloads(client), *_slower(client),
        *_each_request(client, requests), *_loops(client, requests), *_logged(client),
    ]  # fmt: skip
    return list(dict.fromkeys(found))


def all_requests(client: OfficialClient) -> Iterator[dict[str, Any]]:
    """Every recorded request, page after page."""
    before: dict[str, int] = {}
    while found := client.call("list_requests", limit=100, **before)["requests"]:
        yield from found
        before = {"before": found[-1]["number"]}


def _place(frames: list[dict[str, Any]]) -> str:
    return f"{frames[-1]['file']}:{frames[-1]['line']}" if frames else ""


def _broken(client: OfficialClient) -> Iterator[Finding]:
    status = client.call("status")
    if status["error"]:
        yield Finding("not served", status["error"]["place"], status["error"]["title"])


def _exceptions(client: OfficialClient) -> Iterator[Finding]:
    for each in client.call("last_errors", limit=50)["errors"]:
        yield Finding("exception", _place(each["own_frames"]) or each["place"], f"{each['error']} in {each['request']}")


def _hanging(client: OfficialClient) -> Iterator[Finding]:
    stacks = client.ask("worker_stacks")  # an error where no worker runs
    for each in (stacks["structuredContent"] or {}).get("requests_that_still_run", ()):
        yield Finding("hangs", _place(each["own_frames"]), f"{each['method']} {each['path']}")


def _reloads(client: OfficialClient) -> Iterator[Finding]:
    for each in client.call("reload_history", limit=50)["reloads"]:
        if not each["good"]:
            yield Finding("bad save", each["place"], f"{each['event']} {each['error']} after {each['saved']}")


def _slower(client: OfficialClient) -> Iterator[Finding]:
    for each in client.call("list_routes")["routes"]:
        if each["slower"]:
            yield Finding("slower", f"{each['method']} {each['route']}", each["slower"])


def _each_request(client: OfficialClient, requests: list[dict[str, Any]]) -> Iterator[Finding]:
    for each in requests:
        name = f"{each['method']} {each['path'].partition('?')[0]}"
        whole = client.call("get_request", number=each["number"])
        for query in whole["repeated_queries"]:
            yield Finding("repeated query", query["line"], query["sql"])
        if each["ended"]:
            yield Finding("cut off", name, f"{each['ended']} {whole['reason'] or ''}")
        elif each["status"] == 500 and not whole["error"]:
            yield Finding("failed without an exception", name, whole["response_start"][:80])
        elif 400 <= each["status"] < 500:
            yield Finding(f"status {each['status']}", name, whole["response_start"][:80])
        elif each["status"] < 500 and each["duration_ms"] > _SLOW_MS:
            slowest = client.call("get_request", number=each["number"], part="queries")["slowest"]
            in_query = bool(slowest) and slowest[0]["ms"] > each["duration_ms"] / 2
            yield Finding("slow query" if in_query else "slow", slowest[0]["line"] if in_query else name, "")
        for line in whole["log"]:
            if line["event"] == "output" and line["level"] == "info":
                yield Finding("prints", name, line["text"][:80])


def _loops(client: OfficialClient, requests: list[dict[str, Any]]) -> Iterator[Finding]:
    """Redirections that lead back to where they began."""
    leads: dict[str, str] = {}
    for each in requests:
        if each["status"] in {301, 302, 303, 307, 308}:
            fields = client.call("get_request", number=each["number"], part="response")["fields"]
            target = next((value for name, value in fields if name.lower() == "location"), "")
            leads[each["path"]] = "/" + target.partition("://")[2].partition("/")[2] if "://" in target else target
    for start in leads:
        at, seen = start, [start]
        while (at := leads.get(at, "")) and at not in seen:
            seen.append(at)
        if at:
            yield Finding("redirects in a circle", " ".join(sorted(seen)), "")


def _logged(client: OfficialClient) -> Iterator[Finding]:
    """Warnings and errors of the log that nothing above has told."""
    for each in client.call("get_log", level="warning", limit=100)["lines"]:
        event = each["event"]
        if each.get("exception") or "Traceback (most recent call last)" in each.get("text", ""):
            continue  # an error that last_errors has told
        if event.partition(".")[0] in _OF_THE_SERVER or event in {"application.failed", "request.slow"}:
            continue
        text = " ".join(
            str(each[name]) for name in ("message", "text", "reason", "promised", "sent", "action") if each.get(name)
        )
        place = f"{each['file']}:{each['line']}" if each.get("file") else ""
        yield Finding(f"logged {event}", place, text)
