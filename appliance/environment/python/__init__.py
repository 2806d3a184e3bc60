"""Choose the Python that a project is installed for."""
