"""What a worker records of its requests for the desk. Runs in every worker, in the threads of the requests."""
