"""The list of what `appliance eject` can't know: one sentence for each thing that a person decides."""

from appliance.commands.production.eject_gaps import gaps_of
from tests.commands.production.conftest import facts
from tests.commands.production.test_eject_image import DJANGO


def test_the_secret_key_of_startproject_is_named():
    """A project that is served with the secret key of startproject has to get another one."""
    topics = [[gap.topic for gap in gaps_of(facts(django={**DJANGO, "public_key": key}))] for key in (True, False)]
    assert ["SECRET_KEY" in each for each in topics] == [True, False]
