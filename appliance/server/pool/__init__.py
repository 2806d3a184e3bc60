"""Which thread serves which connection: the listening socket, waiting connections, the thread pool and its watchdog."""
