"""Run a step of the graph in a process of its own, and say what it took.

CPU seconds, not wall time: on a shared machine the second says more about its neighbours.
"""

import multiprocessing
import time
from pathlib import Path


def _work(step, arguments, out_dir, queue):
    before = time.process_time()
    try:
        result = step(**arguments, out_dir=out_dir)
    except Exception as error:
        queue.put((error, 0.0, 0.0))
        raise
    # Not what getrusage says: a new process inherits the peak of the one that started it.
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    peak_gb = int(status.partition("VmHWM:")[2].split()[0]) / 1e6
    queue.put((result, time.process_time() - before, peak_gb))


def measure(step, folder, **arguments):
    """Run a step in a new process; its result, CPU seconds and peak memory in GB."""
    out_dir = folder / step.__name__
    out_dir.mkdir(parents=True)
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=_work, args=(step, arguments, out_dir, queue))
    process.start()
    result, seconds, peak_gb = queue.get()
    process.join()
    if isinstance(result, Exception):
        raise SystemExit(f"{step.__name__} failed: {result}")
    print(f"| {step.__name__} | {seconds:.1f} | {peak_gb:.2f} |", flush=True)
    return result, seconds
