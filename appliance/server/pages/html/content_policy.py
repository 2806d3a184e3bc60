"""The Content-Security-Policy of a page: its own style and script by their hashes, and nothing else.

The hashes are written down, so that a page needs no ``hashlib``, which the project may have replaced; a test compares.
"""

STYLE_HASH = "sha256-YR8jsMRLVpSZPiBQ0R9QjWsM8lFi/tusM6QPGA4IQTg="
SCRIPT_HASH = "sha256-d/H5lqjpUUYOWqknYmHGlfDPMhB3I+bw22iF+AMa0Hs="

# connect-src: the script asks the appliance whether the page has changed. A link may open any scheme: an editor's.
POLICY = (
    f"default-src 'none'; style-src '{STYLE_HASH}'; script-src '{SCRIPT_HASH}'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
