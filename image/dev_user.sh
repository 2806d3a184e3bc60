#!/bin/sh
# dev_user.sh NAME [ARGUMENTS]: gives the user NAME the ids of the project's owner, then starts the appliance. A dev
# container's entry point. Its terminal runs as NAME, and the server as the owner: with one id, both use one environment,
# and both may write the project. The dev container tools change the ids when they build, but only on Linux, only to those
# of the person who starts them, and never to root's. A container that does not run as root keeps the ids.
name=$1
shift
owner=$(stat -c %u:%g "${APPLIANCE_PROJECT:-/workspace}" 2>/dev/null)
if [ "$(id -u)" = 0 ] && [ -n "$owner" ] && [ "$owner" != "$(id -u "$name"):$(id -g "$name")" ]; then
  sed -i "s/^$name:\([^:]*\):[0-9]*:[0-9]*:/$name:\1:$owner:/" /etc/passwd && chown -R "$owner" "/home/$name"
fi
exec /opt/appliance/bin/appliance "$@"
