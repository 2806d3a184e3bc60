"""Remedies: what a page offers to run or change, made from a named need; each is shown exactly before it is done.

Runs in the supervisor, and in ``appliance init`` and ``appliance deploy``; ``apply_edit`` is a process of its own that
changes one file.
"""
