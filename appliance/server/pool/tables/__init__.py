"""The pool's decisions over time, as pure tables of (state, event) to (state, actions); their owners perform them.

Runs in a worker and in the stand-in.
"""
