"""The compose file of `appliance init`: it names the image, and builds it if it is missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from appliance import __version__
from appliance.commands.backing_services.service_text import Services
from appliance.commands.compose_draft import Image, compose_text
from appliance.commands.image_source import ImageSource
from appliance.commands.init_templates import drafts
from appliance.discovery.target import Target

URL = "https://git.example.test/dev/wsgi-appliance.git"


def service(image: Image) -> dict[str, Any]:
    """The service of the written text."""
    app: dict[str, Any] = yaml.safe_load(compose_text(None, image, Services()))["services"]["app"]
    return app


def test_a_missing_image_is_built_from_a_source_that_every_machine_finds(tmp_path: Path) -> None:
    """The missing image is built from it, no registry is asked, and the new image remembers the source."""
    app = service(Image(ImageSource(URL)))
    assert (app["image"], app["pull_policy"]) == ("wsgi-appliance", "never")
    assert app["build"] == {"context": URL, "args": {"APPLIANCE_SOURCE": URL}}


@pytest.mark.parametrize(
    ("context", "is_newest"),
    [(URL, True), (f"{URL}#v0.2.0", False), ("https://git.example.test/x/v0.2.0.tar.gz", False), ("../clone", False)],
)
def test_a_source_without_a_release_says_how_to_pin_it(tmp_path: Path, context: str, is_newest: bool) -> None:
    """A line in each file says how the image stays at one release, where its source does not say so already."""
    image = Image(ImageSource(context))
    line = f"To keep one release, append its tag to the address: #v{__version__}"
    assert (line in compose_text(None, image, Services())) == is_newest
    container = next(
        draft.text for draft in drafts(tmp_path, None, [], image, Services()) if draft.path.endswith(".json")
    )
    assert (f"// {line}" in container) == is_newest


def test_files_that_the_full_image_writes_build_the_full_image(tmp_path: Path) -> None:
    """Files that the full image writes build the full image."""
    image = Image(ImageSource(URL), target="full")
    assert service(image)["build"]["target"] == "full"
    assert image.build_command == f'docker build --tag wsgi-appliance --target full "{URL}"'


def test_a_source_over_ssh_lets_the_build_ask_the_agent(tmp_path: Path) -> None:
    """The build may ask the SSH agent, which compose does not allow by itself."""
    assert service(Image(ImageSource("ssh://git@git.example.test/x.git")))["build"]["ssh"] == ["default"]


@pytest.mark.parametrize("folder", ["../a clone", "C:\\src\\appliance", "/srv/größe", "../it's: #1"])
def test_folders_arrive_as_they_are(tmp_path: Path, folder: str) -> None:
    """A folder arrives as it is; the image remembers an absolute one alone."""
    build = service(Image(ImageSource(folder)))["build"]
    assert build["context"] == folder
    assert ("args" in build) == (not folder.startswith("."))


def test_djangos_settings_and_migrations_are_named(tmp_path: Path) -> None:
    """The header says that a settings module is Django's, and the line for migrations is ready to be used."""
    environ = {"DJANGO_SETTINGS_MODULE": "shop.settings"}
    target = Target("django", "", "", "", "no", (), environ, framework="Django")
    text = compose_text(target, Image(ImageSource(URL)), Services())
    assert "# Serves Django with shop.settings." in text
    used = text.replace("# APPLIANCE_BEFORE_START", "APPLIANCE_BEFORE_START")
    environment = yaml.safe_load(used)["services"]["app"]["environment"]
    assert environment["APPLIANCE_BEFORE_START"] == "python manage.py migrate --noinput"


def test_a_draft_names_the_command_that_builds_the_image(tmp_path: Path) -> None:
    """The first line is the command that makes the image, and compose does not look for it in a registry."""
    text = compose_text(None, Image(ImageSource()), Services())
    assert text.startswith("# Needs the image wsgi-appliance: docker build --tag wsgi-appliance FOLDER")
    app = yaml.safe_load(text)["services"]["app"]
    assert app["pull_policy"] == "never"
    assert "build" not in app
