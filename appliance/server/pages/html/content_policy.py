"""The Content-Security-Policy of a page: its own style and script by their hashes, and nothing else.

The hashes are written down, so that a page needs no ``hashlib``, which the project may have replaced; a test compares.
"""

STYLE_HASH = "sha256-N+CJa9yPhq9I5regk2HDYHew5+OP89bRkqxspsVOrIE="
SCRIPT_HASH = "sha256-i2rkHcHQkC5oIwyBS0xTTxvIBkVKmvnuQxb60gBaU20="

# connect-src: the script asks the appliance whether the page has changed. A link may open any scheme: an editor's.
_COMMON = (
    f"default-src 'none'; style-src '{STYLE_HASH}'; script-src '{SCRIPT_HASH}'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors "
)
# A frame of the project's own page shows why it failed, and waits as a tab does. The appliance's pages are not framed.
POLICY = f"{_COMMON}'self'"
UNFRAMED_POLICY = f"{_COMMON}'none'"
