"""The commands of ``appliance``, and what they share: a command's ``command(...)`` returns the exit code.

``diagnosis.doctor``, ``explain`` (``check`` and ``config``), ``init``, ``install``, ``pip``, ``run_command``, ``serve``
and ``show_status`` are commands. The other modules are parts of these and of the
commands in its packages.

Runs in commands, and for ``serve`` in the supervisor; never imports the project's code.
"""
