"""The files in which an import has failed."""

from typing import Any

import pytest

from appliance.supervisor.saves.reload_trigger import NODES_MOST, _files_of


def test_the_files_of_all_frames_count():
    """The frames of the exception, of its cause and of a group's members count."""
    cause = {"frames": [{"file": "/b.py"}]}
    tree = {"frames": [{"file": "/a.py"}], "before": cause, "members": [{"frames": [{"file": "/c.py"}]}]}
    assert list(_files_of(tree)) == ["/a.py", "/b.py", "/c.py"]


@pytest.mark.parametrize("report", [None, 7, {}, {"frames": [7], "before": "x", "members": [None]}])
def test_a_damaged_report_names_no_files(report: Any):
    """A report of a damaged worker names no files."""
    assert list(_files_of(report)) == []


def test_a_report_without_end_is_bounded():
    """A tree that has no end is not followed without end."""
    tree: dict[str, Any] = {"frames": [{"file": "/a.py"}]}
    tree["members"] = [tree, tree]
    assert len(list(_files_of(tree))) <= 2 * NODES_MOST
    chain: dict[str, Any] = {"frames": [{"file": "/a.py"}]}
    chain["before"] = chain
    assert len(list(_files_of(chain))) == NODES_MOST
