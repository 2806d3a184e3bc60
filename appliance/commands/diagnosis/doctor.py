"""``appliance doctor``: print the problems of this machine, and what to do about each.

``doctor_checks`` looks for the problems.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from appliance.commands.diagnosis.doctor_checks import CHECKS, CheckContext
from appliance.commands.diagnosis.doctor_findings import Finding
from appliance.commands.first_steps import open_project
from appliance.logs.sanitise import sanitise
from appliance.masking import Mask
from appliance.plural import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_SHOWN = {"hurts": "problem", "note": "note", "ok": "ok"}


def command(process: Mapping[str, str], flags: Mapping[str, str], *, as_json: bool) -> int:
    """Print the findings; return 0 if none hurts, 1 if one does.

    Raises:
        ApplianceError: the project's folder or a setting is not valid.
    """
    opened = open_project(process, flags)
    subject = CheckContext(opened.settings, in_image="APPLIANCE_IMAGE" in process, unread=opened.environment.unread)
    mask = Mask(opened.environment.values, more=opened.environment.secrets())
    findings = [Finding(**mask.of(asdict(finding))) for finding in _findings(subject)]
    if as_json:
        sys.stdout.write(json.dumps([asdict(finding) for finding in findings]) + "\n")
    else:
        sys.stdout.write(_text(findings))
    return 1 if any(finding.state == "hurts" for finding in findings) else 0


def _text(findings: Sequence[Finding]) -> str:
    """Return the findings for people: problems first, each with what to do, and their number at the end."""
    lines = []
    for finding in sorted(findings, key=lambda each: list(_SHOWN).index(each.state)):
        lines.append(f"{_SHOWN[finding.state]:<8} {finding.topic:<12} {sanitise(finding.found)}")
        if finding.action:
            lines.append(f"{'':<21} {sanitise(finding.action)}")
    problems = sum(finding.state == "hurts" for finding in findings)
    lines += ["", f"{counted(problems, 'problem')} found." if problems else "No problem found."]
    return "\n".join(lines) + "\n"


def _findings(subject: CheckContext) -> Iterator[Finding]:
    for check in CHECKS:
        try:
            yield from check(subject)
        except OSError as error:
            yield Finding(check.__name__, "note", f"could not be checked: {error}")
