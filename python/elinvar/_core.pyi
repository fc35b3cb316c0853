"""Rust side of the package: one dynamic door to every method. Use the classes of the family modules instead."""

from collections.abc import Callable, Mapping
from typing import Any, final

from ._results import Table

__version__: str

@final
class Model:
    """A fitted model."""

    @property
    def slug(self) -> str:
        """Slug of the method that fitted it."""

    @property
    def params(self) -> dict[str, Any]:
        """The parameters of the fit."""

    @property
    def status(self) -> str:
        """How the fit ended."""

    @property
    def trace(self) -> Table:
        """Figures of every recorded step."""

    def attributes(self) -> dict[str, Any]:
        """What a user wants to see of it, by name."""

    def to_bytes(self) -> bytes:
        """The model as the bytes of a model file."""

    @staticmethod
    def from_bytes(bytes: bytes) -> Model:
        """Makes a model again from such bytes."""

    def save(self, path: str) -> None:
        """Writes the model to a file, in one step."""

    @staticmethod
    def load(path: str, slug: str | None = None) -> Model:
        """Reads a model from a file; with `slug` only one of that method."""

def registry() -> list[dict[str, Any]]:
    """Every method: card, tasks with parameters, inputs and outputs, and classes."""

def readme(slug: str) -> str:
    """The documentation of a method as Markdown."""

def example(slug: str, verb: str) -> dict[str, Any]:
    """Small valid inputs of a task, by name."""

def run(
    slug: str,
    verb: str,
    params: Mapping[str, Any],
    inputs: Mapping[str, Any],
    model: Model | None = None,
    seed: int = 0,
    threads: int | None = None,
    time_limit: float | None = None,
    mem_limit: int | None = None,
    device: str | None = None,
    progress: Callable[[int, int, dict[str, float]], object] | None = None,
) -> tuple[dict[str, Any], Model | None, str, Table | None, list[str]]:
    """Runs a task: values, model, status, trace, warnings."""

def reproduce(
    slug: str,
    scale: str,
    folder: str | None = None,
    shard: str | None = None,
    threads: int | None = None,
    retry_failed: bool = False,
    report: str | None = None,
    progress: Callable[[int, int, dict[str, float]], object] | None = None,
) -> dict[str, Any]:
    """Runs the trials of a scale that the folder does not have and judges the claims."""

def read_table(path: str) -> Table:
    """Reads a table from a file."""

def command(arguments: list[str]) -> int:
    """Runs one command of the command line and returns its exit code."""
