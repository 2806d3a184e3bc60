"""Serve an ASGI application over HTTP by the WSGI server: a2wsgi's ASGIMiddleware, and what it leaves out.

``event_loop`` runs the loop and a worker's phases, ``lifespan`` the protocol of that name. ``adapter`` is the WSGI
callable, ``bridge`` one request, and ``asgi_failures`` reports exceptions that frameworks hide. Loaded only if an
application is ASGI and APPLIANCE_ASGI is ``adapt``. Runs in the worker.
"""
