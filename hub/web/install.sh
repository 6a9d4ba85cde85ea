#!/bin/sh
# Installs the device agent and enrols this machine at @HUB@.
#   sh install.sh [TOKEN] [--name NAME] [--prefix FOLDER] [--state-dir FOLDER] [--no-service]
# TOKEN: from the dashboard ("Add device"); - reads it from standard input; without one a machine that has enrolled
# gets this hub's version of the agent and stays who it is. As root the agent goes below /usr/local and runs as a
# service; otherwise below ~/.local, to be started by hand.
# Everything comes from that hub. What is downloaded is checked against the SHA-256 written here, and the hub against
# its CA before the token is sent; that this script is the hub's is shown by its own SHA-256 in the command.
set -eu

hub='@HUB@'
ca_sha256='@CA_SHA256@'

fail() { echo "install: $1" >&2; exit 1; }
usage() { sed -n '2,6s/^# \{0,1\}//p' "$0" >&2; exit 2; }

token='' name='' prefix='' state='' service=auto
while [ $# -gt 0 ]; do
  case "$1" in
    --name|--prefix|--state-dir) [ $# -ge 2 ] || usage ;;
  esac
  case "$1" in
    --name) name=$2; shift 2 ;;
    --prefix) prefix=$2; shift 2 ;;
    --state-dir) state=$2; shift 2 ;;
    --no-service) service=no; shift ;;
    -h|--help) usage ;;
    -|[!-]*) [ -z "$token" ] || usage; token=$1; shift ;;
    *) echo "install: unknown option $1" >&2; usage ;;
  esac
done

if [ "$(id -u)" = 0 ]; then
  prefix=${prefix:-/usr/local} state=${state:-/var/lib/device-agent}
  [ "$service" = no ] || [ ! -d /run/systemd/system ] || service=yes
else
  prefix=${prefix:-$HOME/.local} state=${state:-$HOME/.local/state/device-agent}
fi
[ -n "$token" ] || [ -e "$state/credential.toml" ] || { echo "install: this machine has not enrolled yet: a token is needed" >&2; usage; }

machine=$(uname -m)
# A Raspberry Pi often runs a 64-bit kernel with 32-bit programs. armhf is ARMv7: the first Pi and the Zero (ARMv6) are not.
case "$machine:$(getconf LONG_BIT 2>/dev/null)" in
  armv7l:*|armv8l:*|aarch64:32) machine=armhf ;;
esac
case "$machine" in
@PACKAGES@
  *) fail "this hub has no agent for $machine" ;;
esac

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Not checked by TLS but by its hash: this machine does not know the hub's CA yet.
if command -v curl >/dev/null 2>&1; then
  curl -fsSk "$hub/install/$package" -o "$work/$package" || fail "$hub/install/$package cannot be fetched"
elif command -v wget >/dev/null 2>&1; then
  wget -q --no-check-certificate "$hub/install/$package" -O "$work/$package" || fail "$hub/install/$package cannot be fetched"
else
  fail "curl or wget is needed"
fi
echo "$sha256  $work/$package" | sha256sum -c - >/dev/null 2>&1 || fail "$package is not what this script expects; nothing was installed"
tar -xzf "$work/$package" -C "$work" --no-same-owner
agent="$work/device-agent/bin/device-agent"
"$agent" --version >/dev/null || fail "the agent does not run on this machine"

# The old one stays whole until the new one is.
mkdir -p "$prefix/lib" "$prefix/bin"
rm -rf "$prefix/lib/device-agent.new"
cp -R "$work/device-agent" "$prefix/lib/device-agent.new"
if [ -d "$prefix/lib/device-agent" ]; then
  rm -rf "$prefix/lib/device-agent.old"
  mv "$prefix/lib/device-agent" "$prefix/lib/device-agent.old"
fi
mv "$prefix/lib/device-agent.new" "$prefix/lib/device-agent"
rm -rf "$prefix/lib/device-agent.old"
ln -sfn "$prefix/lib/device-agent/bin/device-agent" "$prefix/bin/device-agent"
agent="$prefix/bin/device-agent"

if [ "$service" = yes ] && ! id device-agent >/dev/null 2>&1; then
  useradd --system --home-dir "$state" --shell /usr/sbin/nologin device-agent
fi
if [ "$service" = yes ]; then
  # What reads buses and the Raspberry Pi's firmware, where this system has such groups.
  for group in gpio i2c spi video dialout; do
    if getent group "$group" >/dev/null 2>&1; then usermod -aG "$group" device-agent; fi
  done
fi
set -- enroll "$hub" - --ca-sha256 "$ca_sha256" --state-dir "$state"
[ -z "$name" ] || set -- "$@" --name "$name"
mkdir -p "$state"
chmod 700 "$state"
case "$token" in
  '') echo "this machine has enrolled already: the agent is new, the device stays" ;;
  -) "$agent" "$@" ;;
  *) printf '%s\n' "$token" | "$agent" "$@" ;;
esac

if [ "$service" = yes ]; then
  chown -R device-agent:device-agent "$state"
  sed "s|@AGENT@|$agent|; s|@STATE@|$state|" "$prefix/lib/device-agent/device-agent.service" > /etc/systemd/system/device-agent.service
  systemctl daemon-reload
  systemctl enable device-agent
  systemctl restart device-agent
  echo "device-agent runs; journalctl -u device-agent shows its log"
else
  echo "installed; start it with: $agent run --state-dir $state"
fi
