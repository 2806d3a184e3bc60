"""Keep imports of the project that have paused before the files that were edited last, and fork workers from them.

Runs in the supervisor.
"""
