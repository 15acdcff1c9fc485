"""What the container tests need from the machine: programs, a base image, the way to the package registries.

Nothing here names a registry: pip's and apt's own settings on this machine say where packages come from.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Debian's package by program, where the two have other names.
PACKAGES = {"mksquashfs": "squashfs-tools", "newuidmap": "uidmap", "bwrap": "bubblewrap"}
BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt")
# pip's settings that say where packages come from; the rest is this machine's own business.
PIP_KEYS = {"index-url", "extra-index-url", "trusted-host", "proxy", "timeout", "default-timeout"}


def cache_folder() -> Path:
    """Folder that outlives the tests, outside the repository: base, Apptainer."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = Path(os.environ.get("BIDSML_CONTAINER_CACHE") or home / "bidsml-containers")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def call(words: Sequence[str | Path], *, log: Path | None = None, **settings: object) -> str:
    """Run a program; fail with the end of what it printed. Gives what it printed on both streams."""
    done = subprocess.run(
        [str(word) for word in words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        **settings,
    )
    if log is not None:
        log.write_text(done.stdout, encoding="utf-8")
    assert done.returncode == 0, f"{' '.join(map(str, words))} exited with {done.returncode}:\n{done.stdout[-6000:]}"
    return done.stdout


def printed(words: Sequence[str | Path]) -> str:
    """Give what a program prints, without the messages beside it. Nothing is wrong if it fails: nothing is printed."""
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False, cwd="/").stdout


def need_programs(*names: str) -> None:
    """Install missing programs as root on Debian; skip with the reason where that can't be."""
    missing = [name for name in names if shutil.which(name) is None]
    if not missing:
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        pytest.skip(f"not here: {', '.join(missing)}; install them, or run as root on Debian")
    packages = [PACKAGES.get(name, name) for name in missing]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "-qq", "update"], env=environment, check=False)
    words = ["apt-get", "-qq", "install", "--yes", "--no-install-recommends", *packages]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"apt can't install {', '.join(packages)}: {done.stderr[-500:]}")


def certificate_bundle() -> Path:
    """File of the certificate authorities that this machine trusts."""
    named = [os.environ.get(name, "") for name in ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE")]
    found = next((Path(path) for path in (*named, *BUNDLES) if path and Path(path).is_file()), None)
    return found or pytest.skip("no file of certificate authorities here; name it in SSL_CERT_FILE")


def write_pip_configuration(path: Path, *, python: str) -> Path:
    """Write pip's settings of this machine for a build, but for folders, which a build can't see."""
    listed = call([python, "-m", "pip", "config", "list"])
    settings = {}
    for line in listed.splitlines():
        name, _, value = line.partition("=")
        key = name.rpartition(".")[2]
        urls = " ".join(url for url in value.strip("'\"").split() if not url.startswith(("file:", "/")))
        if key in PIP_KEYS and urls:
            settings[key.removeprefix("default-")] = urls
    path.write_text("[global]\n" + "".join(f"{key} = {value}\n" for key, value in settings.items()), encoding="utf-8")
    return path


class Stopwatch:
    """Collects what was measured, for the summary at the end."""

    def __init__(self) -> None:
        self.measured: list[str] = []

    def time(self, what: str, words: Sequence[str | Path], **settings: object) -> str:
        """Run a program as :func:`call` does, and note how long it took."""
        started = time.monotonic()
        printed = call(words, **settings)
        self.measured.append(f"{what}: {time.monotonic() - started:.0f} s")
        return printed

    def size(self, what: str, size_bytes: int) -> None:
        """Note a size."""
        self.measured.append(f"{what}: {size_bytes / 1e6:.0f} MB")
