"""A secret of a project's, served: whatever raises, prints or logs it, it leaves nowhere."""

from __future__ import annotations

import json
from pathlib import Path

from tests.live.live_appliance import Start

ENV = """
DATABASE_URL=postgres://shop:hunter2-and-more@db.test:5432/shop
SHOP_TOKEN=a-token-"with"-quotes
"""
BROKEN = (
    "import os\ndef app(environ, start_response): ...\n"
    "raise RuntimeError(os.environ['DATABASE_URL'], os.environ['SHOP_TOKEN'])\n"
)
SERVING = """
import logging, os
logging.basicConfig()

def app(environ, start_response):
    url, token = os.environ["DATABASE_URL"], os.environ["SHOP_TOKEN"]
    print("printed", url, token)
    logging.warning("logged %s", url, extra={"given": {"token": token}})
    raise ValueError(f"raised {token} amqp://other:never-seen@mq.test")
"""
SECRET = ("hunter2-and-more", "a-token-", "never-seen")


def test_no_secret_leaves(start: Start, project: Path) -> None:
    """Pages, the status, the other commands and the whole log hold a mask where a secret was."""
    (project / ".env").write_text(ENV, encoding="utf-8")
    (project / "app.py").write_text(BROKEN, encoding="utf-8")
    appliance = start(APPLIANCE_INSTALL="off")
    appliance.wait_for("worker.failed")
    shown = [appliance.get(Accept=kind)[1].decode() for kind in ("text/html", "application/json", "text/plain")]
    shown += [appliance.command(*words).stdout for words in (["status"], ["status", "--json"], ["config"], ["check"])]
    appliance.edit("app.py", SERVING)
    appliance.wait_for("worker.ready")
    shown += [appliance.get(f"/?token={SECRET[0]}", Accept="text/html")[1].decode()]
    appliance.wait_for("request.finished")
    appliance.stop()
    shown.append(json.dumps(appliance.events))
    for text in shown:
        assert [secret for secret in SECRET if secret in text] == []
    assert all("********" in text for text in (shown[0], shown[3], shown[-2], shown[-1]))
    words = json.dumps(appliance.events)
    assert all(
        word in words for word in ("printed postgres://shop:********@db.test", "logged postgres", "raised ********")
    )
