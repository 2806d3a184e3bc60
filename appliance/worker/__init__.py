"""The project's side of the appliance: what runs in the project's own interpreter.

The standard library and ``appliance.server`` alone; Python 3.10 to 3.15. Here the package is loaded under a private
name (see ``boot``), so every import of ours is relative.
"""
