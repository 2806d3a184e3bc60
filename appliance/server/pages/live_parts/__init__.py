"""Parts of pages that change while they are shown: what is under way, and the remedies of a failure.

Runs in a worker and in the stand-in.
"""
