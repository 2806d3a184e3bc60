#!/bin/sh
# dev_user.sh [--ids] NAME [ARGUMENTS]: gives the user NAME the ids of the project's owner, then starts the appliance. A dev
# container's entry point. Its terminal runs as NAME, and the server as the owner: with one id, both use one environment,
# and both may write the project. The dev container tools change the ids when they build, but only on Linux, only to those
# of the person who starts them, and never to root's. A container that does not run as root keeps the ids.
# --ids: starts nothing. The image's own label asks for it; a container whose Dockerfile has made the user `dev` has its own.
ids=
if [ "$1" = --ids ]; then
  ids=yes
  shift
  ! id -u dev >/dev/null 2>&1 || exit 0
fi
name=$1
shift
project=${APPLIANCE_PROJECT:-/workspace}
if [ -n "${APPLIANCE_WORKSPACE:-}" ] && [ -z "$(ls -A "$project" 2>/dev/null)" ]; then
  project=$APPLIANCE_WORKSPACE
fi
owner=$(stat -c %u:%g "$project" 2>/dev/null)
if [ "$(id -u)" = 0 ] && [ -n "$owner" ] && [ "$owner" != "$(id -u "$name"):$(id -g "$name")" ]; then
  sed -i "s/^$name:\([^:]*\):[0-9]*:[0-9]*:/$name:\1:$owner:/" /etc/passwd && chown -R "$owner" "/home/$name"
fi
[ -n "$ids" ] || exec /opt/appliance/bin/appliance "$@"
