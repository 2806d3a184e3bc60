SECRET_KEY = "only for tests"
ROOT_URLCONF = "shop.urls"
INSTALLED_APPS = []
ALLOWED_HOSTS = ["*"]
