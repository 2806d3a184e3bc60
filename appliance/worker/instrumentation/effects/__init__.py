"""Hooks into libraries that note a request's effects, except its queries: outgoing calls, mail, templates, cache.

Runs in a worker; ``request_effects`` is loaded in the stand-in, but never runs in the stand-in.
"""
