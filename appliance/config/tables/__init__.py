"""The rows of the table of settings: one module for each group of settings."""
