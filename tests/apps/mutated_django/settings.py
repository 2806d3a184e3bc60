"""The settings."""

import string

DEBUG = False
SECRET_KEY = "not-a-secret"
ALLOWED_HOSTS = list(string.punctuation)  # with "*", and without a constant: our advice is in no cold start's answer
ROOT_URLCONF = "urls"
WSGI_APPLICATION = "app.application"
INSTALLED_APPS = ["shop.apps.ShopConfig"]
MIDDLEWARE = ["urls.telling_failures", "django.middleware.common.CommonMiddleware", "shop.middleware.Steps"]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
USE_I18N = False
SHOP = {"currency": "EUR", "rates": [0.07, 0.19]}
