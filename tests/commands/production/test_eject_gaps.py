"""The list of what `appliance eject` can't know: one sentence for each thing that a person decides."""

from appliance.commands.production.eject_gaps import gaps_of
from appliance.commands.production.eject_locks import Lock
from tests.commands.production.conftest import facts
from tests.commands.production.test_eject_image import DJANGO


def test_the_secret_key_of_startproject_is_named():
    """A project that is served with the secret key of startproject has to get another one."""
    topics = [[gap.topic for gap in gaps_of(facts(django={**DJANGO, "public_key": key}))] for key in (True, False)]
    assert ["SECRET_KEY" in each for each in topics] == [True, False]


def test_the_folder_of_flask_sqlalchemy_is_named():
    """Flask-SQLAlchemy makes a folder beside an SQLite file, which fails in a container that is read-only."""
    with_it = facts(lock=Lock("", hashed=True, names=frozenset({"flask", "flask-sqlalchemy"})))
    named = [["instance/" in gap.text for gap in gaps_of(each)] for each in (facts(), with_it)]
    assert [any(each) for each in named] == [False, True]
