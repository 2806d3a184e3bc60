"""Create the project's virtual environment: plan it, install into it with uv, and explain a failure."""
