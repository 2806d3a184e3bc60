"""The WSGI server: HTTP/1.1 and PEP 3333 on the standard library alone, strictly.

The path of a request, as the modules have it:

    listener.py, pool.py   accept a connection; who runs what when
    wire.py                its bytes, both ways, with patience that ends
    head.py                bytes to a request head (RFC 9112, 2 to 6)
    handler.py             the connection's loop: head, environ, application, next
    environ.py             head to a WSGI environ
    body.py                wsgi.input, bounded and decoded (chunked.py); received.py: whole, for who needs its length
    response.py            run the application; frame and write what it answers
    exchange.py            the record of it, handed to a sink

It knows nothing of processes, settings or logging, and is imported under whatever package name its process gave it, so
every import within is relative. Runs in the worker, in the stand-in, and in any program that uses it as a library.
"""
