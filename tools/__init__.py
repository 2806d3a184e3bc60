"""What the maintainers run: the site, a release. Nothing of it is in the package or the image."""
