# shellcheck shell=bash
# Shared by the scripts: where things are, and how to find or install the parts that tests need.

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/usher"
# What is shipped: each is the target of that name in the Dockerfile, and the program usher-NAME.
# shellcheck disable=SC2034
IMAGES=(gateway contacts invitations notifications migrate)
# program_of IMAGE FOLDER: what is in it, as scripts/rootfs takes it; that of the migrations is the operator's commands besides.
program_of() {
    case $1 in
    migrate) printf '%s\n' "$2/usher-operator usher usher-migrate" ;;
    *) printf '%s\n' "$2/usher-$1 usher-$1" ;;
    esac
}
# Debian keeps the servers' programs out of the path.
for folder in /usr/lib/postgresql/*/bin /usr/lib/rabbitmq/bin /usr/sbin; do
    [ -d "$folder" ] && PATH="$PATH:$folder"
done
# Ours may be made only now, when the first tool is installed into it.
export PATH="$PATH:$CACHE/tools/bin"

# In CI every run is a fresh clone; what was built must outlive it.
if [ -z "${CARGO_TARGET_DIR:-}" ] && [ -n "${CI:-}" ]; then
    export CARGO_TARGET_DIR="$CACHE/target"
fi

say() { printf '==> %s\n' "$*" >&2; }
die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }
is_root() { [ "$(id -u)" = 0 ]; }

# Whether something takes connections on a local port.
listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# wait_until SECONDS COMMAND...: tries until it succeeds.
wait_until() {
    local tries=$(($1 * 5))
    shift
    until "$@" >/dev/null 2>&1; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || return 1
        sleep 0.2
    done
}

# provide PROGRAM PACKAGE...: installs Debian packages when the program is missing and we may.
provide() {
    local program=$1
    shift
    have "$program" && return 0
    if ! is_root || ! have apt-get; then
        return 1
    fi
    say "installing $* for $program"
    # services are started by us, not by their packages
    if [ -z "${APT_UPDATED:-}" ]; then
        apt-get update -qq || return 1
        APT_UPDATED=1
    fi
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null || return 1
    hash -r
    for folder in /usr/lib/postgresql/*/bin; do PATH="$PATH:$folder"; done
    have "$program"
}

docker_works() { have docker && docker info >/dev/null 2>&1; }

postgres_answers() { psql "$1" -Atqc 'select 1' >/dev/null 2>&1; }

# The first address of a local PostgreSQL that lets us in: tests and migrations make databases and roles.
find_postgres() {
    local url
    for url in "${USHER_TEST_POSTGRES_URL:-}" \
        "postgres://$(id -un)@127.0.0.1:5432/postgres" \
        "postgres://postgres@127.0.0.1:5432/postgres" \
        "postgres://postgres:postgres@127.0.0.1:5432/postgres" \
        "postgres://usher_test:usher_test@127.0.0.1:5432/postgres"; do
        if [ -n "$url" ] && PGCONNECT_TIMEOUT=3 postgres_answers "$url"; then
            printf '%s' "$url"
            return 0
        fi
    done
    return 1
}

# alone FILE COMMAND...: one at a time, as tests run beside each other.
alone() {
    local lock=$1
    shift
    mkdir -p "$(dirname "$lock")"
    (
        flock 9
        "$@"
    ) 9>"$lock"
}

# node_packages FOLDER: installs what the lock file of a folder names, once.
node_packages() {
    have node || provide node nodejs || die "node is missing (Debian: nodejs)"
    [ "$(node -p 'process.versions.node.split(".")[0]')" -ge 20 ] || die "node is older than 20"
    alone "$1/.lock" install_node_packages "$1"
}

install_node_packages() {
    cmp -s "$1/package-lock.json" "$1/node_modules/.installed" && return
    have npm || provide npm npm || die "npm is missing (Debian: npm)"
    say "installing the packages of $1"
    npm ci --prefix "$1" --silent --no-audit --no-fund >&2 ||
        die "the packages of $1 cannot be installed: what needs them was NOT tested"
    cp "$1/package-lock.json" "$1/node_modules/.installed"
}
