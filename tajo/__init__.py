"""`from tajo import TajoClient` is the Python client; it is imported only then, and nothing of the program with it."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tajo.client import TajoClient

__all__ = ["TajoClient"]


def __getattr__(name: str) -> Any:
    if name == "TajoClient":
        from tajo.client import TajoClient

        return TajoClient
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
