"""The fields of a posted form: ``own_pages`` receives them once for each request, and the pages ask for them here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from appliance.conventions import URLENCODED_FORM
from appliance.server.browser.own_paths import PREFIX

from .browser_errors import BODY_MAX

if TYPE_CHECKING:
    from collections.abc import Mapping

PAGE_VALUE = "page_value"  # the field that holds the page's value
_FORM = "appliance.posted_form"  # in the environ; "appliance.form" is the form of a request that failed
_FIELDS_MAX = 10
_EDITED = f"{PREFIX}/requests/"
_EDITED_MAX = 512 * 1024  # bytes of a form that is posted below it: a request with its body, as edited


def receive_form(environ: dict[str, Any]) -> Mapping[str, str]:
    """Return the fields of a posted form, and keep them for the pages; the body of anything else is left unread."""
    found = environ[_FORM] = _form(environ)
    return found


def form_of(environ: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the fields that were received."""
    found: Mapping[str, str] = environ.get(_FORM, {})
    return found


def _form(environ: Mapping[str, Any]) -> dict[str, str]:
    is_form = environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower() == URLENCODED_FORM
    if environ["REQUEST_METHOD"] != "POST" or not is_form:
        return {}
    most = _EDITED_MAX if environ["PATH_INFO"].startswith(_EDITED) else BODY_MAX
    body = environ["wsgi.input"].read(most + 1)
    if len(body) > most:
        return {}
    try:
        found = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_FIELDS_MAX)
    except ValueError:  # too many fields
        return {}
    return {name: values[0] for name, values in found.items()}
