"""A project that is linked into an environment."""

import pytest

from appliance.dependencies.source_tree import SourceTree
from appliance.environment.editable_install import link_trees


@pytest.mark.parametrize("library", ["python3.13", "python3.14t", "pypy3.11"])
def test_the_library_of_each_python_is_found(tmp_path, library):
    """The folder of the packages has another name for PyPy, and for a Python without the global lock."""
    packages = tmp_path / "lib" / library / "site-packages"
    packages.mkdir(parents=True)
    link_trees([SourceTree(tmp_path, "shop", "1", (), roots=(tmp_path,))], tmp_path)
    assert (packages / "zz_projects.pth").read_text() == f"{tmp_path}\n"
    assert (packages / "shop-1.dist-info" / "METADATA").is_file()
