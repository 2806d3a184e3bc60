"""One module for each file format that declares or locks dependencies."""
