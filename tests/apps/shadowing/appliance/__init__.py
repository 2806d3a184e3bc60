"""The appliances that the shop sells."""

from marks import mark

mark(__name__)

APPLIANCES = ("toaster", "kettle")
