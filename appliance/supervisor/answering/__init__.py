"""Answer what pages, commands and assistants ask on the status socket, or pass the question on to the recorder.

Runs in the supervisor.
"""
