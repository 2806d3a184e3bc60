"""Import packages once, then fork: what is safe to preload, and what a forked worker must repair.

Runs in the preloader, in the processes that were forked from it, and (``import_order``, ``fork_guard``) in each worker;
``fork_guard`` runs in the stand-in too.
"""
