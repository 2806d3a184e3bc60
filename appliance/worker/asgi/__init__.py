"""An ASGI application, served over HTTP by the WSGI server: a2wsgi's ASGIMiddleware, and what it leaves out.

``running`` has the event loop and the order of a worker's life, ``lifespan`` the protocol of that name, ``adapter`` the
WSGI callable, ``bridge`` one request, ``failures`` what frameworks keep to themselves. Loaded only where an
application is ASGI and APPLIANCE_ASGI says adapt. Runs in the worker.
"""
