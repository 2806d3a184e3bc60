"""Answer questions of pages, commands and assistants on the status socket, or pass them on to the recorder.

Runs in the supervisor.
"""
