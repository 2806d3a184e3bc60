"""The pages of a failure, for a browser, a program or a terminal, and the advice on them."""
