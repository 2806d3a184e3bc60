"""The debug port: one address for an editor, for every worker (the Debug Adapter Protocol).

Runs in the supervisor.
"""
