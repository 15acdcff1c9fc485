"""A simulated BOLD run of a simulated head: known motion, known regional signals."""

from dataclasses import dataclass

import nibabel as nib
import numpy as np
from nibabel.affines import apply_affine
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, gaussian_filter
from scipy.spatial.transform import Rotation

from bidsml.records import FloatArray
from bidsml.simulate.activity import Activation, evoked_activity, network_covariance, rest_activity
from bidsml.simulate.head import SimulatedHead
from bidsml.simulate.motion import HEAD_RADIUS_MM, draw_motion, unmove_points
from bidsml.simulate.scene import BRIGHTNESS, Scene

__all__ = ["Activation", "SimulatedBold", "bold_shape", "simulate_bold"]

SCALE = 1000.0
# How much brighter the first volumes are, before the magnetisation is steady.
NON_STEADY = (0.5, 0.18, 0.05)
FIELD_MM = np.array([216.0, 248.0, 176.0])
POSITION_MM = 2.0  # largest shift between T1w and BOLD; rotations move points at 50 mm as far
DRIFT = 0.01  # largest slow change, as a share of the signal


@dataclass(frozen=True)
class SimulatedBold:
    """A BOLD run and its truth.

    Attributes
    ----------
    image
        int16, ``(x, y, z, n_volumes)``; the repetition time is in its header.
    motion
        ``(n_volumes, 6)``: tx, ty, tz in mm, rx, ry, rz in radians, as :mod:`bidsml.simulate.motion` defines them;
        the first row is 0.
    position
        Six parameters of the same kind: how the head lay at the first volume, from where it lay in the T1w.
    centre_mm
        Centre of the field of view, ``(3,)``.
    signals
        True activity in percent at the start of each volume, ``(n_volumes, n_regions)``.
    activation
        The events and responses, if any.
    """

    image: nib.Nifti1Image
    motion: FloatArray
    position: FloatArray
    centre_mm: FloatArray
    signals: FloatArray
    activation: Activation | None = None

    def to_t1w(self, points_mm: FloatArray, volume: int = 0) -> FloatArray:
        """T1w points of points of one volume, both ``(k, 3)`` in mm."""
        rest = unmove_points(points_mm, self.motion[volume], self.centre_mm)
        return unmove_points(rest, self.position, self.centre_mm)


def bold_shape(voxel_mm: float) -> tuple[int, int, int]:
    """Voxels of a volume along each axis; the last is the number of slices."""
    x, y, z = (int(n) for n in np.ceil(FIELD_MM / voxel_mm))
    return x, y, z


def simulate_bold(
    head: SimulatedHead,
    *,
    seed: int,
    n_volumes: int,
    tr_s: float = 2.0,
    voxel_mm: float = 4.0,
    motion_mm: float = 1.0,
    slice_times_s: tuple[float, ...] = (),
    covariance: FloatArray | None = None,
    activation: Activation | None = None,
    noise: float = 0.01,
) -> SimulatedBold:
    """Simulate a run.

    Parameters
    ----------
    motion_mm
        Largest translation within the run; rotations move points at 50 mm about as far.
    slice_times_s
        When each slice along the third axis is acquired, after the volume's start; empty: all at the start.
    covariance
        Of the activity at rest, in percent², of the 24 regions of :func:`bidsml.simulate.cohort.parcellate`;
        default: 1 % each, and their four networks cohere. Zeros leave only the activation.
    activation
        Responses to events that come on top.
    noise
        Standard deviation of the thermal noise, as a share of the brightness of grey matter.
    """
    streams = [np.random.default_rng([seed, number]) for number in range(4)]
    affine, shape = _grid(head, voxel_mm, streams[0])
    centre_mm = apply_affine(affine, (np.array(shape) - 1) / 2)
    position = streams[0].uniform(-POSITION_MM, POSITION_MM, 6) / np.repeat([1, HEAD_RADIUS_MM], 3)
    motion = draw_motion(n_volumes, motion_mm=motion_mm, rng=streams[1])
    scene = Scene(head, voxel_mm)
    rest = network_covariance(scene.networks) if covariance is None else covariance
    times_s = _slice_times(slice_times_s, shape[2]) + tr_s * np.arange(n_volumes)[:, None]  # (n_volumes, n_slices)
    activity = _activity(times_s, rest, activation, streams[2])
    truth = SimulatedBold(nib.Nifti1Image(np.zeros((1, 1, 1)), affine), motion, position, centre_mm, activity[:, :, 0])
    data = _acquire(scene, truth, activity, shape=shape, noise=noise, rng=streams[3])
    image = nib.Nifti1Image(data, affine)
    image.header.set_xyzt_units("mm", "sec")
    image.header.set_zooms((*image.header.get_zooms()[:3], tr_s))
    return SimulatedBold(image, motion, position, centre_mm, activity[:, :, 0], activation)


def _grid(head: SimulatedHead, voxel_mm: float, rng: np.random.Generator) -> tuple[FloatArray, tuple[int, int, int]]:
    """Affine and shape of a slightly tilted grid around the brain."""
    shape = bold_shape(voxel_mm)
    voxels = np.argwhere(np.asarray(head.brain.dataobj))
    middle = apply_affine(head.brain.affine, (voxels.min(axis=0) + voxels.max(axis=0)) / 2)
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", rng.uniform(-4, 4, 3), degrees=True).as_matrix() * voxel_mm
    affine[:3, 3] = middle - affine[:3, :3] @ (np.array(shape) - 1) / 2
    return affine, shape


def _slice_times(slice_times_s: tuple[float, ...], n_slices: int) -> FloatArray:
    if slice_times_s and len(slice_times_s) != n_slices:
        raise ValueError(f"the grid has {n_slices} slices, but {len(slice_times_s)} slice times are given")
    return np.asarray(slice_times_s) if slice_times_s else np.zeros(n_slices)


def _activity(
    times_s: FloatArray, covariance: FloatArray, activation: Activation | None, rng: np.random.Generator
) -> FloatArray:
    """Percent change, ``(n_volumes, n_regions, n_slices)``, at the times ``(n_volumes, n_slices)``."""
    fine_s = np.arange(0.0, times_s.max() + 0.5, 0.25)
    signals = rest_activity(fine_s, covariance, rng)
    if activation is not None:
        signals = signals + evoked_activity(fine_s, activation, len(covariance))
    by_region = [np.interp(times_s, fine_s, signal) for signal in signals.T]
    return np.stack(by_region, axis=1)


def _acquire(
    scene: Scene,
    truth: SimulatedBold,
    activity: FloatArray,
    *,
    shape: tuple[int, int, int],
    noise: float,
    rng: np.random.Generator,
) -> NDArray[np.int16]:
    """Measure each volume, int16 ``(x, y, z, n_volumes)``."""
    voxels = np.indices(shape).reshape(3, -1).T
    points = apply_affine(truth.image.affine, voxels)
    n_volumes = len(truth.motion)
    drift = gaussian_filter(rng.normal(size=shape), 4.0).ravel()
    drift *= DRIFT / np.abs(drift).max()
    seen = scene.look(truth.to_t1w(points), 0 * activity[0], voxels[:, 2]).reshape(shape) > 0
    head = binary_dilation(seen, iterations=3).ravel()  # air stays air however the head moves
    values = np.zeros(len(voxels))
    data = np.empty((*shape, n_volumes), dtype=np.int16)
    for volume in range(n_volumes):
        values[head] = scene.look(truth.to_t1w(points[head], volume), activity[volume], voxels[head, 2])
        values[head] *= 1 + drift[head] * np.cos(np.pi * (volume + 0.5) / n_volumes)
        if volume < len(NON_STEADY):
            values[head] *= 1 + NON_STEADY[volume]
        real, imaginary = noise * BRIGHTNESS["GM"] * rng.normal(size=(2, len(values)))
        data[..., volume] = np.rint(SCALE * np.hypot(values + real, imaginary)).reshape(shape)
    return data
