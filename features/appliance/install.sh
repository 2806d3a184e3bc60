#!/bin/sh
# Adds the appliance to a dev container's image, in /opt/appliance. Run by the dev container tools as root, with the options
# in VERSION, SOURCE, PYTHON and SERVE. The base's own Python gets no package, and keeps every file; its standard library is
# compiled where it is not, as in the official images: the remote user could not write the bytecode there.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
prefix=/opt/appliance
share=/usr/local/share/appliance
temporary=

fail() { # found, expected, what to do
  printf 'The Feature appliance: %s\n  expected: %s\n  do this:  %s\n' "$1" "$2" "$3" >&2
  exit 1
}

trap '[ -z "$temporary" ] || rm -rf "$temporary"' EXIT

packages() { # Debian's packages; the lists are removed again, as the layer keeps them
  command -v apt-get >/dev/null || return 1
  export DEBIAN_FRONTEND=noninteractive
  apt-get update && apt-get install --yes --no-install-recommends "$@" && rm -rf /var/lib/apt/lists/*
}

fits() { # whether this program is a Python that can run the appliance, and can make environments
  "$1" -I -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 15))' >/dev/null 2>&1
}

first_that_fits() {
  for candidate in "$@"; do
    if command -v "$candidate" >/dev/null && fits "$candidate"; then
      command -v "$candidate"
      return
    fi
  done
  return 1
}

by_uv() { # a Python of uv's, below our own folder; uv itself comes from the index, by our lock
  packages python3 python3-venv ca-certificates >&2 || return 1
  python3 -m venv "$temporary/uv" >&2
  sed -n '/^uv==/,/[^\\]$/p' "$tree/locks/appliance.txt" > "$temporary/uv.txt"
  "$temporary/uv/bin/pip" install --quiet --no-cache-dir --require-hashes --requirement "$temporary/uv.txt" >&2 || return 1
  UV_PYTHON_INSTALL_DIR=$share/python "$temporary/uv/bin/uv" python install --no-bin "$1" >&2 || return 1
  UV_PYTHON_INSTALL_DIR=$share/python "$temporary/uv/bin/uv" python find --managed-python "$1"
}

choose_python() {
  case $1 in
    /*)
      fits "$1" || fail "the option python is $1" "a Python from 3.11 on, with the module venv" "Correct the path, or use auto."
      echo "$1" ;;
    auto)
      first_that_fits python3 python3.14 python3.13 python3.12 python3.11 && return
      packages python3 python3-venv >&2 && first_that_fits /usr/bin/python3 && return
      by_uv 3.13 || fail "no Python from 3.11 on, with the module venv" "one on PATH, or Debian's or Ubuntu's packages" \
        "Use an image that has Python, or add a Feature that installs it before this one." ;;
    3.1[1-9])
      first_that_fits "python$1" && return
      if [ "$(command -v python3)" ] && fits python3 && python3 -I -c "import sys; sys.exit('%d.%d' % sys.version_info[:2] != '$1')"; then
        command -v python3
        return
      fi
      packages "python$1" "python$1-venv" >/dev/null 2>&1 && first_that_fits "/usr/bin/python$1" && return
      by_uv "$1" || fail "Python $1 can't be installed here" "a version that is on PATH, of the distribution, or of uv" \
        "Use the option python: auto, or an image that has Python $1." ;;
    *) fail "the option python is '$1'" "auto, a version such as 3.13, or the path of an interpreter" "Correct it." ;;
  esac
}

is_tree() {
  [ -f "$1/appliance/__init__.py" ] && [ -f "$1/locks/appliance.txt" ] && [ -f "$1/image/add_package.sh" ]
}

find_tree() { # sets tree: the folder with the release's files
  case $SOURCE in
    '')
      [ "$VERSION" = bundled ] || fail "the option version is $VERSION, without a source" \
        "bundled, or the option source beside it" "Set source to the URL of the appliance's repository."
      tree=$here/release
      is_tree "$tree" || fail "this copy of the Feature contains no release" "a Feature that was packed by its repository" \
        "Pack it (python -m tools.feature FOLDER, in a clone of the appliance), or set the option source." ;;
    /*)
      tree=$SOURCE
      is_tree "$tree" || fail "the option source is $SOURCE, which is no checkout of the appliance" \
        "a folder with appliance, image and locks in it" "Copy a clone there in the base's Dockerfile." ;;
    *)
      command -v git >/dev/null || packages git ca-certificates || fail "there is no git to clone $SOURCE with" \
        "git in the image, or Debian's packages" "Add git to the image."
      tree=$temporary/clone
      [ "$VERSION" != bundled ] || VERSION=v$(sed -n 's/^  "version": "\(.*\)",$/\1/p' "$here/devcontainer-feature.json")
      git -c advice.detachedHead=false clone --quiet --depth 1 --branch "$VERSION" "$SOURCE" "$tree" || fail \
        "$SOURCE has no tag $VERSION that can be cloned" "a URL and a tag of the appliance's repository" "Correct source or version."
      is_tree "$tree" || fail "$SOURCE is not the appliance's repository, or $VERSION is too old" \
        "a release from 0.2.0 on" "Correct source or version." ;;
  esac
}

add_appliance() {
  python=$(choose_python "$PYTHON")
  echo "The appliance runs on $python ($("$python" -I --version))"
  "$python" -I -m compileall -q -j 0 -x '/(site-packages|dist-packages|test|tests|idlelib|tkinter|turtledemo|ensurepip)/' \
    "$("$python" -I -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')" || true
  rm -rf "$prefix"
  "$python" -I -m venv "$prefix"
  "$prefix/bin/python" -m pip install --no-cache-dir --disable-pip-version-check --root-user-action=ignore \
    --require-hashes --requirement "$tree/locks/appliance.txt"
  sh "$tree/image/add_debugger.sh" "$prefix/bin/python" "$tree/locks/debugger.txt" "$prefix/debugpy"
  sh "$tree/image/add_package.sh" "$tree/appliance" "$prefix"
  # Nothing is ever installed into this environment again, and nobody activates it.
  "$prefix/bin/python" -m pip uninstall --quiet --yes --root-user-action=ignore pip
  rm -f "$prefix"/bin/activate* "$prefix"/bin/Activate* "$prefix"/bin/dotenv "$prefix"/bin/uvx
  ln -sf "$prefix/bin/appliance" /usr/local/bin/appliance
}

VERSION=${VERSION:-bundled} SOURCE=${SOURCE:-} PYTHON=${PYTHON:-auto} SERVE=${SERVE:-true}
[ "$(id -u)" = 0 ] || fail "install.sh runs as uid $(id -u)" "root" "Let the dev container tools run it."
temporary=$(mktemp -d)
if [ -n "${APPLIANCE_IMAGE:-}" ]; then
  echo "The base is the appliance's own image: nothing to install."
else
  find_tree
  add_appliance
fi
mkdir -p "$share"
# As /cache of the image: any user may own the project, also if the server is started by root.
mkdir -p /var/cache/wsgi-appliance
chmod 1777 /var/cache/wsgi-appliance
cp "$here/start.sh" "$share/start.sh"
chmod 0755 "$share/start.sh"
printf 'serve=%s\n' "$SERVE" > "$share/options"
appliance --version
