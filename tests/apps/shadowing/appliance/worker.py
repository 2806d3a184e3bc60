from marks import mark

mark(__name__)

WORKER = "the one who delivers the kettle"
