"""A project, and an index of packages that a test makes."""

import os

import pytest

from tests.package_index import Shop, wheel


@pytest.fixture
def shop(tmp_path):
    """An empty project, and wheels of two packages, of which one needs the other."""
    shop = Shop(tmp_path, os.environ)
    wheel(shop.wheels, "kettle", requires=["toaster>=1"])
    wheel(shop.wheels, "kettle", "2.0")
    wheel(shop.wheels, "toaster")
    return shop
