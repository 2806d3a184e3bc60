#!/bin/sh
# add_debugger.sh PYTHON LOCK FOLDER: the debugger for editors, in a folder of its own that is on a worker's path only if
# DEBUGPY is set. PYTHON has pip. The wheel without binaries runs on every Python and machine. The files that are removed
# attach to other processes, or are for Windows: 3 MB of 28 remain.
set -eu
"$1" -m pip install --no-cache-dir --disable-pip-version-check --root-user-action=ignore --no-compile --no-deps \
  --require-hashes --only-binary :all: --platform any --target "$3" --requirement "$2"
pydevd=$3/debugpy/_vendored/pydevd
rm -rf "$3/bin" "$pydevd/pydevd_attach_to_process" "$pydevd/_pydevd_frame_eval/vendored/bytecode/tests" \
  "$pydevd/_pydevd_bundle/_debug_adapter/"*.json
find "$pydevd" -name '*.c' -delete -o -name '*.p[yx][xd]' -delete -o -name '*.pyd' -delete
