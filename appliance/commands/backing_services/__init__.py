"""The services that a project's dependencies ask for: which they are, and what ``appliance init`` writes for them.

Runs in ``appliance init`` and ``appliance deploy``.
"""
