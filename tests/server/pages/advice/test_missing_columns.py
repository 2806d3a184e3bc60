"""Advice about a column that a model has and the database has not."""

from __future__ import annotations

import pytest

from tests.server.pages.advice.test_exception_advice import Advised, advised, raiser

__all__ = ["advised"]


@pytest.mark.parametrize(
    ("files", "command"),
    [
        ({"manage.py": "import django"}, "python manage.py makemigrations"),
        ({"migrations/alembic.ini": ""}, "flask db migrate"),
        ({"alembic.ini": ""}, "alembic revision --autogenerate"),
    ],
)
def test_a_missing_column_names_the_command_for_a_migration(advised: Advised, files: dict[str, str], command: str):
    """A field that was just added to a model has no migration yet: applying those that exist would change nothing."""
    words = advised(raiser("django.db.utils.OperationalError", "no such column: shop_item.price"), files)
    assert words.startswith("The database has no column shop_item.price. Create it: appliance run ")
    assert words.endswith(f" If no migration adds it yet, make one first: appliance run {command}")
