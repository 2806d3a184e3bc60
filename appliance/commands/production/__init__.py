"""The way out of development: the files that run a project elsewhere, made from what the appliance knows of it.

Runs in ``appliance deploy`` and ``appliance eject``.
"""
