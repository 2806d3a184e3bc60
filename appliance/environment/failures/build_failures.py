"""Why a package could not be built: what its build said, what that means, what helps.

Must not know who shows it, nor where the package is asked for. Runs in ``appliance install``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from appliance.dependencies.dependency_selection import plain
from appliance.environment.failures.build_libraries import NEEDS
from appliance.environment.failures.build_symptoms import COMPILER, build_symptom

if TYPE_CHECKING:
    from appliance.environment.failures.build_symptoms import Cause


def cause_of_build(text: str, package: str = "") -> Cause | None:
    """What kept the package from being built; None where nothing that is known stands in its words.

    Args:
        text: the words of its build.
        package: its name, where that is known: the first thing that is missing is seldom the last.
    """
    symptom = build_symptom(text)
    cause = symptom[1] if symptom else None
    needs = NEEDS.get(plain(package), ())
    if cause is None or cause.old or not needs:
        return cause
    return replace(cause, debian=tuple(dict.fromkeys((*COMPILER, *cause.debian, *needs))))
