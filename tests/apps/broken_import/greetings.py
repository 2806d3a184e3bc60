import no_such_library


def hello(name):
    return no_such_library.greet(name)
