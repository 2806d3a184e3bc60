"""Decide whether a save of templates needs a new worker: ask the serving worker whether it will read them again.

Runs in the supervisor's loop.

Theory of operation. Only the worker knows what its frameworks have cached, and only at the moment of the save. So each
save of templates alone leads to a question to the worker (``worker/frameworks/rereading``), whose answer takes some
milliseconds. If the answer is no, or does not come in time, the save is a reload like any other. A save that comes
before the answer joins the first one, so that a reload always takes all saves.

Decision 8 says why.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from appliance.protocol.page_messages import CheckTemplates, TemplatesChecked
from appliance.protocol.record import replace
from appliance.watch.kinds import is_template

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.supervisor.loop import Timer
    from appliance.supervisor.processes.handles import Handle
    from appliance.supervisor.runtime import Runtime
    from appliance.watch.watcher import Changes

    Restart = Callable[[Changes], None]

ANSWER_S = 1.0  # a worker that computes for this time without a pause is restarted
FILES_MAX = 100  # of one save; more, as at the checkout of another branch, are a reload
SHOWN_MAX = 10


@dataclass
class _Question:
    number: int
    worker: Handle
    changes: Changes
    restart: Restart
    asked_at: float
    timer: Timer


class TemplateSaves:
    """The saves of one project's templates.

    Args:
        runtime: the supervisor's.
        worker: returns the worker that serves; None if none does, or another one is being started.
        changed: called when templates have changed without a new worker, with the generation and its revision.
    """

    def __init__(
        self,
        runtime: Runtime,
        *,
        worker: Callable[[], Handle | None],
        changed: Callable[[int, int], None],
    ) -> None:
        self._root = str(runtime.settings.project)
        self._loop, self._children, self._log = runtime.loop, runtime.children, runtime.log
        self._worker = worker
        self._changed = changed
        self._number = 0
        self._question: _Question | None = None

    def take(self, changes: Changes, restart: Restart, *, ask: bool = True) -> None:
        """Take a burst of saves: ``restart`` is called with it, at once or later, unless it needs no new worker.

        ``ask``: False if it is known that a new worker is needed.
        """
        if (before := self._close()) is not None:
            kinds = {**before.changes.kinds, **changes.kinds}
            changes = replace(changes, kinds=kinds, noticed_at=before.changes.noticed_at)
        alone = ask and all(is_template(path, kind) for path, kind in changes.kinds.items())
        if not alone or not self._ask(changes, restart):
            restart(changes)

    def _ask(self, changes: Changes, restart: Restart) -> bool:
        worker = self._worker()
        if worker is None or len(changes.kinds) > FILES_MAX:
            return False
        self._number += 1
        paths = [path if path.startswith("/") else f"{self._root}/{path}" for path in changes.kinds]
        if not self._children.send(worker, CheckTemplates(number=self._number, paths=paths)):
            return False
        timer = self._loop.call_later(ANSWER_S, partial(self._refused, "the worker has not answered in time"))
        self._question = _Question(self._number, worker, changes, restart, time.monotonic(), timer)
        return True

    def answered(self, child: Handle, message: TemplatesChecked) -> None:
        """Take a worker's answer. Ignore it if no question waits for it."""
        question = self._question
        if question is None or (question.worker, question.number) != (child, message.number):
            return
        if message.reason or self._worker() is not child:
            self._refused(message.reason or "another worker serves now")
            return
        self._close()
        files = sorted(question.changes.kinds)
        duration_s = round(time.monotonic() - question.asked_at, 4)
        self._changed(child.generation, message.revision)
        # The event comes after the action: a client that reads the line may load the page.
        self._log.event(
            "info", "templates.reread", generation=child.generation, files=files[:SHOWN_MAX], count=len(files),
            duration_s=duration_s,
        )  # fmt: skip

    def _refused(self, reason: str) -> None:
        if (question := self._close()) is not None:
            files = sorted(question.changes.kinds)
            self._log.event("debug", "templates.cached", files=files[:SHOWN_MAX], count=len(files), reason=reason[:500])
            question.restart(question.changes)

    def _close(self) -> _Question | None:
        question, self._question = self._question, None
        if question is not None:
            question.timer.cancel()
        return question
