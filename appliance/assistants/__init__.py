"""The tools for assistants, and the Model Context Protocol (MCP) that offers them.

Runs in ``appliance mcp``, which serves them over stdio, and in the stand-in, which serves them over HTTP. Both read the
desk's database, and ask the supervisor on its status socket.
"""
