"""The commands of ``appliance``, one module each: ``command(...)`` returns the exit code.

They run in the appliance's own interpreter, and never import the project's code.
"""
