"""Pinned requests: they run again by themselves after each save, and the difference is shown. Runs in the recorder."""
