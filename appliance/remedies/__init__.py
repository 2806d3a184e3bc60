"""Remedies: what a page offers to run or change, made from a named need; each is shown exactly before it is done.

Runs in the supervisor, except for ``apply_edit``, a process of its own that changes one file.
"""
