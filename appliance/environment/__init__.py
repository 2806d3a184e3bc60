"""Create the project's virtual environment: plan it, install into it with uv, and explain a failure.

Runs in the supervisor, which plans, and in commands, of which ``appliance install`` installs.
"""
