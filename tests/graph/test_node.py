"""A step becomes a node: typed inputs, hashed by content, errors kept for the reader."""

import ast
import json
import shutil
from pathlib import Path

import pytest
from nipype import Workflow

import bidsml
from bidsml.errors import DataError, MissingInputError, UsageError
from bidsml.graph import sources
from bidsml.graph.node import ERROR_FILE, connect_list, make_node, source_digest
from bidsml.graph.run import plugin_settings, run_workflow


def copy_upper(source: Path, times: int, *, out_dir: Path) -> Path:
    path = out_dir / "upper.txt"
    path.write_text(source.read_text().upper() * times)
    return path


def join(sources: list[Path], *, out_dir: Path) -> Path:
    path = out_dir / "joined.txt"
    path.write_text("+".join(source.read_text() for source in sources))
    return path


def refuse(source: Path, *, out_dir: Path) -> Path:
    raise DataError(f"{source.name} is bad", hint="mend it")


def crash(source: Path, *, out_dir: Path) -> Path:
    raise ZeroDivisionError("a bug")


def takes_a_set(values: set, *, out_dir: Path) -> Path:
    return out_dir


def leave_receipt(source: Path, *, out_dir: Path) -> Path:
    path = out_dir / "receipt.json"
    path.write_text("{}")
    return path


@pytest.fixture(autouse=True)
def _importable(monkeypatch):
    # Steps are found by module and name; these live in this file.
    monkeypatch.setattr("bidsml.graph.node.source_digest", lambda module: "fixed")
    monkeypatch.setattr("bidsml.graph.node._load", lambda step: globals()[step.partition(":")[2]])


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "in.txt"
    path.write_text("abc")
    return path


def run(tmp_path, *nodes):
    workflow = Workflow(name="wf", base_dir=str(tmp_path / "work"))
    workflow.add_nodes(list(nodes))
    return run_workflow(workflow, plugin="Linear", plugin_args={}, crash_dir=tmp_path / "crash")


def node_of(step, source, **inputs):
    node = make_node(step, step.__name__, mem_gb=0.1)
    node.inputs.trait_set(source=str(source), **inputs)
    return node


def test_a_step_runs_in_its_nodes_folder(tmp_path, source):
    assert run(tmp_path, node_of(copy_upper, source, times=2)).failures == ()
    assert (tmp_path / "work" / "wf" / "copy_upper" / "upper.txt").read_text() == "ABCABC"


def test_content_decides_whether_a_node_runs_again(tmp_path, source):
    made = tmp_path / "work" / "wf" / "copy_upper" / "upper.txt"
    run(tmp_path, node_of(copy_upper, source, times=1))
    first = made.stat().st_mtime_ns
    source.touch()
    run(tmp_path, node_of(copy_upper, source, times=1))
    assert made.stat().st_mtime_ns == first
    source.write_text("xyz")
    run(tmp_path, node_of(copy_upper, source, times=1))
    assert made.read_text() == "XYZ"


def test_depends_on_is_hashed_though_not_handed_over(tmp_path, source):
    other = tmp_path / "other.txt"
    other.write_text("1")
    made = tmp_path / "work" / "wf" / "copy_upper" / "upper.txt"
    stamps = []
    for text in ("1", "1", "2"):
        other.write_text(text)
        node = make_node(copy_upper, "copy_upper", mem_gb=0.1, depends_on=[other])
        node.inputs.trait_set(source=str(source), times=1)
        run(tmp_path, node)
        stamps.append(made.stat().st_mtime_ns)
    assert stamps[0] == stamps[1] != stamps[2]


@pytest.mark.parametrize("count", [1, 3])
def test_lists_are_handed_on_whole_also_from_the_cache(tmp_path, source, count):
    for _ in range(2):
        workflow = Workflow(name="wf", base_dir=str(tmp_path / "work"))
        sources = [make_node(copy_upper, f"copy_{i}", mem_gb=0.1) for i in range(count)]
        for number, node in enumerate(sources):
            node.inputs.trait_set(source=str(source), times=number + 1)
        target = make_node(join, "join", mem_gb=0.1)
        connect_list(workflow, sources, target, "sources")
        assert run_workflow(workflow, plugin="Linear", plugin_args={}, crash_dir=tmp_path / "crash").failures == ()
        joined = (tmp_path / "work" / "wf" / "join" / "joined.txt").read_text()
        assert joined == "+".join("ABC" * (number + 1) for number in range(count))


def test_a_failure_keeps_its_kind_message_and_hint_and_others_go_on(tmp_path, source):
    outcome = run(tmp_path, node_of(refuse, source), node_of(copy_upper, source, times=1))
    assert [(f.node, type(f.error), f.error.hint, f.is_bug) for f in outcome.failures] == [
        ("wf.refuse", DataError, "mend it", False)
    ]
    assert json.loads((tmp_path / "work" / "wf" / "refuse" / ERROR_FILE).read_text())["kind"] == "DataError"
    assert (tmp_path / "work" / "wf" / "copy_upper" / "upper.txt").exists()


def test_a_bug_is_called_a_bug(tmp_path, source):
    outcome = run(tmp_path, node_of(crash, source))
    assert [(f.node, f.is_bug) for f in outcome.failures] == [("wf.crash", True)]
    assert "ZeroDivisionError: a bug" in outcome.failures[0].error.message


def test_a_receipt_of_an_earlier_run_does_not_count(tmp_path, source):
    node = make_node(leave_receipt, "leave_receipt", mem_gb=0.1, always=True)
    node.inputs.trait_set(source=str(source))
    assert run(tmp_path, node).published == {"wf.leave_receipt"}
    (tmp_path / "work" / "wf" / "crash").mkdir()
    (tmp_path / "work" / "wf" / "crash" / "receipt.json").write_text("{}")
    assert run(tmp_path, node_of(crash, source)).published == frozenset()


def test_only_paths_and_scalars_travel_on_edges():
    with pytest.raises(TypeError, match="paths and scalars"):
        make_node(takes_a_set, "takes_a_set", mem_gb=0.1)


def test_source_digest_follows_the_rooms_a_step_imports():
    digests = {module: source_digest(f"bidsml.steps.{module}") for module in ("participant", "group", "publication")}
    assert len(set(digests.values())) == 3


@pytest.mark.parametrize(
    ("module", "file", "reaches"),
    [
        pytest.param("participant", "features/connectome.py", True, id="entry of a catalog"),
        pytest.param("participant", "headers.py", True, id="import of an import"),
        pytest.param("participant", "learn/crossval.py", False, id="what only the group does"),
        pytest.param("group", "learn/fast/solver.py", True, id="folder in a room"),
        pytest.param("curves", "report/page.py", False, id="reports leave what is learnt alone"),
        pytest.param("publication", "report/templates/page.html", True, id="no Python"),
    ],
)
def test_source_digest_follows_the_files_a_step_reaches(tmp_path, monkeypatch, module, file, reaches):
    package = Path(bidsml.__file__).parent
    copy = tmp_path / "bidsml"
    shutil.copytree(package, copy, ignore=shutil.ignore_patterns("__pycache__", "_workflows"))
    monkeypatch.setattr(sources, "_PACKAGE", copy)
    digests = []
    for _ in range(2):
        sources.source_digest.cache_clear()
        sources._imports.cache_clear()
        digests.append(sources.source_digest(f"bidsml.steps.{module}"))
        with (copy / file).open("a") as handle:
            handle.write("\n")
    sources.source_digest.cache_clear()
    sources._imports.cache_clear()
    assert (digests[0] != digests[1]) == reaches


def test_no_import_is_overlooked():
    package = Path(bidsml.__file__).parent
    for path in package.rglob("*.py"):
        parsed = set()
        for statement in ast.walk(ast.parse(path.read_text())):
            if isinstance(statement, ast.Import):
                parsed |= {alias.name for alias in statement.names}
            elif isinstance(statement, ast.ImportFrom):
                assert not statement.level, f"{path}: a relative import is not followed"
                parsed |= {str(statement.module)} | {f"{statement.module}.{alias.name}" for alias in statement.names}
        assert {name for name in parsed if name.partition(".")[0] == "bidsml"} <= set(sources._imports(path)), path


def test_a_new_library_runs_everything_again(monkeypatch):
    before = source_digest("bidsml.steps.group")
    monkeypatch.setattr(sources, "_versions", lambda: (("numpy", "99"),))
    sources.source_digest.cache_clear()
    assert source_digest("bidsml.steps.group") != before
    sources.source_digest.cache_clear()


def test_plugin_settings(tmp_path):
    assert plugin_settings(None, nprocs=1, mem_gb=1)[0] == "Linear"
    assert plugin_settings(None, nprocs=2, mem_gb=3.5)[1]["memory_gb"] == 3.5
    path = tmp_path / "plugin.yml"
    path.write_text("plugin: MultiProc\nplugin_args: {n_procs: 2}\n")
    assert plugin_settings(path, nprocs=1, mem_gb=1) == ("MultiProc", {"n_procs": 2})
    path.write_text("plugin: MultiPorc\n")
    with pytest.raises(UsageError, match="did you mean 'MultiProc'"):
        plugin_settings(path, nprocs=1, mem_gb=1)
    for arguments in ("{wrapper_cmd: [apptainer, exec]}", "{sbatch_args: 'a \"b'}"):
        path.write_text(f"plugin: SLURM\nplugin_args: {arguments}\n")
        with pytest.raises(UsageError, match="is no line for a shell"):
            plugin_settings(path, nprocs=1, mem_gb=1)
    path.write_text("[: :")
    with pytest.raises(DataError, match="not YAML"):
        plugin_settings(path, nprocs=1, mem_gb=1)
    with pytest.raises(MissingInputError):
        plugin_settings(tmp_path / "none.yml", nprocs=1, mem_gb=1)
