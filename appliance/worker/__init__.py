"""The project's side of the appliance: the code that runs in the project's own interpreter.

It imports only the standard library, ``appliance.server``, ``appliance.protocol``, and the modules that both sides
share (conventions, masking, ownership, plural), for Python 3.10 to 3.15. The package is loaded under a private name
(see ``entry``), so all imports of our own modules are relative.

Runs in workers, snapshots and preloaders. Its ``serving_process`` and ``records``, with what they import, run in the
stand-in too.
"""
