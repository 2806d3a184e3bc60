#!/bin/sh
# Starts the server for the project in this folder, as this user, unless it runs. The dev container tools run it at each start
# of the container, in the workspace's folder. The log is a file, because nothing reads the output of what goes on.
. /usr/local/share/appliance/options
if [ "$serve" != true ] || appliance status --live >/dev/null 2>&1; then
  exit 0
fi
log=${TMPDIR:-/tmp}/appliance-$(id -u).log
APPLIANCE_LOG_FORMAT=${APPLIANCE_LOG_FORMAT:-console} setsid nohup appliance serve >"$log" 2>&1 </dev/null &
echo "The appliance serves $(pwd) on port ${APPLIANCE_PORT:-8000}. Its log: tail -f $log"
