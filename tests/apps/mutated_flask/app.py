"""The Flask project: its application, and the routes by which it tells about itself."""

import catalogue
import pages
import telling
from flask import Flask, jsonify
from werkzeug.exceptions import HTTPException

application = Flask(__name__)
application.config["PRICES"] = "net"
application.url_map.converters["code"] = catalogue.Code
application.register_blueprint(pages.pages)
application.jinja_env.filters["shouted"] = pages.shouted
for path, route in telling.ROUTES.items():
    application.add_url_rule(path, f"telling{path}", lambda route=route: jsonify(route()))


@application.errorhandler(Exception)
def failed(error):
    """Tell where a request has failed."""
    return jsonify(telling.failure(error)), error.code if isinstance(error, HTTPException) else 500
