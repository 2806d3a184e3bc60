"""Run a command again after each save. Runs in ``appliance run --watch``."""
