"""Makes wire models from values that are known to be valid, without validating them again, which would be slow."""

from __future__ import annotations

from functools import cache
from typing import TypeVar

from pydantic import BaseModel

Model = TypeVar("Model", bound=BaseModel)
_set = object.__setattr__


def trusted(model: type[Model], /, **values: object) -> Model:
    """The model with these values, which must have the right types already; other fields have their defaults."""
    made = model.__new__(model)
    _set(made, "__dict__", {**_defaults(model), **values})
    _set(made, "__pydantic_fields_set__", set(values))
    _set(made, "__pydantic_extra__", None)
    _set(made, "__pydantic_private__", None)
    return made


@cache
def _defaults(model: type[BaseModel]) -> dict[str, object]:
    """Every field with its default, in the order of the schema, which JSON keeps; None for a required field."""
    return {
        name: None if field.is_required() else field.get_default(call_default_factory=True)
        for name, field in model.model_fields.items()
    }
