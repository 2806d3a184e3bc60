"""The source that the image is built from: the values of --source, and the source that an image remembers."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.commands.image_source import FILE, ImageSource, as_url, given_source, of_build, recorded_source
from appliance.errors import SettingsError

URL = "https://git.example.test/dev/wsgi-appliance.git"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder that looks like a clone of the appliance."""
    folder = tmp_path / "a clone"
    (folder / "appliance").mkdir(parents=True)
    (folder / "Dockerfile").touch()
    return folder


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A project's folder beside it."""
    folder = tmp_path / "shop"
    folder.mkdir()
    return folder


@pytest.mark.parametrize(
    ("text", "url"),
    [
        (URL, URL),
        ("https://git.example.test/dev/wsgi-appliance", URL),
        ("https://git.example.test/dev/wsgi-appliance/", URL),
        ("https://git.example.test/dev/wsgi-appliance#v0.3.0", f"{URL}#v0.3.0"),
        ("https://me:secret@git.example.test/dev/wsgi-appliance.git", URL),
        ("https://token@git.example.test/dev/wsgi-appliance.git", URL),
        ("https://git.example.test:8443/x.git", "https://git.example.test:8443/x.git"),
        ("https://files.example.test/appliance-0.3.tar.gz", "https://files.example.test/appliance-0.3.tar.gz"),
        ("ssh://git:secret@git.example.test/x.git", "ssh://git@git.example.test/x.git"),
        ("git@git.example.test:dev/x.git", "ssh://git@git.example.test/dev/x.git"),
        ("git://git.example.test/x.git", "git://git.example.test/x.git"),
        ("ftp://git.example.test/x.git", ""),
        ("file:///srv/x.git", ""),
        ("https:///x.git", ""),
        ("https://[bad/x.git", ""),
        ("/srv/x.git", ""),
    ],
)
def test_a_url_becomes_a_repositorys(text: str, url: str) -> None:
    """A URL becomes one that a build fetches as a repository, without the password or token in it."""
    assert as_url(text) == url


def test_a_relative_source_is_kept_in_the_working_folder_alone(clone: Path, shop: Path) -> None:
    """A relative folder is kept if the project's folder is the working folder; from elsewhere it becomes absolute."""
    relative = given_source("../a clone", shop, shop, in_image=False)
    assert relative == ImageSource("../a clone", checked=True)
    assert not relative.is_absolute
    assert given_source("a clone", shop, shop.parent, in_image=False).context == str(clone.resolve())


@pytest.mark.parametrize("text", ["../wsgi-appliance", "/home/me/wsgi-appliance", "C:\\src\\wsgi-appliance"])
def test_a_folder_that_only_the_host_sees_is_taken_unchecked(shop: Path, text: str) -> None:
    """In the image, a folder outside of the project is taken as it is given, and counts as not checked."""
    assert given_source(text, shop, shop, in_image=True) == ImageSource(text)


@pytest.mark.parametrize(
    ("text", "in_image", "found"),
    [
        ("../nothing", False, "is not a folder"),
        ("../shop", False, "has no Dockerfile of the appliance"),
        ("vendor/nothing", True, "is not a folder"),
        ("", True, "can't be written"),
        ("~/wsgi-appliance", True, "can't be written"),
        ("--force", True, "can't be written"),
        ('a"b', True, "can't be written"),
        ("a$(b)", True, "can't be written"),
        ("a\nb", True, "can't be written"),
        ("ftp://git.example.test/x", True, "Docker builds nothing from"),
    ],
)
def test_a_source_that_builds_nothing_is_refused_in_three_parts(
    shop: Path, text: str, in_image: bool, found: str
) -> None:
    """A source that can't be a build's context, or can't be written safely, is an error in three parts."""
    with pytest.raises(SettingsError, match=found) as refused:
        given_source(text, shop, shop, in_image=in_image)
    assert "folder of a clone" in refused.value.expected
    assert "appliance init --source" in refused.value.action


def test_the_usual_abbreviation_means_the_repository(shop: Path) -> None:
    """``github.com/owner/name`` is the repository, as for ``docker build``."""
    assert given_source("github.com/dev/x", shop, shop, in_image=True).context == "https://github.com/dev/x.git"


@pytest.mark.parametrize(
    ("config", "source"),
    [
        (f'[remote "origin"]\n\turl = {URL}\n', URL),
        (f'[core]\n\turl = no\n[ Remote "origin" ]\n\tfetch = +refs\n\tURL="{URL}"\n', URL),
        ('[remote "origin"]\n\turl = https://me:secret@git.example.test/x\n', "https://git.example.test/x.git"),
        ('[remote "origin"]\n\turl = /srv/git/x.git\n', "/clone"),
        ('[remote "origin"]\n\tfetch = +refs\n[remote "fork"]\n\turl = https://git.example.test/fork.git\n', "/clone"),
        ("", "/clone"),
    ],
)
def test_a_build_records_the_url_of_origin_without_its_password(tmp_path: Path, config: str, source: str) -> None:
    """The URL of git's origin without its password; if Docker can't fetch it, the clone's folder."""
    (tmp_path / "config").write_text(config, encoding="utf-8")
    assert of_build("", "/clone", tmp_path / "config") == source
    assert of_build("https://other.example.test/x", "/clone", tmp_path / "config") == "https://other.example.test/x.git"


def test_no_source_is_recorded_without_git_config_and_folder(tmp_path: Path) -> None:
    """Without a .git/config and a folder nothing is recorded; a folder that no command can name is not recorded."""
    assert of_build("", "", tmp_path / "none") == ""
    assert of_build("", "/home/$me", tmp_path / "none") == ""


def test_the_recorded_source_counts(tmp_path: Path, clone: Path) -> None:
    """The image's record counts, also an empty one; outside the image the checkout that runs, if it is one."""
    (tmp_path / FILE).write_text(f"{URL}\n", encoding="utf-8")
    assert recorded_source(prefix=tmp_path, checkout=clone) == ImageSource(URL)
    (tmp_path / FILE).write_text("", encoding="utf-8")
    assert recorded_source(prefix=tmp_path, checkout=clone) == ImageSource()
    (tmp_path / FILE).unlink()
    assert recorded_source(prefix=tmp_path, checkout=clone).context == str(clone)
    assert recorded_source(prefix=tmp_path, checkout=tmp_path) == ImageSource()
