"""``python -m tools.desk_pictures``: photograph the desk's pages of a running shop, for docs/desk.md.

The shop is a Flask project with SQLAlchemy, a query that is repeated and a route that raises; it is visited, and saved.
It needs Chromium, what ``make browser`` installs, and an index of packages.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from tools.pictures import ROOT, served

FOLDER = ROOT / "docs" / "pictures" / "desk"
WIDTH, HEIGHT = 1120, 700
SHOP = '''"""A shop with orders."""

import logging
import time

from flask import Flask, jsonify, request
from sqlalchemy import create_engine, text
from sqlalchemy.pool import StaticPool

app = Flask(__name__)
engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
with engine.begin() as database:
    database.execute(text("CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT)"))
    database.execute(text("CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER, total INTEGER)"))
    for number in range(1, 41):
        database.execute(text("INSERT INTO customers VALUES (:id, :name)"), {"id": number, "name": f"name {number}"})
        database.execute(text("INSERT INTO orders VALUES (:id, :id, :total)"), {"id": number, "total": number * 7})


@app.get("/")
def home():
    return "<h1>Shop</h1>"


@app.get("/orders")
def orders():
    with engine.connect() as database:
        rows = database.execute(text("SELECT id, customer_id, total FROM orders ORDER BY total DESC LIMIT 8")).all()
        names = [customer(database, row.customer_id) for row in rows]
    print("orders of", len(names), "customers")
    return jsonify(orders=[[name, row.total] for name, row in zip(names, rows)])


def customer(database, number):
    PAUSE
    return database.execute(text("SELECT name FROM customers WHERE id = :id"), {"id": number}).scalar_one()


@app.get("/orders/<int:number>")
def order(number):
    with engine.connect() as database:
        row = database.execute(text("SELECT total FROM orders WHERE id = :id"), {"id": number}).first()
    return jsonify(number=number, total=row.total)


@app.post("/orders")
def new():
    logging.warning("an order of %d pieces", request.json["pieces"])
    return jsonify(number=41), 201
'''
SLOW = SHOP.replace("PAUSE", "time.sleep(0.0015)")
FAST = SHOP.replace("PAUSE", "time.sleep(0.0004)")
BROKEN = FAST.replace("def home():", "def home(:")
PICTURES = {
    "requests": ("", "light"),
    "overview": ("requests/{raised}", "dark"),
    "queries": ("requests/{orders}/queries", "light"),
    "routes": ("routes", "light"),
    "reloads": ("reloads", "dark"),
    "processes": ("processes", "light"),
}


def main() -> None:
    """Write all pictures."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  `make browser` installs it

    FOLDER.mkdir(parents=True, exist_ok=True)
    files = {"shop.py": SLOW, "requirements.txt": "flask\nsqlalchemy\n"}
    with (
        sync_playwright() as driver,
        tempfile.TemporaryDirectory() as cache,
        served(Path(cache), files, APPLIANCE_APP="shop:app", APPLIANCE_LOG_LEVEL="info") as shop,
    ):
        shop.wait("worker.ready")
        _visit(shop.url, 12)
        shop.save(BROKEN, "shop.py")
        shop.wait("worker.failed")
        shop.save(FAST, "shop.py")
        shop.wait("reload.finished")
        _visit(shop.url, 14)
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        places = _places(browser, f"{shop.url}/__appliance__")
        for name, (page, scheme) in PICTURES.items():
            tab = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme=scheme)
            tab.goto(f"{shop.url}/__appliance__/{page.format(**places)}")
            tab.wait_for_selector("h1")
            content = tab.evaluate("document.body.getBoundingClientRect().height")
            tab.set_viewport_size({"width": WIDTH, "height": min(HEIGHT, round(content))})
            tab.screenshot(path=FOLDER / f"{name}-{scheme}.png")
            tab.close()
        browser.close()


def _visit(url: str, times: int) -> None:
    """Visit each page, some of them more often than others."""
    for number in range(times):
        _ask(f"{url}/orders?page={number}")
        for each in (number + 1, number + 2, 99)[: 2 + (number % 6 == 0)]:
            _ask(f"{url}/orders/{each}")
    _ask(f"{url}/orders", {"pieces": 3, "token": "a-secret"})
    _ask(url)


def _ask(url: str, body: dict[str, Any] | None = None) -> None:
    data = None if body is None else json.dumps(body).encode()
    asked = urllib.request.Request(url, data, {"Content-Type": "application/json"} if data else {})
    try:
        urllib.request.urlopen(asked).close()
    except urllib.error.HTTPError as error:
        error.close()


def _places(browser: Any, desk: str) -> dict[str, int]:
    """Return the numbers of a request that raised and of one with queries, once they are recorded."""
    tab = browser.new_page()
    tab.goto(f"{desk}/?status=5xx")
    tab.wait_for_selector("#requests tr")
    raised = int(tab.locator("#requests tr").first.get_attribute("data-id"))
    tab.goto(f"{desk}/?route=/orders&method=GET")
    tab.wait_for_selector("#requests tr")
    orders = int(tab.locator("#requests tr").first.get_attribute("data-id"))
    tab.close()
    return {"raised": raised, "orders": orders}


if __name__ == "__main__":
    main()
