#!/bin/sh
# New passwords for docker-compose.yml, as lines of .env: sh docker/new-secrets.sh >> .env
# Once only: a password that stands in .env already is what the databases know.
set -eu

new() {
    od -An -N "$1" -t x1 /dev/urandom | tr -d ' \n'
}

for name in POSTGRES LOADER DBT BI UPLOAD MELTANO SUPERSET ADMIN DIRECTOR; do
    echo "VORONKA_${name}_PASSWORD=$(new 16)"
done
echo "VORONKA_SUPERSET_SECRET_KEY=$(new 32)"
