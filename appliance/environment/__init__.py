"""Make the project's virtual environment: plan it, fill it with uv, keep it, and say why that failed.

Runs in the appliance's own interpreter.
"""
