"""Parse each file format that declares or locks dependencies: one module a format.

Runs in the supervisor and in commands.
"""
