"""The table of the sections of a request's page: each is a tab, in this order.

To add one, write its function in a module of this package, and list it here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from .exchange_sections import request_section, response_section
from .log_section import log_section, shown_lines
from .mail_section import mail_count, mail_section
from .outgoing_section import count_of, outgoing_section
from .overview_section import overview_section
from .queries_section import queries_count, queries_section
from .raised_section import exception_section
from .templates_section import cache_count, cache_section, templates_count, templates_section

if TYPE_CHECKING:
    from collections.abc import Callable

    Found = dict[str, Any]


def _always(_found: Found) -> None:
    """Count nothing: the section is shown for every request, without a number."""


class Section(NamedTuple):
    """One section.

    Attributes:
        label: of its tab, plain text.
        content: makes its HTML of a request, which is what ``desk.recorded_requests.read`` returns.
        how_many: how many things it shows, for the tab; a section with 0 has no tab. None: a tab without a number.
    """

    label: str
    content: Callable[[Found], str]
    how_many: Callable[[Found], int | None] = _always


# By the last part of the path: /__appliance__/requests/17/queries
SECTIONS: dict[str, Section] = {
    "": Section("Overview", overview_section),
    "exception": Section("Exception", exception_section, lambda found: int(found["error"] is not None)),
    "request": Section("Request", request_section),
    "response": Section("Response", response_section),
    "queries": Section("Queries", queries_section, queries_count),
    "outgoing": Section("Outgoing", outgoing_section, count_of),
    "mail": Section("Mail", mail_section, mail_count),
    "templates": Section("Templates", templates_section, templates_count),
    "cache": Section("Cache", cache_section, cache_count),
    "log": Section("Log", log_section, lambda found: len(shown_lines(found))),
}
