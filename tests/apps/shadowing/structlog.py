"""The structure of logs: trunks of trees."""

from marks import mark

mark(__name__)

TRUNKS = ("oak", "beech")
