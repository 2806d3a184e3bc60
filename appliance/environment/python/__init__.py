"""Choose the Python interpreter that a project is installed for."""
