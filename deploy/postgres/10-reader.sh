#!/bin/sh
# Run once, when the database is new: Grafana reads as crs_reader, and can change nothing.
set -eu
psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 --set reader="$CRS_READER_PASSWORD" \
  --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
CREATE ROLE crs_reader LOGIN PASSWORD :'reader' CONNECTION LIMIT 20;
ALTER ROLE crs_reader SET default_transaction_read_only = on;
ALTER ROLE crs_reader SET statement_timeout = '30s';
GRANT USAGE ON SCHEMA public TO crs_reader;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO crs_reader;
SQL
