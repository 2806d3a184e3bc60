from configurations import Configuration


class Base(Configuration):
    SECRET_KEY = "a-key-for-development"
    ROOT_URLCONF = "shop.urls"
    WSGI_APPLICATION = "shop.wsgi.application"


class Development(Base):
    DEBUG = True
    ALLOWED_HOSTS = ["*"]
