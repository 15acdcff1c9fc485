"""The surface is that of a brain: closed, turned outwards, around the regions."""

from collections import Counter

import numpy as np

from bidsml.atlases import load_atlas
from bidsml.report.viewers.shell import brain_shell


def test_every_edge_of_the_surface_is_between_two_faces() -> None:
    vertices, faces = brain_shell()
    edges = Counter(frozenset((int(f[a]), int(f[b]))) for f in faces for a, b in ((0, 1), (1, 2), (2, 0)))
    assert set(edges.values()) == {2}
    # Euler's formula for a sphere.
    assert len(vertices) - len(edges) + len(faces) == 2


def test_faces_look_outwards() -> None:
    vertices, faces = brain_shell()
    a, b, c = (vertices[faces[:, corner]].astype(float) for corner in range(3))
    # The signed volume is the brain's: about 1.9 litres of the MNI152 mask, and positive only if turned outwards.
    litres = np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6 / 1e6
    assert 1.6 < litres < 2.2


def test_the_regions_of_an_atlas_lie_inside() -> None:
    from scipy.spatial import Delaunay

    vertices, _ = brain_shell()
    places = load_atlas("power2011").coordinates_mm
    assert (Delaunay(vertices).find_simplex(places) >= 0).mean() > 0.97
    left = vertices[:, 0] < 0
    assert 0.45 < left.mean() < 0.55
