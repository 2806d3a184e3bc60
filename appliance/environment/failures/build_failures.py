"""Explain why a package could not be built, from the output of its build."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from appliance.dependencies.dependency_selection import normalized
from appliance.environment.failures.build_libraries import NEEDS
from appliance.environment.failures.build_symptoms import COMPILER, build_symptom

if TYPE_CHECKING:
    from appliance.environment.failures.build_symptoms import Cause


def cause_of_build(text: str, package: str = "") -> Cause | None:
    """Return what prevented the build; None if no known message is in its output.

    Args:
        text: the output of the build.
        package: the package's name, if known: a build stops at the first missing library, and may need others.
    """
    symptom = build_symptom(text)
    cause = symptom[1] if symptom else None
    needs = NEEDS.get(normalized(package), ())
    if cause is None or cause.old or not needs:
        return cause
    return replace(cause, debian=tuple(dict.fromkeys((*COMPILER, *cause.debian, *needs))))
