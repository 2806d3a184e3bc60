"""Which saves of files that browsers load need another worker."""

from __future__ import annotations

import time

import pytest

from appliance.supervisor.saves import static_saves
from appliance.supervisor.saves.static_saves import StaticSaves

FILES = {"static/a.css": "/project/static/a.css", "media/b.png": "/project/media/b.png"}


@pytest.fixture
def published() -> list[list[str]]:
    """The messages that open pages get."""
    return []


@pytest.fixture
def saves(published: list[list[str]]) -> StaticSaves:
    """Saves of one project."""
    return StaticSaves(published.append)


def test_a_file_needs_no_worker(saves: StaticSaves, published: list[list[str]]):
    """Pages get a file at once if nobody has listed its folder."""
    assert saves.saved(FILES) == []
    assert published == [list(FILES)]


def test_a_listed_folder_needs_another_worker(saves: StaticSaves, published: list[list[str]]):
    """A file in a folder that the worker has listed restarts it; pages get the save when the next one serves."""
    assert saves.listed(["/project/static"], more=False, since=time.monotonic()) == []
    assert saves.saved(FILES) == ["static/a.css"]
    assert published == [["media/b.png"]]
    saves.serving()
    saves.serving()
    assert published == [["media/b.png"], ["static/a.css"]]


def test_a_save_during_the_start_is_not_lost(saves: StaticSaves, published: list[list[str]]):
    """A file that was saved after the start had begun, before its folders were known, restarts the worker once."""
    began = time.monotonic()
    saves.saved(FILES)
    assert saves.listed(["/project/static"], more=False, since=began) == ["static/a.css"]
    assert saves.listed(["/project/static"], more=False, since=began) == []
    saves.serving()
    assert published[1:] == [["static/a.css"]]


def test_a_save_before_the_start_is_listed_by_it(saves: StaticSaves):
    """Files that were saved before the start began are listed by the start as they are."""
    saves.saved(FILES)
    assert saves.listed(["/project/static"], more=False, since=time.monotonic()) == []


def test_what_a_worker_lists_replaces_or_joins(saves: StaticSaves):
    """A worker that lists nothing needs no restart; one that has failed has not listed all."""
    saves.listed(["/project/static"], more=False, since=time.monotonic())
    saves.listed([], more=True, since=time.monotonic())
    assert saves.saved(FILES) == ["static/a.css"]
    saves.listed([], more=False, since=time.monotonic())
    assert saves.saved(FILES) == []


def test_pages_get_a_bounded_number_of_files(
    saves: StaticSaves, published: list[list[str]], monkeypatch: pytest.MonkeyPatch
):
    """Pages hear of the first of a thousand files; each of these files restarts the worker."""
    monkeypatch.setattr(static_saves, "SAVED_MOST", 5)
    many = {f"static/{number}.png": f"/project/static/{number}.png" for number in range(20)}
    saves.saved(many)
    assert [len(paths) for paths in published] == [5]
    saves.listed(["/project/static"], more=False, since=time.monotonic())
    assert len(saves.saved(many)) == 20
    saves.serving()
    assert [len(paths) for paths in published] == [5, 5]
