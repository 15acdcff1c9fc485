"""Parts of a page that a reader can turn, narrow down or step through.

Each has a still drawing that stands without scripts and on paper, its finding in words, and the numbers behind it; a
script only adds to them. Their templates are ``templates/blocks/<kind>.html``.
"""

from bidsml.report.viewers.brainmap import BrainMap
from bidsml.report.viewers.connectome import Connectome
from bidsml.report.viewers.glass import Edge
from bidsml.report.viewers.strip import Dot, Strip

__all__ = ["BrainMap", "Connectome", "Dot", "Edge", "Strip"]
