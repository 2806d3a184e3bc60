"""An error page as HTML: one visual language for all pages, without external assets, readable without a script.

Runs in a worker and in the stand-in.
"""
