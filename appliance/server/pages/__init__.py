"""The pages of a failure, for a browser, a program or a terminal, and the advice on them.

Runs in a worker and in the stand-in.
"""
