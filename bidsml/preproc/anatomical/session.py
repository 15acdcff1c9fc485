"""Run ANTs so that the same input gives the same bytes, and nothing stays in the system's temporary folder."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

DEFAULT_SEED = 20240229


@contextmanager
def ants_session(out_dir: Path, *, seed: int = DEFAULT_SEED, n_threads: int = 1) -> Iterator[Path]:
    """Give ANTs a scratch folder under ``out_dir``, a seed and a number of threads.

    ITK reads the number of threads once in a process, at its first use: enter this before anything else uses ANTs.
    Only one thread is bitwise repeatable, because threads sum the metric in no fixed order.

    Parameters
    ----------
    out_dir
        Folder of the step; made where it is missing.
    seed
        Of the metric's random sampling (``ANTS_RANDOM_SEED``).
    n_threads
        ITK threads.

    Yields
    ------
    Path
        An empty folder for temporary files, deleted at the end.
    """
    out_dir.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix="ants-", dir=out_dir))
    settings = {"ANTS_RANDOM_SEED": str(seed), "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": str(n_threads)}
    before = {name: os.environ.get(name) for name in settings}
    # ANTsPy names its temporary files through tempfile, which asks this variable first.
    folder_before, tempfile.tempdir = tempfile.tempdir, str(scratch)
    os.environ.update(settings)
    try:
        yield scratch
    finally:
        tempfile.tempdir = folder_before
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
        shutil.rmtree(scratch, ignore_errors=True)
