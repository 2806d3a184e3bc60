"""The heading of a failed installation is one line that names the package."""

import pytest

from appliance.environment.failures.headings import install_heading
from appliance.environment.failures.uv_errors import failure

CROSS = "\N{MULTIPLICATION SIGN}"
SOLUTION = f"  {CROSS} No solution found when resolving dependencies:\n  ╰─▶ Because"
WORDS = {
    f"{SOLUTION} there is no version of flask==99.0 and you require flask==99.0, we can conclude\n      that your": (
        "flask 99.0 does not exist"
    ),
    f"{SOLUTION} only flask<=3.1 is available and you require flask>=99, we can": "flask >=99 does not exist",
    f"{SOLUTION} samovar was not found in the package registry and you": "samovar is not in the package index",
    f"  {CROSS} Failed to build `lxml==4.5.0`\n  ├─▶ The build backend returned an error": "lxml 4.5.0 can't be built",
    "error: No space left on device": "The disk of the cache is full",
    "error: something new": "It ended with an error",
}


@pytest.mark.parametrize(("words", "heading"), WORDS.items(), ids=WORDS.values())
def test_package_and_version_stand_first(words: str, heading: str):
    """Package and version stand first; a failure of another kind has its meaning as a sentence."""
    assert install_heading(failure(words.split("\n"), 1, "").found) == heading


@pytest.mark.parametrize("found", ["", "another error", "no Python 3.9 is installed (and so on)", "a\nb"])
def test_any_text_becomes_one_line(found: str):
    """Any text becomes one line."""
    assert "\n" not in install_heading(found)
