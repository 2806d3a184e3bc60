#!/bin/sh
# python, pip, flask and their kin in the image, each a link to this file: `docker compose exec app python manage.py
# migrate` runs in the project's environment, as its owner, as `appliance run` does. Where there is neither a project nor
# an appliance that serves one, as in a RUN line of an image made FROM this one, it is the base's own program.
name=${0##*/}
if [ -S "${APPLIANCE_STATUS_SOCKET:-}" ] \
  || [ -n "$(ls -A "${APPLIANCE_PROJECT:-/workspace}" 2>/dev/null)" ] \
  || [ -n "$(ls -A "${APPLIANCE_WORKSPACE:-/nowhere}" 2>/dev/null)" ]; then
  exec /opt/appliance/bin/appliance run -- "$name" "$@"
fi
exec "/usr/local/bin/$name" "$@"
