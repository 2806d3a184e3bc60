DEBUG = True
SECRET_KEY = "a-key-for-development"
ROOT_URLCONF = "shop.urls"
ALLOWED_HOSTS = ["*"]
