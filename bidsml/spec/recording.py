"""How EEG and MEG recordings are prepared: part of a ``[[features]]`` block."""

from typing import Literal

from pydantic import Field, model_validator

from bidsml.spec.section import Section


class RecordingSpec(Section):
    """The preparation of a raw recording, before power or covariance is measured."""

    sensors: Literal["eeg", "mag", "grad"] = Field(
        "eeg", description="EEG electrodes, or the magnetometers or gradiometers of MEG."
    )
    reference: Literal["average", "recorded"] = Field(
        "average", description="EEG: the mean of all good channels, or what the recording was made against."
    )
    notch_hz: float | None = Field(
        None, ge=0, description="Power line, removed with its harmonics. Default: PowerLineFrequency; 0: none."
    )
    high_pass_hz: float = Field(1.0, ge=0, description="0: no high-pass filter.")
    low_pass_hz: float = Field(45.0, gt=0, description="Frequencies above are filtered out.")
    epoch_s: float = Field(4.0, gt=0, le=60, description="Length of the epochs that the recording is cut into.")
    reject_z: float = Field(
        6.0,
        ge=0,
        description="An epoch is left out where the peak-to-peak amplitude of a channel is so many robust standard "
        "deviations above that channel's median. 0: none is.",
    )
    min_epochs: int = Field(10, ge=2, description="A recording with fewer epochs left fails.")

    @property
    def datatype(self) -> Literal["eeg", "meg"]:
        """Folder of BIDS that the recordings lie in."""
        return "eeg" if self.sensors == "eeg" else "meg"

    @model_validator(mode="after")
    def _band_is_ordered(self) -> "RecordingSpec":
        if self.high_pass_hz >= self.low_pass_hz:
            raise ValueError(f"high_pass_hz = {self.high_pass_hz} must be below low_pass_hz = {self.low_pass_hz}")
        return self
