"""Advice about a failed build never contradicts itself, and never fails again."""

from __future__ import annotations

import re

import pytest

from appliance.dependencies.manifest_search import read_manifest
from appliance.environment.failures.build_libraries import IN_FULL
from appliance.environment.failures.install_remedies import add_debian
from appliance.environment.failures.uv_errors import failure
from appliance.environment.python.interpreter import Interpreter, Known
from appliance.environment.python.python_choice import Subject, after_failure
from appliance.environment.python.pythons import SERVED
from appliance.errors import InstallError
from tests.environment.failures.test_install_remedies import BUILDS, OWN, failed, unbuildable
from tests.package_index import Shop


@pytest.mark.parametrize("image", ["", "slim", "full"])
def test_pins_that_no_python_can_run(shop: Shop, image: str):
    """If a pin runs on no served Python, the pin is named, and no Python is advised for the rest."""
    shop.alone()
    shop.write("requirements.txt", "pymongo==2.4.1\nsix==1.14.0\nDjango==1.11.29 # x\n")
    values = {**shop.values, **({"APPLIANCE_IMAGE": image} if image else {})}
    error = failure((BUILDS / "slim-pymongo-2.4.1.txt").read_text().splitlines(), 1, "", (), image)
    known = Known(lacking={OWN: ("six==1.14.0",), SERVED[-1]: ()}, unfetched=SERVED)
    subject = Subject(shop.root, shop.settings, values, read_manifest(shop.root))
    with pytest.raises(InstallError) as caught:
        after_failure(subject, Interpreter(OWN, None, ""), known, error, None)  # type: ignore[arg-type]
    assert caught.value.action.startswith(
        "django==1.11.29 runs on Python 3.9 at most, and the appliance supports 3.10 to"
    )
    assert "docker build" not in caught.value.action
    assert "APPLIANCE_PYTHON" not in caught.value.action


def test_a_newer_release_is_offered_if_the_image_lacks_nothing():
    """No command installs nothing: where the image has what a build misses, a newer release is the remedy."""
    words = (BUILDS / "slim-psycopg2-2.9.9.txt").read_text().splitlines()
    action = failure(words, 1, "", (), "full").action
    assert "apt-get" not in action
    assert add_debian(sorted(IN_FULL), "full") == ""
    words = [line.replace("psycopg2==", "psycopg2-binary==") for line in words]
    for image in ("", "slim", "full"):
        assert failure(words, 1, "", (), image).action.startswith("Use a newer release of psycopg2-binary")


@pytest.mark.parametrize("image", ["", "slim"])
def test_one_python_is_advised(shop: Shop, image: str):
    """If the pins name a Python that the failed release can be built on, it alone is named, and once."""
    shop.alone()
    shop.write("requirements.txt", "pymongo==2.4.1\nsix==1.14.0\n")
    values = {**shop.values, **({"APPLIANCE_IMAGE": image} if image else {})}
    error = failure((BUILDS / "slim-pymongo-2.4.1.txt").read_text().splitlines(), 1, "", (), image)
    own = SERVED[0]  # never the newest, whatever Python runs this test
    known = Known(lacking={own: ("six==1.14.0",), SERVED[-1]: ()})
    subject = Subject(shop.root, shop.settings, values, read_manifest(shop.root))
    with pytest.raises(InstallError) as caught:
        after_failure(subject, Interpreter(own, None, ""), known, error, None)  # type: ignore[arg-type]
    pythons = re.findall(r"docker build --target full|uv python install [\d.]+", caught.value.action)
    assert len(pythons) == 1
    assert "APPLIANCE_PYTHON" not in caught.value.action


@pytest.mark.parametrize(
    "files",
    [
        {"requirements/dev.txt": "-r common.txt\ntoaster\n", "requirements/common.txt": "pymongo==2.4.1\n"},
        {
            "Pipfile.lock": (
                '{"_meta": {}, "default": {"pymongo": {"version": "==2.4.1"}},'
                ' "develop": {"toaster": {"version": "==1.0"}}}'
            )
        },
    ],
)
def test_a_pinned_release_that_cannot_be_built_is_tried_once(shop: Shop, files: dict[str, str]):
    """A release that can't be built, and that the project itself pins, is built once: no second try can be better."""
    unbuildable(shop, "slim-pymongo-2.4.1")
    shop.alone()
    (shop.root / "requirements").mkdir()
    for name, text in files.items():
        shop.write(name, text)
    assert failed(shop).details["package"] == "pymongo==2.4.1"
    assert "trying again without the development dependencies" not in shop.lines
