from setuptools import setup

setup(name="tea", version="1", py_modules=["tea"], install_requires=["kettle"])
