"""Flask with pandas: sales, summed."""

from flask import Flask

from sales.views import pages

app = Flask(__name__)
app.register_blueprint(pages)
