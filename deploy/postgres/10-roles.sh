#!/bin/sh
# Run once, when the database is new. `history` owns its database and is no superuser; Grafana reads as crs_reader, and
# can change nothing. The superuser loses its password: it is reached by psql inside the container alone.
set -eu
psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 --set owner="$CRS_DB_PASSWORD" --set reader="$CRS_READER_PASSWORD" \
  --set database="$POSTGRES_DB" --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
CREATE ROLE crs LOGIN PASSWORD :'owner' CONNECTION LIMIT 20;
ALTER DATABASE :"database" OWNER TO crs;
CREATE ROLE crs_reader LOGIN PASSWORD :'reader' CONNECTION LIMIT 20;
ALTER ROLE crs_reader SET default_transaction_read_only = on;
ALTER ROLE crs_reader SET statement_timeout = '30s';
GRANT USAGE ON SCHEMA public TO crs_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE crs IN SCHEMA public GRANT SELECT ON TABLES TO crs_reader;
ALTER ROLE CURRENT_USER PASSWORD NULL;
SQL
