#!/bin/sh
# apptainer.sh PREFIX: a private Apptainer for a Debian that packages none, for the tests of singularity.def.
# Taken from Debian's unstable suite at the mirror that apt is set up with, beside the C library it was built for; the
# system's own packages stay as they are. Needs patchelf, and squashfs-tools, squashfuse, fakeroot and uidmap to be of use.
set -eu

prefix=$(realpath -m "${1:?usage: apptainer.sh PREFIX}")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mirror=$(sed -nE 's/^(URIs:|deb( \[[^]]*\])?) +([^ ]+).*/\3/p' \
    /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2>/dev/null | head -n 1)
[ -n "$mirror" ] || { echo "apptainer.sh: apt names no Debian mirror" >&2; exit 1; }

# An apt of its own: its lists and downloads are in the scratch folder, and it knows the unstable suite only.
mkdir -p "$scratch/lists/partial" "$scratch/cache/archives/partial" "$scratch/tree"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror sid main" > "$scratch/sources.list"
cat > "$scratch/apt.conf" <<CONF
Dir::Etc::SourceList "$scratch/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
Dir::State::Lists "$scratch/lists";
Dir::Cache "$scratch/cache";
APT::Sandbox::User "root";
CONF
export APT_CONFIG="$scratch/apt.conf"
cd "$scratch"
apt-get -qq update
apt-get -qq download apptainer libc6 libgcc-s1 libseccomp2 libsqlite3-0 zlib1g
for package in ./*.deb; do dpkg-deb -x "$package" "tree/$(basename "$package" | cut -d_ -f1)"; done

rm -rf "$prefix"
mkdir -p "$prefix/lib"
cp -a tree/apptainer/usr/. "$prefix/"
cp -a tree/apptainer/etc tree/apptainer/var "$prefix/"
libraries=$(dpkg-architecture -qDEB_HOST_MULTIARCH 2>/dev/null || echo "$(uname -m)-linux-gnu")
find tree/lib* tree/zlib1g -name '*.so*' -path "*/$libraries/*" ! -path '*/gconv/*' -exec cp -a {} "$prefix/lib/" \;

# Debian's build looks for its settings and its mount point under its own library folder once it is moved.
mkdir -p "$prefix/lib/var/lib/apptainer/mnt/session" "$prefix/lib/etc"
ln -sfn ../../etc/apptainer "$prefix/lib/etc/apptainer"
loader=$(find "$prefix/lib" -maxdepth 1 -name 'ld-linux*.so*' | head -n 1)
for program in "$prefix/bin/apptainer" "$prefix/lib/$libraries/apptainer/bin/starter"; do
    patchelf --set-interpreter "$loader" --force-rpath --set-rpath "$prefix/lib" "$program"
done
chmod -R a+rX "$prefix"
"$prefix/bin/apptainer" --version
