"""The commands that show the recorder's requests. Runs in ``appliance requests`` and ``appliance mcp``."""
