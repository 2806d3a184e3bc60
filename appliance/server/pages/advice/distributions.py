"""The packages whose name differs from the module that they contain, and the modules that Python removed.

Runs in the worker, after an import has failed.
"""

from __future__ import annotations

from ....conventions import REMOVED_MODULES

# Only names that differ by more than case and hyphens; dotted names if the first part is not enough.
_DISTRIBUTIONS = {
    "MySQLdb": "mysqlclient",
    "OpenSSL": "pyOpenSSL",
    "PIL": "Pillow",
    "Crypto": "pycryptodome",
    "Cryptodome": "pycryptodomex",
    "Xlib": "python-xlib",
    "_mysql": "mysqlclient",
    "apscheduler": "APScheduler",
    "attr": "attrs",
    "babel": "Babel",
    "bs4": "beautifulsoup4",
    "corsheaders": "django-cors-headers",
    "crispy_bootstrap4": "crispy-bootstrap4",
    "crispy_bootstrap5": "crispy-bootstrap5",
    "crispy_forms": "django-crispy-forms",
    "cv2": "opencv-python-headless",
    "dash_bootstrap_components": "dash-bootstrap-components",
    "dateutil": "python-dateutil",
    "debug_toolbar": "django-debug-toolbar",
    "decouple": "python-decouple",
    "django_celery_beat": "django-celery-beat",
    "django_celery_results": "django-celery-results",
    "django_extensions": "django-extensions",
    "django_filters": "django-filter",
    "discord": "discord.py",
    "dns": "dnspython",
    "docx": "python-docx",
    "dotenv": "python-dotenv",
    "drf_spectacular": "drf-spectacular",
    "drf_yasg": "drf-yasg",
    "environ": "django-environ",
    "fitz": "PyMuPDF",
    "flask_bcrypt": "Flask-Bcrypt",
    "flask_cors": "Flask-Cors",
    "flask_jwt_extended": "Flask-JWT-Extended",
    "flask_login": "Flask-Login",
    "flask_mail": "Flask-Mail",
    "flask_migrate": "Flask-Migrate",
    "flask_restful": "Flask-RESTful",
    "flask_security": "Flask-Security-Too",
    "flask_sqlalchemy": "Flask-SQLAlchemy",
    "flask_wtf": "Flask-WTF",
    "flaskext": "Flask-MySQL",
    "flask_mysqldb": "Flask-MySQLdb",
    "git": "GitPython",
    "github": "PyGithub",
    "google.auth": "google-auth",
    "google.cloud.storage": "google-cloud-storage",
    "google.generativeai": "google-generativeai",
    "google.oauth2": "google-auth",
    "google.protobuf": "protobuf",
    "google_auth_oauthlib": "google-auth-oauthlib",
    "googleapiclient": "google-api-python-client",
    "graphene_django": "graphene-django",
    "grpc": "grpcio",
    "haystack": "django-haystack",
    "html2text": "html2text",
    "imblearn": "imbalanced-learn",
    "import_export": "django-import-export",
    "jose": "python-jose",
    "jwt": "PyJWT",
    "ldap": "python-ldap",
    "ldap3": "ldap3",
    "magic": "python-magic",
    "markdown": "Markdown",
    "memcache": "python-memcached",
    "mptt": "django-mptt",
    "mysql": "mysql-connector-python",
    "mysql.connector": "mysql-connector-python",
    "nacl": "PyNaCl",
    "openid": "python3-openid",
    "paste": "Paste",
    "paste.deploy": "PasteDeploy",
    "phonenumber_field": "django-phonenumber-field",
    "pkg_resources": "setuptools",
    "psycopg": "psycopg[binary]",
    "psycopg2": "psycopg2-binary",
    "pwa": "django-pwa",
    "pymysql": "PyMySQL",
    "pytz": "pytz",
    "redis": "redis",
    "requests_oauthlib": "requests-oauthlib",
    "rest_framework": "djangorestframework",
    "rest_framework_simplejwt": "djangorestframework-simplejwt",
    "ruamel": "ruamel.yaml",
    "serial": "pyserial",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "slugify": "python-slugify",
    "social_django": "social-auth-app-django",
    "socketio": "python-socketio",
    "engineio": "python-engineio",
    "sorl": "sorl-thumbnail",
    "storages": "django-storages",
    "taggit": "django-taggit",
    "telegram": "python-telegram-bot",
    "tinymce": "django-tinymce",
    "usb": "pyusb",
    "web": "web.py",
    "webassets": "webassets",
    "widget_tweaks": "django-widget-tweaks",
    "wx": "wxPython",
    "yaml": "PyYAML",
    "zmq": "pyzmq",
    "zope.interface": "zope.interface",
}
_PARTS_MAX = 3  # of the dotted names in the table


def distribution(module: str) -> str:
    """Return the package that contains a module, by the module's full dotted name."""
    parts = module.split(".", _PARTS_MAX)[:_PARTS_MAX]
    for end in range(len(parts), 0, -1):
        found = _DISTRIBUTIONS.get(".".join(parts[:end]))
        if found:
            return found
    return parts[0].replace("_", "-")


def removed_in(module: str) -> str:
    """Return the Python version that removed this module; "" if none did."""
    return REMOVED_MODULES.get(module, "")
