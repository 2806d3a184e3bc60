"""Whether the tests take their long form: larger inputs, more clients, more examples. ``make soak`` runs it.

The short form, which ``make test`` runs, holds the same properties. The long form also finds what shows itself only in
larger inputs, or seldom.
"""

from __future__ import annotations

import os

THOROUGH = os.environ.get("APPLIANCE_TESTS_FORM") == "thorough"
