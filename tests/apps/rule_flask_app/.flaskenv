FLASK_APP=shop.web:site
