"""The supervisor's reports: the children's log records, the status socket, the stand-in's pages, stacks.

Runs in the supervisor; the part of ``status_socket`` that asks the supervisor runs in commands.
"""
