"""Swaps and checkpoints in the built image, on the newest Pythons."""

import pytest

APP = """
import json, sys, first, shop

def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps([shop.word(), shop.where(), shop.TOP, sys.version_info[:2]]).encode()]
"""
SHOP = """
import functools, dataclasses
TOP = "{top}"

@dataclasses.dataclass
class Goods:
    name: str = "none"

    def shown(self) -> "Goods":
        return self.name

def word() -> str:
    {more}return Goods("{word}").shown()

def where():
    try:
        1 / 0
    except ZeroDivisionError as error:
        return error.__traceback__.tb_lineno
"""
BASES = ("python:3.14-slim", "python:3.15-slim")


def shop(word, top="one", more=""):
    """The module that is edited."""
    return SHOP.format(word=word, top=top, more=more)


@pytest.fixture(scope="module")
def tag(engine, docker, request):
    """An image with the newest Pythons, where the engine has them."""
    if docker("image", "inspect", *BASES, check=False).returncode:
        pytest.skip(f"not run: the engine has no {' and '.join(BASES)}")
    tag = "wsgi-appliance-newest"
    arguments = ("--build-arg", f"PYTHON={BASES[0]}", "--build-arg", f"EXTRA_PYTHON={BASES[1]}")
    docker("build", "--quiet", "--tag", tag, *arguments, ".", cwd=request.config.rootpath)
    yield tag
    docker("image", "rm", "--force", tag, check=False)


class Edited:
    """A project in a container, and how its saves are served."""

    def __init__(self, container, folder):
        self._container = container
        self._folder = folder
        self._saves = 0

    def save(self, text):
        """Save the module, and wait until it is served: how that worker was made; and why not better, in brackets."""
        self._saves += 1
        (self._folder / "shop.py.new").write_text(text)
        (self._folder / "shop.py.new").rename(self._folder / "shop.py")
        finished = self._container.wait_for("reload.finished", count=self._saves)
        return f"{finished['how']} ({finished['reason']})" if finished.get("reason") else finished["how"]

    def answers(self, text, word, top, python):
        """Whether the project answers as this source does."""
        line = next(number for number, line in enumerate(text.splitlines(), 1) if "1 / 0" in line)
        return self._container.get().text == f'["{word}", {line}, "{top}", [3, {python}]]'


@pytest.mark.parametrize("python", [14, 15])
def test_saves_are_swapped_and_verified_on_the_newest_pythons(start, project, tag, python):
    """Saves inside functions are swapped and verified, those at the top come from checkpoints; no state differs."""
    files = {"wsgi.py": APP, "first.py": "", "shop.py": shop("one"), ".python-version": f"3.{python}\n"}
    folder = project(files)
    container = start(folder, "--env", "APPLIANCE_SWAP=on", "--env", "APPLIANCE_LOG_LEVEL=debug", tag=tag)
    container.wait_for("snapshot.ready", timeout=120)
    edited = Edited(container, folder)
    for number in range(3):
        text = shop(f"swap {number}", more=f"number = {number}\n    " * number)
        assert edited.save(text) == "swapped"
        assert edited.answers(text, f"swap {number}", "one", python)
    container.wait_for("reload.verified")
    assert edited.save(shop("top", top="two")).startswith("forked")
    container.wait_for("checkpoint.ready")
    container.wait_for("snapshot.ready", count=2)
    for number in range(3):
        text = shop("top", top=f"two {number}")
        assert edited.save(text).startswith("checkpoint")
        assert edited.answers(text, "top", f"two {number}", python)
    container.wait_for("snapshot.ready", count=3)
    assert edited.save(shop("last", top="two 2")) == "swapped"
    container.wait_for("reload.verified", count=2)
    bad = {"reload.mismatch", "checkpoint.ended", "supervisor.failed", "snapshot.ended", "snapshot.refused"}
    assert [event for event in container.events() if event["event"] in {*bad, "hook.dropped"}] == []
