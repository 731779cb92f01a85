#!/usr/bin/env bash
# Install what Closebook runs on: Debian packages, uv, and .venv from the locked requirements;
# for the tests also what tests/npm names, from the npm registry. Whatever comes from PyPI or npm must have the
# hash that is in its lock file.
# `local/setup.sh` is enough for the demo, `local/setup.sh --dev` for the linters and most tests, and
# `local/setup.sh --test` for all tests: it also installs PostgreSQL's servers of each major version,
# which are 116 MB to download. If nothing is missing, it changes nothing and ends within a second.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

UV_VERSION=$(sed -n 's/^uv==\([0-9.]*\).*/\1/p' local/uv.txt)
readonly UV_VERSION
readonly OLDEST_PYTHON=3.11
readonly WANTED_KB=$((4 * 1024 * 1024))
readonly LOG=.local/setup.log
readonly NPM=tests/npm
readonly VERSIONS=tests/versions
# How long another apt-get is waited for: the nightly upgrade of a new machine takes minutes.
readonly LOCK_SECONDS=${APT_LOCK_SECONDS:-900}
readonly STAMP=.venv/closebook-lock
readonly POLICY=/usr/sbin/policy-rc.d
readonly POLICY_MARK="made by Closebook's local/setup.sh, which removes it"

dev=false
versions=false # whether PostgreSQL's servers of each major version are wanted
case ${1:-} in
--dev) dev=true ;;
--test)
  dev=true
  # The packages have programs for this kind of machine alone; on others their tests are skipped.
  [ "$(uname -m)" != x86_64 ] || versions=true
  ;;
esac
root=()      # what makes a command run as root
policy=false # whether we put $POLICY there
count=0
total=0

main() {
  umask 022
  exec 3>&1 # for what a step says while its output goes into the log
  mkdir -p .local
  : >"$LOG"
  # A venv that was ever made for the tests stays so: it satisfies the demo as well.
  if [ -f "$STAMP" ] && grep -q requirements-dev.txt "$STAMP"; then venv_dev=true; else venv_dev=$dev; fi

  python=$(find_python) || exit 1
  mapfile -t packages < <(missing_packages)
  [ ${#packages[@]} -eq 0 ] || total=$((total + 2))
  uv_is_there || total=$((total + 1))
  venv_is_there || total=$((total + 1))
  npm_packages_are_there || total=$((total + 1))
  versions_are_there || total=$((total + 1))
  [ "$total" -eq 0 ] && return

  check_disk
  if [ ${#packages[@]} -gt 0 ]; then
    become_root
    step "Lists of Debian packages" apt_get update
    step "Debian packages: ${packages[*]}" install_packages
    python=$(find_python) || exit 1
  fi
  uv_is_there || step "uv $UV_VERSION" install_uv
  venv_is_there || step "Python packages of $(lock)" install_venv
  npm_packages_are_there || step "Packages of npm" install_npm_packages
  versions_are_there || step "PostgreSQL of each major version, 116 MB from npm" install_versions
}

# ---- what is missing ----------------------------------------------------------------------

missing_packages() {
  local package
  compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || has initdb || echo postgresql
  has redis-server || echo redis-server
  has pgbouncer || echo pgbouncer
  has pdftoppm || echo poppler-utils
  for package in libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 \
    fonts-noto-core fonts-noto-cjk fonts-symbola; do
    is_installed "$package" || echo "$package"
  done
  # Debian keeps ensurepip apart from python3; a python from elsewhere has it.
  "$python" -c 'import ensurepip' 2>/dev/null ||
    "$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])'
  if $dev; then
    has qpdf || echo qpdf
    has mutool || echo mupdf-tools
    # veraPDF is in the jar of a Python package, without the half of JAXB that it needs.
    has java || echo default-jre-headless
    is_installed libjaxb-java || echo libjaxb-java
    is_installed aqbanking-tools || echo aqbanking-tools
    has faketime || echo faketime
    has certutil || echo libnss3-tools
    has softhsm2-util || echo softhsm2
    has soffice || echo libreoffice-calc
    has node || echo nodejs
    has promtool || echo prometheus
    has nginx || echo nginx-light
    has rabbitmq-server || echo rabbitmq-server
    has docker-registry || echo docker-registry
    has chromium || has chromium-browser || echo chromium
    { npm_packages_are_there && versions_are_there; } || has npm || echo npm
  fi
}

find_python() {
  local candidate
  for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
    has "$candidate" || continue
    if "$candidate" -c "import sys; sys.exit(sys.version_info < (${OLDEST_PYTHON/./, }))"; then
      command -v "$candidate"
      return
    fi
  done
  fail "no python3 of version $OLDEST_PYTHON or newer: install one (apt-get install python3), or a newer Debian or Ubuntu"
}

uv_is_there() { [ "$(.local/uv/bin/uv --version 2>/dev/null | cut -d' ' -f2)" = "$UV_VERSION" ]; }

venv_is_there() { [ -x .venv/bin/python ] && [ -f "$STAMP" ] && [ "$(cat "$STAMP")" = "$(fingerprint)" ]; }

npm_packages_are_there() {
  ! $dev || { cmp -s $NPM/package-lock.json .local/npm/package-lock.json && [ -d .local/npm/node_modules ]; }
}

versions_are_there() { ! $versions || cmp -s $VERSIONS/package-lock.json .local/postgresql/package-lock.json; }

lock() { if $venv_dev || $dev; then echo requirements-dev.txt; else echo requirements.txt; fi; }

fingerprint() { sha256sum requirements.txt "$(lock)" | sort -u -k2; }

has() { command -v "$1" >/dev/null || [ -x "/usr/sbin/$1" ]; }

is_installed() { dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'install ok installed'; }

# ---- installing it ------------------------------------------------------------------------

become_root() {
  has apt-get || fail "these Debian packages are missing, and there is no apt-get here: ${packages[*]}"
  [ "$(id -u)" -eq 0 ] && return
  has sudo || fail "these Debian packages are missing, and there is no sudo: as root, run apt-get install ${packages[*]}"
  if ! sudo -n true 2>/dev/null; then
    { [ -t 0 ] && sudo -v; } || fail "sudo is refused: as root, run apt-get install ${packages[*]}"
  fi
  root=(sudo)
}

# apt_get ARGUMENTS…: run apt-get, and again while another one holds a lock. Its own option waits
# for the locks of dpkg alone; those of its lists and of its archives it gives up at once.
apt_get() {
  local output=.local/apt-get.log deadline=$((SECONDS + LOCK_SECONDS)) told=false status holder
  while :; do
    status=0
    "${root[@]}" env LC_ALL=C DEBIAN_FRONTEND=noninteractive \
      apt-get -o DPkg::Lock::Timeout=2 "$@" >$output 2>&1 || status=$?
    holder=$(grep -o 'Could not get lock.*' $output) || holder=
    if [ "$status" -eq 0 ] || [ -z "$holder" ] || [ "$SECONDS" -ge "$deadline" ]; then
      cat $output
      return "$status"
    fi
    $told || printf '\n    another apt-get is at work, waiting up to %d s for its end\n    (%s)\n' \
      "$LOCK_SECONDS" "$holder" >&3
    told=true
    sleep 1
  done
}

install_packages() {
  # The packages' own services must not start: the stack has servers of its own.
  if [ ! -e "$POLICY" ] || grep -q "$POLICY_MARK" "$POLICY"; then
    policy=true
    printf '#!/bin/sh\n# %s\nexit 101\n' "$POLICY_MARK" | "${root[@]}" tee "$POLICY" >/dev/null
    "${root[@]}" chmod 755 "$POLICY"
  fi
  apt_get install --yes --no-install-recommends -o Dpkg::Use-Pty=0 "${packages[@]}"
  remove_policy
  # Nor may they start at the next boot. Packages that were here before keep their services.
  if has systemctl; then
    local package
    for package in postgresql redis-server pgbouncer prometheus nginx-light docker-registry rabbitmq-server; do
      [[ " ${packages[*]} " != *" $package "* ]] || "${root[@]}" systemctl disable "${package%-light}" || true
    done
  fi
}

remove_policy() {
  ! $policy || "${root[@]}" rm -f "$POLICY"
  policy=false
}

install_uv() {
  rm -rf .local/uv
  "$python" -m venv .local/uv
  .local/uv/bin/python -m pip install --disable-pip-version-check --quiet \
    --require-hashes --requirement local/uv.txt
}

install_venv() {
  # The machine's own certificates, as pip uses them; never an interpreter from elsewhere.
  export UV_SYSTEM_CERTS=1 UV_PYTHON_DOWNLOADS=never UV_NO_PROGRESS=1
  [ -x .venv/bin/python ] || .local/uv/bin/uv venv --quiet --python "$python" .venv
  .local/uv/bin/uv pip sync --python .venv/bin/python --compile-bytecode --require-hashes "$(lock)"
  fingerprint >"$STAMP"
}

install_npm_packages() {
  rm -rf .local/npm
  mkdir -p .local/npm
  cp $NPM/package.json $NPM/package-lock.json .local/npm
  # The optional packages are programs for pictures, which no test draws with pdf.js.
  (cd .local/npm && npm ci --omit=optional --ignore-scripts --no-audit --no-fund)
}

install_versions() {
  local made=.local/postgresql.unfinished package
  rm -rf .local/postgresql $made
  mkdir -p $made
  cp $VERSIONS/package.json $VERSIONS/package-lock.json $made
  (cd $made && npm ci --ignore-scripts --no-audit --no-fund)
  # A package of npm has no symbolic links: this script of theirs makes those of the libraries.
  for package in $made/node_modules/postgresql-*; do
    (cd "$package" && node scripts/hydrate-symlinks.js)
    "$package/native/bin/postgres" --version
  done
  mv $made .local/postgresql
}

# ---- progress and errors ------------------------------------------------------------------

# step TITLE COMMAND…: run it, its output into the log; on a terminal its seconds count up.
step() {
  local title=$1 began=$SECONDS ticker=
  shift
  count=$((count + 1))
  if [ -t 1 ]; then
    while :; do
      printf '\r[%d/%d] %s … %d s' "$count" "$total" "$title" $((SECONDS - began))
      sleep 1
    done &
    ticker=$!
  fi
  local from
  from=$(wc -l <"$LOG")
  local status=0
  # Not in a condition: bash would ignore errors inside of the command.
  set +e
  (
    set -e
    trap remove_policy EXIT
    "$@"
  ) >>"$LOG" 2>&1
  status=$?
  set -e
  [ -z "$ticker" ] || { kill "$ticker" && wait "$ticker"; } 2>/dev/null || true
  [ ! -t 1 ] || printf '\r'
  printf '[%d/%d] %s … %d s\n' "$count" "$total" "$title" $((SECONDS - began))
  [ "$status" -eq 0 ] || explain "$title" "$from"
}

explain() {
  local tail
  tail=$(tail -n "+$(($2 + 1))" "$LOG")
  printf '%s\n' "$tail" | tail -n 8 | sed 's/^/    /' >&2
  case $tail in
    *"No space left on device"*) fail "$1: the disk is full, make room and run it again" ;;
    *"Temporary failure resolving"* | *"Could not resolve"* | *"Network is unreachable"* | \
      *"Failed to establish a new connection"* | *"dns error"* | *"Failed to fetch"* | \
      *"error sending request"* | *"from versions: none"* | *"Connection refused"* | *"timed out"*)
      fail "$1: no network, or the registry cannot be reached; run it again when it can (log: $LOG)" ;;
    *"Unable to locate package"* | *"no installation candidate"*)
      fail "$1: apt-get knows no such package: no network just now, or a system older than Debian 12 (log: $LOG)" ;;
    *"Could not get lock"*) fail "$1: another apt-get is still at work after $LOCK_SECONDS s, wait for its end and run it again" ;;
    *) fail "$1: see the lines above, correct that and run it again (log: $LOG)" ;;
  esac
}

check_disk() {
  local free
  free=$(df -Pk . | awk 'NR == 2 { print $4 }')
  [ "$free" -ge "$WANTED_KB" ] ||
    fail "only $((free / 1024)) MB are free in $PWD, about $((WANTED_KB / 1024)) MB are needed: make room and run it again"
}

fail() {
  printf 'setup: %s\n' "$1" >&2
  exit 1
}

main
