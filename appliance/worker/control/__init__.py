"""The control thread of a worker: it takes the supervisor's messages, answers its questions, and takes connections.

Runs in a worker, beside the main thread, which imports and serves the application.
"""
