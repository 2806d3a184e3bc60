"""What is shown."""

from flask import Blueprint, jsonify

from sales.table import sales

VERSION = 0

pages = Blueprint("pages", __name__)


@pages.get("/")
def index():
    """The sum of each shop."""
    sums = sales().groupby("shop")["amount"].sum()
    return jsonify(said=f"version {VERSION + inside()}", sums={shop: int(amount) for shop, amount in sums.items()})


def inside():
    """Which save this is, if it changes a function only."""
    VERSION = 0
    return VERSION
