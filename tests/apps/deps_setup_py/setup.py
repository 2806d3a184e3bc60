from setuptools import setup

NEEDS = ["kettle==1.0"]

setup(name="deps-setup-py", version="1", py_modules=["app"], install_requires=NEEDS)
