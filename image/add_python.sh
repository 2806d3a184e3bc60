#!/bin/sh
# add_python.sh BASE EXTRA: lays this image's own Python down in /opt/python/VERSION, to be copied into the appliance's
# image; only an empty folder where EXTRA is BASE, whose Python is there anyway. Its standard library is compiled, since
# the project's owner may not write beside it; its tests, its editor and its pip stay behind. Its headers come along:
# where a compiler is, packages can be built for it.
set -eu
mkdir -p /opt/python
[ "$1" != "$2" ] || exit 0
version=$(/usr/local/bin/python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
home=/opt/python/$version
mkdir -p "$home/bin" "$home/lib"
cp -a "/usr/local/bin/python$version" "$home/bin/"
cp -a "/usr/local/bin/"*"python$version-config" "$home/bin/" 2>/dev/null || true
cp -a "/usr/local/lib/python$version" "$home/lib/"
cp -a /usr/local/lib/libpython* "$home/lib/" 2>/dev/null || true
# /usr/local/include/python3.12; Debian's own has a part in include/x86_64-linux-gnu/python3.12.
for headers in /usr/local/include/python"$version" /usr/local/include/*/python"$version"; do
  [ -d "$headers" ] || continue
  mkdir -p "$home/${headers#/usr/local/}"
  cp -a "$headers/." "$home/${headers#/usr/local/}/"
  # Debian's pyconfig.h includes the one for this machine by a path that a compiler looks for in /usr/local/include.
  case $headers in
    /usr/local/include/*/*) cp "$headers/pyconfig.h" "$home/include/python$version/pyconfig.h" ;;
  esac
done
rm -rf "$home/lib/python$version/test" "$home/lib/python$version/idlelib" "$home/lib/python$version/ensurepip" \
  "$home/lib/python$version/site-packages"
mkdir "$home/lib/python$version/site-packages"
# What it was built with names where it was: a package that is linked with libpython asks here.
sed -i "s#/usr/local\\b#$home#g" "$home/lib/python$version/"_sysconfigdata*.py
"$home/bin/python$version" -m compileall -q -j 0 -x '/(encodings|unittest|pydoc_data|tkinter|turtledemo)/' \
  "$home/lib/python$version" || true
"$home/bin/python$version" -c 'import sys; assert sys.prefix.startswith("/opt/python/"), sys.prefix'
