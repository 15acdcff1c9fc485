#!/bin/sh
# install.sh STEP: what both recipes (Dockerfile, singularity.def) do, written once. Run in the folder that holds
# containers/, bidsml/, workflows/ and pyproject.toml, on a base that has Python and pip.
#
#   packages          /opt/bidsml: a virtual environment from the lock file, every hash checked, trimmed, compiled
#   app [BASE]        /stage/opt/bidsml: bidsml itself, the list of parts (SBOM) and the record of what this was made from
#   templates MODE    /opt/templateflow: the default template where the network gives it, and a note of what came of it;
#                     MODE auto: try, go on without; required: try, fail without; none: don't try
#   check [VERSION]   import every package and run bidsml as a stranger without a home: a broken image is not built
set -eu

prefix=/opt/bidsml
python=$prefix/bin/python
# No bytecode while installing: what is kept is compiled below, the same at every build.
export PYTHONDONTWRITEBYTECODE=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
# Settings of the builder's own pip, where somebody shows them to the build; /mnt is a folder that every base has.
[ ! -f /mnt/pip.conf ] || export PIP_CONFIG_FILE=/mnt/pip.conf
[ ! -f /mnt/ca.crt ] || export SSL_CERT_FILE=/mnt/ca.crt REQUESTS_CA_BUNDLE=/mnt/ca.crt

compile_in() {
    # Checked by nothing at run time, since nothing changes in an image: no time stamps, the same bytes at every build.
    "$python" -m compileall -q -j 0 --invalidation-mode unchecked-hash -s "${2:-}" -p / "$1"
}

packages() {
    python3 -m venv --without-pip "$prefix"
    python3 -m pip --python "$python" install --quiet --no-compile --require-hashes -r containers/requirements.lock
    # The tests and headers of other people's packages run nowhere here; check() imports what is left.
    find "$prefix/lib" -depth -type d \( -name tests -o -name include \) -path '*/site-packages/*/*' \
        -exec rm -rf {} +
    find "$prefix/lib" -type f \( -name '*.pyi' -o -name '*.pxd' -o -name '*.a' \) -delete
    compile_in "$prefix/lib"
}

app() {
    python3 -m venv /opt/build
    /opt/build/bin/python -m pip install --quiet --require-hashes -r containers/requirements-build.lock
    /opt/build/bin/python -m hatchling build -t wheel -d /dist
    python3 -m pip --python "$python" install --quiet --no-compile --no-deps --no-index --root /stage /dist/*.whl
    compile_in /stage/opt/bidsml/lib /stage
    mkdir -p "/stage$prefix/share/bidsml"
    /opt/build/bin/cyclonedx-py environment "$python" --pyproject pyproject.toml --output-reproducible \
        --output-file "/stage$prefix/share/bidsml/sbom.cdx.json"
    python3 containers/describe_image.py containers/requirements.lock /dist/*.whl "${1:-}" \
        > "/stage$prefix/share/bidsml/image.json"
}

templates() {
    mkdir -p /opt/templateflow
    "$python" containers/bake_templates.py "${1:-auto}" "$prefix/share/bidsml/templates.json"
}

check() {
    # A stranger's environment: no home, nothing that the base or the builder set. What is written goes to a folder
    # that is removed: a layer of the image must not hold it.
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    stranger="env -i PATH=$prefix/bin:/usr/bin:/bin HOME=/nonexistent TMPDIR=$scratch MPLCONFIGDIR=$scratch"
    $stranger TEMPLATEFLOW_HOME="$scratch/templateflow" "$python" containers/check_imports.py
    found=$($stranger bidsml --version)
    [ -z "${1:-}" ] || [ "$found" = "bidsml $1" ] || {
        echo "install.sh: the recipe says version $1, but what it installs says: $found" >&2; exit 1; }
    $stranger TEMPLATEFLOW_HOME=/opt/templateflow bidsml doctor
}

case ${1:-} in
    packages | app | templates | check) step=$1; shift; "$step" "$@" ;;
    *) echo "usage: install.sh packages | app [BASE] | templates auto|required|none | check [VERSION]" >&2; exit 64 ;;
esac
