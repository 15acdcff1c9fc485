"""Nipype's MultiProc plugin, made to survive a killed worker and to spend its time on work."""

import ctypes
import gc
import logging
import multiprocessing
import os
import shutil
import signal
import sys
import threading
from collections import Counter
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing.connection import wait
from pathlib import Path
from traceback import format_exception
from typing import Any

from nipype.pipeline.plugins.multiproc import MultiProcPlugin, run_node

logger = logging.getLogger(__name__)

ATTEMPTS = 2
"""How often a node is tried whose worker is killed."""

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_JOIN_S = 5.0


class SteadyMultiProc(MultiProcPlugin):  # type: ignore[misc]
    """MultiProc with four changes.

    A worker that is killed (mostly for want of memory) breaks the pool, and Nipype's own plugin waits for its result
    for ever. Here the pool is made anew with half the processes, down to one; what ran beside the killed one starts
    again, and the node that it ran gets a second try. Killed again, it fails with the traceback.
    Workers end with this process, however it ends. They don't see Ctrl-C: this process decides what becomes of them.
    Garbage that is there when the graph starts is never searched again: Nipype collects garbage at every poll,
    which took three quarters of the time of a graph of 2,600 nodes.
    """

    processors: int
    pool: ProcessPoolExecutor

    def __init__(self, plugin_args: dict[str, Any] | None = None) -> None:
        super().__init__(plugin_args=plugin_args)
        # Nipype has made a pool, which starts no process before the first node; ours has other settings.
        self.pool.shutdown(wait=False)
        self._board = Path()
        self._nodes: dict[int, tuple[Any, bool]] = {}
        self._kills: Counter[str] = Counter()
        self.pool = self._make_pool()

    def run(self, graph: Any, config: Any, updatehash: bool = False) -> None:
        """Run the graph."""
        self._board = Path(config["execution"]["crashdump_dir"]) / "workers"
        self._board.mkdir(parents=True, exist_ok=True)
        gc.collect()
        gc.freeze()
        try:
            super().run(graph, config, updatehash=updatehash)
        except BaseException:
            # What ends the graph from outside (a signal, Ctrl-C) must not leave its workers behind.
            self._kill_workers()
            raise
        finally:
            gc.unfreeze()
            shutil.rmtree(self._board, ignore_errors=True)

    def _make_pool(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            max_workers=self.processors,
            initializer=_begin_worker,
            initargs=(self._cwd,),
            mp_context=multiprocessing.get_context(self.plugin_args.get("mp_context")),
        )

    def _kill_workers(self) -> None:
        # Public only from Python 3.14 on, as kill_workers().
        processes = list((self.pool._processes or {}).values())
        for process in processes:
            process.kill()
        self.pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.join(_JOIN_S)

    def _submit_job(self, node: Any, updatehash: bool = False) -> int:
        self._taskid += 1
        self._nodes[self._taskid] = (node, updatehash)
        try:
            self._task_obj[self._taskid] = self._submit(self._taskid)
        except BrokenProcessPool:  # a worker died since the last poll
            self._recover()
        return int(self._taskid)

    def _submit(self, taskid: int) -> Future[dict[str, Any]]:
        node, updatehash = self._nodes[taskid]
        return self.pool.submit(_run_on_board, node, updatehash, taskid, self._board)

    def _get_result(self, taskid: int) -> dict[str, Any] | None:
        future = self._task_obj[taskid]
        if not future.done():
            return None
        error = future.exception()
        if isinstance(error, BrokenProcessPool) and self._kills[self._name(taskid)] < ATTEMPTS:
            self._recover()
            return self._get_result(taskid)
        if error is not None:
            return {"result": None, "traceback": format_exception(error)}
        result: dict[str, Any] = future.result()
        return result

    def _clear_task(self, taskid: int) -> None:
        super()._clear_task(taskid)
        del self._nodes[taskid]

    def _name(self, taskid: int) -> str:
        return str(self._nodes[taskid][0].fullname)

    def _recover(self) -> None:
        """Make a pool of half the size; start again what was under way, but for nodes killed too often."""
        pending = [task for task in self._nodes if self._is_lost(task)]
        killed = self._killed(pending)
        self._kills.update(self._name(task) for task in killed)
        self.processors = max(1, self.processors // 2)
        self.pool = self._make_pool()
        for task in killed:
            name = self._name(task)
            then = f"going on with {self.processors} at once" if self._kills[name] < ATTEMPTS else "giving it up"
            logger.warning("a worker process was killed while %s ran; %s", name, then)
        for task in pending:
            if self._kills[self._name(task)] < ATTEMPTS:
                self._task_obj[task] = self._submit(task)
            elif task not in self._task_obj:
                self._task_obj[task] = _failed(BrokenProcessPool("the worker was killed"))

    def _is_lost(self, taskid: int) -> bool:
        future = self._task_obj.get(taskid)
        return future is None or not future.done() or isinstance(future.exception(), BrokenProcessPool)

    def _killed(self, pending: list[int]) -> list[int]:
        """Tell which of the unfinished tasks were on workers that were killed; all, where that can't be told."""
        processes = list((self.pool._processes or {}).values())
        # Ends and joins the other workers, with SIGTERM; only then can exit codes be asked for by this thread.
        self.pool.shutdown(wait=True, cancel_futures=True)
        tasks = []
        for process in processes:
            if process.exitcode in (None, 0, -signal.SIGTERM):
                continue
            try:
                tasks.append(int((self._board / str(process.pid)).read_text(encoding="ascii")))
            except (OSError, ValueError):
                return pending
        return [task for task in tasks if task in pending] if tasks else pending


def _failed(error: Exception) -> Future[dict[str, Any]]:
    future: Future[dict[str, Any]] = Future()
    future.set_exception(error)
    return future


def _run_on_board(node: Any, updatehash: bool, taskid: int, board: Path) -> dict[str, Any]:
    """Run a node, having noted which process does: when that one is killed, it can no longer tell."""
    with suppress(OSError):  # A full disk: then it is not known, and every node under way counts as killed.
        (board / str(os.getpid())).write_text(str(taskid), encoding="ascii")
    result: dict[str, Any] = run_node(node, updatehash, taskid)
    return result


def _begin_worker(folder: str) -> None:
    os.chdir(folder)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if sys.platform == "linux":
        # The kernel's own: also while a library computes without giving up the interpreter. The fork server, which
        # is the parent, ends with the run's process.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGKILL)
