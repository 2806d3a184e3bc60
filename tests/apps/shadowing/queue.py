"""The people who wait at the counter."""

from marks import mark

mark(__name__)

waiting = ["Ada", "Grace"]
