"""Parse each file format that declares or locks dependencies: one module a format."""
