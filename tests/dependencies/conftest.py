"""Projects of a few files of dependencies."""

import pytest

from appliance.dependencies.manifest_search import read_manifest
from tests.layout import write


@pytest.fixture
def read(tmp_path):
    """``read({"requirements.txt": ".."}, "named.txt")``: the manifest of such a project."""

    def read(files, *named):
        write(tmp_path, files)
        return read_manifest(tmp_path, named)

    return read
