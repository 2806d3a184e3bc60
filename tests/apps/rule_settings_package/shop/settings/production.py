from .base import *

raise RuntimeError("these are not for development")
