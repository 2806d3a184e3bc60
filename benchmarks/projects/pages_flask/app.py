"""A page, by Flask."""

from flask import Flask, render_template

VERSION = 0
app = Flask(__name__)


@app.get("/")
def page():
    return render_template("page.html", version=VERSION)
