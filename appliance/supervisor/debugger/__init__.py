"""The debug port: one address for an editor, whichever worker serves (the Debug Adapter Protocol)."""
