"""Saves of templates: what the worker reads again needs no new one; anything else is a reload of all of them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from appliance.protocol.page_messages import CheckTemplates, TemplatesChecked
from appliance.supervisor.processes.handles import Handle
from appliance.supervisor.saves import template_saves
from appliance.supervisor.saves.template_saves import TemplateSaves
from appliance.watch.kinds import Kind
from appliance.watch.watcher import Changes
from tests.supervisor.fakes import FakeChildren, FakeLog, FakeLoop, handle


class Saving:
    """The saves of a project whose worker serves; what was restarted, and what open pages were told."""

    def __init__(self) -> None:
        self.loop, self.children, self.log = FakeLoop(), FakeChildren(), FakeLog()
        self.worker: Handle | None = self.children.add(handle())
        self.restarted: list[list[str]] = []
        self.told: list[tuple[int, int]] = []
        runtime: Any = SimpleNamespace(
            settings=SimpleNamespace(project="/project"), loop=self.loop, children=self.children, log=self.log
        )
        self.saves = TemplateSaves(
            runtime, worker=lambda: self.worker, changed=lambda *revision: self.told.append(revision)
        )

    def save(self, *names: str, kind: Kind = Kind.ASSET) -> None:
        """Save these files in one burst."""
        changes = Changes(dict.fromkeys(names, kind), 1.0)
        self.saves.take(changes, lambda each: self.restarted.append(sorted(each.kinds)))

    @property
    def asked(self) -> list[tuple[int, list[str]]]:
        """Return the questions to workers."""
        return [(each.number, each.paths) for _, each in self.children.sent if isinstance(each, CheckTemplates)]

    def answer(self, number: int, reason: str = "", child: Handle | None = None) -> None:
        """As the worker's message."""
        self.saves.answered(child or self.worker or handle(), TemplatesChecked(number, reason, 7))


@pytest.fixture
def saving() -> Saving:
    """A project that is served."""
    return Saving()


def test_a_template_that_is_read_again_restarts_nothing(saving: Saving, monkeypatch: pytest.MonkeyPatch):
    """Open pages get the change, and nothing is restarted."""
    times = iter((100.0, 100.12344))
    monkeypatch.setattr(template_saves, "time", SimpleNamespace(monotonic=lambda: next(times)))
    saving.worker = saving.children.add(handle())
    saving.worker.generation = 3
    saving.save("templates/a.html", "/elsewhere/b.html")
    assert saving.asked == [(1, ["/project/templates/a.html", "/elsewhere/b.html"])]
    saving.answer(1)
    saving.loop.advance(template_saves.ANSWER_S)
    assert (saving.restarted, saving.told) == ([], [(3, 7)])
    files = ["/elsewhere/b.html", "templates/a.html"]
    assert saving.log.named("templates.reread") == [{"generation": 3, "files": files, "count": 2, "duration_s": 0.1234}]


def test_a_template_that_is_cached_restarts_the_worker(saving: Saving):
    """The worker's reason is logged, and it is restarted."""
    saving.save("templates/a.html")
    saving.answer(1, "Django caches templates without DEBUG." + "." * 500)
    assert (saving.restarted, saving.told) == ([["templates/a.html"]], [])
    reason = "Django caches templates without DEBUG." + "." * 462
    assert saving.log.named("templates.cached") == [{"files": ["templates/a.html"], "count": 1, "reason": reason}]


def test_a_worker_that_does_not_answer_is_restarted(saving: Saving):
    """A worker that does not answer is restarted after a moment; its late answer changes nothing."""
    saving.save("templates/a.html")
    saving.loop.advance(template_saves.ANSWER_S)
    saving.answer(1)
    assert (saving.restarted, saving.told) == ([["templates/a.html"]], [])


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("app.py", Kind.CODE),
        ("locale/de/LC_MESSAGES/django.mo", Kind.ASSET),
        (".env", Kind.ENVIRONMENT),
        ("requirements.txt", Kind.DEPENDENCIES),
        ("config.yaml", Kind.CODE),
    ],
)
def test_saves_of_other_files_ask_nothing(saving: Saving, name: str, kind: Kind):
    """Code, translations, variables and dependencies are reloads at once, also together with a template."""
    saving.save(name, kind=kind)
    saving.saves.take(
        Changes({"templates/a.html": Kind.ASSET, name: kind}, 1.0),
        lambda each: saving.restarted.append(list(each.kinds)),
    )
    assert (saving.asked, len(saving.restarted)) == ([], 2)


def test_the_worker_is_not_asked_about_a_file_that_needs_a_new_one(saving: Saving):
    """The worker is not asked, whatever the file's name; a template that was asked about is included."""
    saving.save("templates/a.html")
    page = Changes({"static/page.html": Kind.CODE}, 1.0)
    saving.saves.take(page, lambda each: saving.restarted.append(sorted(each.kinds)), ask=False)
    assert (len(saving.asked), saving.restarted) == (1, [["static/page.html", "templates/a.html"]])


def test_a_saved_template_is_a_reload_while_no_worker_serves(saving: Saving):
    """While a worker is started, or the project is broken, a template is a reload."""
    saving.worker = None
    saving.save("templates/a.html")
    assert (saving.asked, saving.restarted) == ([], [["templates/a.html"]])


def test_a_save_reloads_if_the_worker_has_gone(saving: Saving):
    """A save reloads if the worker has gone: its channel takes no question, or another one serves when it answers."""
    old = saving.worker
    saving.save("templates/a.html")
    saving.worker = saving.children.add(handle())
    saving.answer(1, child=old)
    assert saving.restarted == [["templates/a.html"]]
    saving.children.alive.remove(saving.worker)
    saving.save("templates/b.html")
    assert saving.restarted == [["templates/a.html"], ["templates/b.html"]]
    assert saving.told == []


def test_the_second_of_two_questions_is_about_both_saves(saving: Saving):
    """The second question is about both saves; the answer to the first is ignored."""
    saving.save("templates/a.html")
    saving.save("templates/b.html")
    assert saving.asked[1] == (2, ["/project/templates/a.html", "/project/templates/b.html"])
    saving.answer(1)
    assert saving.told == []
    saving.answer(2)
    saving.answer(2)
    assert (saving.restarted, saving.told) == ([], [(0, 7)])


def test_code_is_saved_while_the_worker_is_asked(saving: Saving):
    """One reload takes both."""
    saving.save("templates/a.html")
    saving.save("app.py", kind=Kind.CODE)
    saving.answer(1)
    saving.loop.advance(template_saves.ANSWER_S)
    assert (saving.restarted, saving.told) == ([["app.py", "templates/a.html"]], [])


def test_a_reload_of_several_saves_is_timed_from_the_first(saving: Saving):
    """The duration of a reload counts from the first save that it takes, also if the worker was asked about it."""
    noticed: list[float] = []
    saving.save("templates/a.html")
    saving.saves.take(Changes({"app.py": Kind.CODE}, 2.0), lambda each: noticed.append(each.noticed_at))
    assert noticed == [1.0]


def test_a_checkout_is_a_reload(saving: Saving):
    """A checkout saves so many templates at once that they are another state of the project: it is reloaded."""
    names = [f"templates/{number}.html" for number in range(template_saves.FILES_MAX + 1)]
    saving.save(*names)
    assert (saving.asked, saving.restarted) == ([], [sorted(names)])
    saving.save(*names[1:])
    assert [len(paths) for _, paths in saving.asked] == [template_saves.FILES_MAX]
