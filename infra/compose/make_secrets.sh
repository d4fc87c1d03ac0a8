#!/usr/bin/env bash
# Make the secret files and the .env that are missing; what is there stays. Nobody but their owner enters the folder;
# the files in it are readable, because the services that read them run as other users.
set -euo pipefail
cd "$(dirname "$0")"
umask 077
mkdir -p secrets

random() { python3 -c "import secrets; print(secrets.token_urlsafe(32))"; }
keep() { [ -e "secrets/$1" ] || printf '%s' "$2" > "secrets/$1"; chmod 444 "secrets/$1"; }

keep postgres_password "$(random)"
keep airflow_database "postgresql+psycopg2://airflow:$(cat secrets/postgres_password)@postgres:5432/airflow"
keep airflow_jwt "$(random)"
keep airflow_fernet "$(python3 -c "import base64, os; print(base64.urlsafe_b64encode(os.urandom(32)).decode())")"
keep grafana_password "$(random)"
keep minio_password "$(random)"
keep redis.conf "requirepass $(random)"
keep signing_key "$(random)"
keep metrics_key "replace: goeswith keys create --name prometheus --scopes metrics"

[ -e .env ] || cp .env.example .env
fill() { if grep -q "^$1=" .env; then sed -i "s|^$1=\$|$1=$2|" .env; else echo "$1=$2" >> .env; fi; }

fill GOESWITH_USER_HASH_KEY "$(random)"
fill AWS_SECRET_ACCESS_KEY "$(cat secrets/minio_password)"
fill GOESWITH_FEAST__PASSWORD "$(sed 's/^requirepass //' secrets/redis.conf)"
