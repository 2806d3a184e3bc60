"""The pages of a failure, for a browser, a program or a terminal, and the advice on them.

Runs in a worker and in the stand-in; ``tracebacks`` runs in a process that uses the server as a library, too.
"""
