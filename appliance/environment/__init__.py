"""Create the project's virtual environment: plan it, install into it with uv, and explain a failure.

Runs in the appliance's own interpreter: the planning in the supervisor, the installation in ``appliance install``.
"""
