"""Pages that are texts of the repository: the ready-made analyses, the cluster scripts and the containers."""

import re
from pathlib import Path

from bidsml.spec import list_ready_made

_ROOT = Path(__file__).resolve().parents[2]
_LINK = re.compile(r"\[([^\]]*)\]\((?!https?:|#)([^)\s]*)\)")
_TITLE = re.compile(r"^(#+ )", re.MULTILINE)
_FENCE = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)
_WORKFLOWS = """\
# Ready-made analyses

`--analysis NAME` takes one of these; `--set key.path=value` changes an entry. To make one your own, copy its file:

```
bidsml BIDS_DIR OUTPUT_DIR group --analysis my-analysis.toml
```
"""


def write_workflows_page() -> str:
    """Write the page of the ready-made analyses: each one's own text, and its file."""
    parts = [_WORKFLOWS]
    for name in list_ready_made():
        folder = _ROOT / "workflows" / name
        parts.append(_demote(include(folder / "README.md")))
        parts.append(
            f'??? note "The file"\n\n{_indent(_fence((folder / "analysis.toml").read_text(encoding="utf-8")))}\n'
        )
    return "\n".join(parts)


def write_cluster_page() -> str:
    """Write the page of the cluster scripts."""
    return include(_ROOT / "workflows" / "cluster" / "README.md").replace("# On a cluster", "# Clusters", 1)


def write_containers_page() -> str:
    """Write the page of the containers."""
    return include(_ROOT / "containers" / "README.md").replace("# bidsml in a container", "# Containers", 1)


def include(path: Path) -> str:
    """Take a text of the repository as a page: a link to a file that the site doesn't hold becomes its name."""
    parts = _FENCE.split(path.read_text(encoding="utf-8"))
    return "".join(part if part.startswith("```") else _LINK.sub(r"\1", part) for part in parts)


def _demote(text: str) -> str:
    parts = _FENCE.split(text)
    return "".join(part if part.startswith("```") else _TITLE.sub(r"#\1", part) for part in parts)


def _fence(text: str) -> str:
    return f"```toml\n{text}```"


def _indent(text: str) -> str:
    return "\n".join(f"    {line}".rstrip() for line in text.splitlines())
