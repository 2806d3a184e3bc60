"""What the pool decides over time, as pure tables of (state, event) to (state, actions); their owners perform them.

Runs in each process that has the server: worker, stand-in, library.
"""
