"""The messages about pages: what the stand-in shows, where an import stands, remedies, saved files that pages show.

Fields are JSON values, as in ``messages``.
"""

from __future__ import annotations

from typing import Any, Final

from .record import Message, made_default


class SetStandInPage(Message):
    """Show this page from now on: accept connections, and answer each after the wait."""

    kind = "set_stand_in_page"
    page: dict[str, Any]
    wait_s: float  # how long a connection is held in case a worker becomes ready
    since: float  # CLOCK_MONOTONIC at the start of the wait; applies to connections that queued before the stand-in ran


class StopAccepting(Message):
    """Stop accepting and hand over all connections, until the next page. For a stand-in.

    ``generation``: the one that serves now.
    """

    kind = "stop_accepting"
    generation: int = 0


class PublishAssets(Message):
    """Tell open pages that files which browsers load were saved: paths relative to the project. For a stand-in."""

    kind = "publish_assets"
    paths: list[str]


class SetRemedies(Message):
    """The remedies that may be run now, as pages show them (``appliance.remedies``). For a stand-in."""

    kind = "set_remedies"
    remedies: list[Any]


class RemedyProgress(Message):
    """The output of a remedy's run, or its end, as pages show it. For a stand-in.

    Attributes:
        remedy: its id.
        state: "running", "done", "failed" or "refused".
        lines: output, in order, since the last message.
        reason: why it failed or was refused; or empty.
    """

    kind = "remedy_progress"
    remedy: str
    state: str
    lines: list[str] = made_default(default_factory=list)
    reason: str = ""


class RemediesFound(Message):
    """The remedies for a failed request: rows of ``remedy_kinds``, with their parameters. From a worker."""

    kind = "remedies_found"
    needs: list[Any]


class RunRemedy(Message):
    """A person has pressed the button of this remedy. From a stand-in.

    Attributes:
        remedy: its id.
        shown: the digest of the command or change that the page showed.
    """

    kind = "run_remedy"
    remedy: str
    shown: str = ""


class CancelRemedy(Message):
    """A person ends the remedy that runs. From a stand-in."""

    kind = "cancel_remedy"
    remedy: str


class Importing(Message):
    """The import of the application goes on; where it stands: the answer to ``ServeUnfinishedImport``.

    Attributes:
        module: the module that is being imported.
        file, line: the innermost line of the project's own; empty and 0 without.
        count: how many modules are loaded.
    """

    kind = "importing"
    module: str
    file: str
    line: int
    count: int


class AskRecorder(Message):
    """Ask the recorder something for a page (``desk.replay``). From a stand-in, and passed on to the recorder.

    ``number``: of this question.
    """

    kind = "ask_recorder"
    number: int
    question: dict[str, Any]


NO_ANSWER: Final = "The recorder has not answered. Look for desk.failed in the log, and try again."
EDITED = ("method", "target", "fields", "body")  # of a request that is sent again: what may be edited
SENDING_S = 40.0  # longer than a request that is sent again may take
REPLAYED_S = SENDING_S + 5.0  # who asks the supervisor waits longer than it waits for the recorder
RECORDING_S = 1.0  # nobody waits longer to hear whether the recorder stores requests


class RecorderAnswers(Message):
    """The answer to ``AskRecorder``. From the recorder, and passed on to the stand-in."""

    kind = "recorder_answers"
    number: int
    answer: dict[str, Any]


class PublishPin(Message):
    """Tell open pages the state of a pinned request. From the recorder, and passed on to the stand-in."""

    kind = "publish_pin"
    pin: dict[str, Any]


class TellServing(Message):
    """This generation serves now, whose templates have changed so often; 0: the project is broken. For a recorder."""

    kind = "tell_serving"
    generation: int
    revision: int = 0


class NameSecrets(Message):
    """These texts are secret from now on. For a recorder."""

    kind = "name_secrets"
    values: list[str]


class CheckTemplates(Message):
    """These templates were saved: tell whether each is read again at its next use. ``number``: of this question."""

    kind = "check_templates"
    number: int
    paths: list[str]


class PublishRevision(Message):
    """Tell open pages that this generation's templates have changed so many times. For a stand-in."""

    kind = "publish_revision"
    generation: int
    revision: int


class TemplatesChecked(Message):
    """The answer to ``CheckTemplates``.

    Attributes:
        number: the question's.
        reason: why a new worker is needed; "" if each template is read again at its next use.
        revision: how many times this worker's templates have changed so; its pages name it.
    """

    kind = "templates_checked"
    number: int
    reason: str
    revision: int = 0


PAGE_MESSAGES: Final = (
    SetStandInPage,
    StopAccepting,
    PublishAssets,
    SetRemedies,
    RemedyProgress,
    RemediesFound,
    RunRemedy,
    CancelRemedy,
    Importing,
    AskRecorder,
    RecorderAnswers,
    PublishPin,
    TellServing,
    NameSecrets,
    CheckTemplates,
    PublishRevision,
    TemplatesChecked,
)
