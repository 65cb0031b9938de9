#!/bin/sh
# Installs the system packages that tests need, where they are missing: docker-compose validates the
# compose file, PostgreSQL takes the serving copy of docs/bi.md, Chromium opens the page of a release.
# The tests fail without them.
set -eu
missing=""
command -v docker-compose >/dev/null || missing="$missing docker-compose"
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || missing="$missing postgresql"
command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null \
    || missing="$missing chromium"
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
else
    echo "tests need these packages of your system, install them first:$missing" >&2
    exit 1
fi
