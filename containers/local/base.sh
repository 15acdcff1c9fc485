#!/bin/sh
# base.sh TAR: a root file system with Python 3.11 that stands in for the official slim Python image where no image
# registry can be reached. Debian 12's own Python, from the package source that this machine's apt is set up with.
# Needs root and mmdebstrap. For tests; publish nothing built on it.
set -eu

tar=${1:?usage: base.sh TAR}
part=$(dirname "$tar")/part-$$.tar # the ending says to mmdebstrap what to write
trap 'rm -f "$part"' EXIT
sources=${APT_SOURCES:-}
for file in /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list; do
    [ -n "$sources" ] || { [ -s "$file" ] && sources=$file; } || true
done
[ -n "$sources" ] || { echo "base.sh: no Debian package source found; name the file in APT_SOURCES" >&2; exit 1; }

# A virtual environment in /usr/local, where the official image has its Python: Debian's own refuses pip (PEP 668).
# The hooks leave out what the official image does not have either: lists, caches, manuals, this machine's sources.
mmdebstrap --quiet --variant=minbase --include=python3,python3-venv,ca-certificates \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/doc/*' \
    --customize-hook='chroot "$1" python3 -m venv /usr/local' \
    --customize-hook='rm -rf "$1"/etc/apt/sources.list "$1"/etc/apt/sources.list.d/* "$1"/var/lib/apt/lists/*' \
    --customize-hook='find "$1"/usr "$1"/var -depth -name __pycache__ -exec rm -rf {} +' \
    bookworm "$part" "$sources"
mv "$part" "$tar"
