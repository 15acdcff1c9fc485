"""What all sections of an analysis share."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A frozen part of an analysis that takes no unknown key and turns no type into another."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
