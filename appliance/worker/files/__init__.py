"""The project's files as a worker knows them: imported, read, written, or looked for but missing.

Runs in a worker.
"""
