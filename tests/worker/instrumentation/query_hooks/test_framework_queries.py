"""The hook of Django's queries, beside a project's own wrappers of them. Live tests note the queries themselves."""

from __future__ import annotations

import subprocess
import sys

# In a process of its own: settings are configured once.
WRAPPED = """
from django.conf import settings
settings.configure(DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}})
import django
django.setup()
from django.db import connection
from appliance.worker.hooks import Hooks
from appliance.worker.instrumentation.library_hooks import LibraryHooks
from appliance.worker.instrumentation.project_line import ProjectLine
from appliance.worker.instrumentation.query_hooks.framework_queries import FrameworkQueries
from appliance.worker.instrumentation.query_hooks.query_notes import QueryNotes
from tests.worker.instrumentation.query_hooks.noted_queries import request

libraries = LibraryHooks(Hooks())
FrameworkQueries(libraries._hooks, QueryNotes(ProjectLine(lambda name: False))).add_to(libraries)
libraries.install()

def refuses(*arguments):
    raise RuntimeError("no query here")

def query(number):
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {number}")
        return cursor.fetchone()[0]

with request() as noted:
    with connection.execute_wrapper(refuses):
        try:
            query(1)
        except RuntimeError as error:
            print(error)
    print(query(2))
print(noted.texts)
"""


def test_a_wrapper_of_the_project_ends_with_its_context():
    """A wrapper of queries in whose context Django connects is removed at its end, and the hook stays."""
    command = [sys.executable, "-c", WRAPPED]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.stdout, done.stderr) == ("no query here\n2\n['SELECT 1', 'SELECT 2']\n", "")
