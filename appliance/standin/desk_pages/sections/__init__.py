"""The sections of a request's page, one module each. ``section_table`` lists them.

Runs in the stand-in.
"""
