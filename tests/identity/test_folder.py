"""The project's folder, before anything in it is looked at."""

import pytest

from appliance.errors import ProjectMissingError
from appliance.identity.folder import check_folder


def test_a_missing_folder(tmp_path):
    """What is not there, and what is not a folder, say so; a folder that can be listed and entered is let pass."""
    with pytest.raises(ProjectMissingError, match="No such file"):
        check_folder(tmp_path / "gone")
    (tmp_path / "file").touch()
    with pytest.raises(ProjectMissingError, match="not a folder"):
        check_folder(tmp_path / "file")
    check_folder(tmp_path)
