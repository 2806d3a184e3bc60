#!/bin/sh
# add_package.sh PACKAGE PREFIX: copies our package into the environment PREFIX, and writes its command. It is copied, not
# installed: this needs no build back end and no network. Its bytecode is never compared with its source (unchecked-hash),
# because a layer does not change, and the project's owner could not rewrite the bytecode. The health check gets a path
# without a Python version in it.
set -eu
site=$("$2/bin/python" -I -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
cp -R "$1" "$site/appliance"
ln -s "$site/appliance/healthcheck.py" "$2/healthcheck.py"
"$2/bin/python" -I -m compileall -q -j 0 --invalidation-mode unchecked-hash "$site"
printf '%s\n' "#!$2/bin/python -I" 'import sys' 'from appliance.__main__ import main' 'sys.exit(main())' > "$2/bin/appliance"
chmod 0755 "$2/bin/appliance"
