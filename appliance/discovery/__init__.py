"""Find the application: read the project's files, never run them, and say why one was chosen.

It knows nothing of environments or installers. Runs in the appliance's own interpreter.
"""
