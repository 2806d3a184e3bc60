"""The queries of a request: drivers of PEP 249, and the hooks that Django and SQLAlchemy document for that.

Runs in a worker.
"""
