#!/bin/sh
# Runs the suite against Debian's Postgres 15: directly, then through PgBouncer in transaction mode. Installs both
# where they are missing (apt, as root), keeps everything in a temporary folder, and stops all of it at the end.
# Arguments go to vitest: npm run test:postgres15 -- test/http
set -eu
cd "$(dirname "$0")/.."

bin=/usr/lib/postgresql/15/bin
if [ ! -x "$bin/postgres" ] || ! command -v pgbouncer >/dev/null; then
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  # The packages' own cluster and pooler are not wanted.
  mkdir -p /etc/postgresql-common
  [ -e /etc/postgresql-common/createcluster.conf ] || echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf
  apt-get install -y -qq --no-install-recommends postgresql-15 postgresql-contrib pgbouncer
fi

work=$(mktemp -d /tmp/lockstep-postgres15-XXXXXX)
chmod 755 "$work"
install -d -o postgres -g postgres -m 700 "$work/data"
install -d -o postgres -g postgres -m 755 "$work/pool"
as_postgres() { (cd "$work" && setpriv --reuid=postgres --regid=postgres --init-groups "$@"); }
free_port() { node -e "const s=require('net').createServer().listen(0,'127.0.0.1',()=>{console.log(s.address().port);s.close()})"; }

stop() {
  [ -f "$work/pool/pid" ] && kill -INT "$(cat "$work/pool/pid")" 2>/dev/null || true
  as_postgres "$bin/pg_ctl" -D "$work/data" -m immediate stop >/dev/null 2>&1 || true
  rm -rf "$work"
}
trap stop EXIT
trap 'exit 130' INT TERM

port=$(free_port)
pool_port=$(free_port)
as_postgres "$bin/initdb" -D "$work/data" --auth=trust --username=postgres --encoding=UTF8 --locale=C.UTF-8 --no-sync >/dev/null
as_postgres "$bin/pg_ctl" -D "$work/data" -l "$work/data/log" -w start -o "-p $port -k '' -c listen_addresses=127.0.0.1 \
  -c timezone=UTC -c max_connections=200 -c fsync=off -c synchronous_commit=off -c full_page_writes=off" >/dev/null

# One server connection for each transaction, and none kept for a session: what relies on a session fails here.
cat > "$work/pool/pgbouncer.ini" <<INI
[databases]
* = host=127.0.0.1 port=$port

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $pool_port
unix_socket_dir =
pidfile = $work/pool/pid
logfile = $work/pool/log
auth_type = trust
auth_file = $work/pool/users
admin_users = postgres
pool_mode = transaction
max_client_conn = 500
default_pool_size = 15
max_db_connections = 15
server_idle_timeout = 5
autodb_idle_timeout = 10
server_lifetime = 60
server_login_retry = 1
server_reset_query = DISCARD ALL
server_reset_query_always = 1
ignore_startup_parameters = extra_float_digits
INI
echo '"postgres" ""' > "$work/pool/users"
chown -R postgres:postgres "$work/pool"
as_postgres pgbouncer -q -d "$work/pool/pgbouncer.ini"

direct="postgres://postgres@127.0.0.1:$port/postgres"
pooled="postgres://postgres@127.0.0.1:$pool_port/postgres"
failed=0

echo "== Postgres 15, directly"
DATABASE_URL="$direct" npx vitest run "$@" || failed=1
echo "== Postgres 15 through PgBouncer, transaction mode"
# Databases are made and dropped on the server itself: a pooler holds connections that neither may have.
DATABASE_URL="$pooled" LOCKSTEP_TEST_ADMIN_URL="$direct" npx vitest run "$@" || failed=1
exit $failed
