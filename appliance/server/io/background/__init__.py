"""What goes on without a thread: responses that clients read slowly, and bodies that clients send slowly."""
