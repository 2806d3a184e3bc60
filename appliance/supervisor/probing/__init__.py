"""The supervisor's end of the probe server: its port, its process, and the state that it answers.

Runs in the supervisor.
"""
