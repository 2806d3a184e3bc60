"""WSGI (PEP 3333): a head becomes an environ, the application runs, its answer becomes a response.

The classes with the API of ``django.core.servers.basehttp`` stand here.

Runs in each process that has the server: worker, stand-in, library.
"""
