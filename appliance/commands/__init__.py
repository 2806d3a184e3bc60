"""The commands of ``appliance``, a module each: ``command(opening, arguments)`` returns the exit code.

They run in the appliance's own interpreter, and never import the project's code.
"""
