"""What all sections of an analysis share."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

# A name becomes part of file names: BIDS labels plus hyphen.
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]*$", max_length=60)]
Text = Annotated[str, StringConstraints(min_length=1)]


class Section(BaseModel):
    """A frozen part of an analysis that takes no unknown key and turns no type into another."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
