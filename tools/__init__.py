"""Programs for maintainers: the site, a release, the picture. They are not in the package or the image."""
