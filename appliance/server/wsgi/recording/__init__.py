"""What the server records of each request: its id, its times, its end; and where the record goes."""
