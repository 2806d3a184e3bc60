"""The steps before a worker is started: analyse the project, install its dependencies, run BEFORE_START.

Runs in the supervisor.
"""
