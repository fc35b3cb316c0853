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

@final
class Store:
    """A folder of evidence."""

    def __new__(cls, folder: str) -> Store: ...
    def save(self, record: str) -> None:
        """Keeps a record, given as JSON."""

    def warnings(self) -> list[str]:
        """What was found to be damaged, one sentence each."""

    def trials(self, name: str | None = None) -> Table:
        """All trials of a method and of its sweeps, or of everything, as a table."""

    def records(self, name: str | None = None) -> list[dict[str, Any]]:
        """All records of a method and of its sweeps, or of everything, each as a dict with its `key`."""

@final
class Study:
    """Trials that can be run one by one. Trials and records are JSON."""

    @staticmethod
    def claims(slug: str, scale: str) -> Study:
        """The trials of a reproduction."""

    @staticmethod
    def sweep(
        slug: str,
        task: str,
        space: Mapping[str, Any],
        fixed: Mapping[str, Any],
        inputs: Mapping[str, Any],
        design: str = "grid",
        n_points: int | None = None,
        seed: int = 0,
        folds: int | None = None,
        model: Model | None = None,
    ) -> Study:
        """The trials of a sweep. `design` is `grid`, `random` or `sobol`."""

    @property
    def name(self) -> str:
        """Folder of the trials in a store."""

    def __len__(self) -> int: ...
    def trial(self, index: int) -> str:
        """A trial."""

    @property
    def n_points(self) -> int:
        """Number of points of a sweep."""

    def point(self, index: int) -> dict[str, Any]:
        """A point of a sweep."""

    def trials_of(self, point: Mapping[str, Any]) -> list[str]:
        """The trials of a point; also of one that the sweep itself would not choose."""

    def space(self) -> dict[str, Any]:
        """What a sweep varies: a list of values, or a dict of `low`, `high`, `log` and `whole`, by name."""

    def needs(self) -> dict[str, int]:
        """What one trial asks of a machine: `cores`, `memory` in bytes, `gpus`."""

    def open(self, store: Store, shard: str | None = None, retry_failed: bool = False) -> list[int]:
        """Numbers of the trials that a store lacks."""

    def stored(self, store: Store, trial: str) -> str | None:
        """The record of a trial in a store."""

    def measure(self, trial: str, threads: int | None = None, device: str | None = None) -> str:
        """Runs one trial and gives its record. Nothing is stored."""

    def told(self, trial: str, numbers: Mapping[str, float], seconds: float = 0.0, error: str | None = None) -> str:
        """The record of a trial that was measured elsewhere."""

    def run(
        self,
        store: Store,
        shard: str | None = None,
        retry_failed: bool = False,
        threads: int | None = None,
        time_limit: float | None = None,
        device: str | None = None,
        progress: Callable[[int, int, dict[str, float]], object] | None = None,
    ) -> int:
        """Runs the trials that a store lacks, and returns their number."""

    def report(self, store: Store, page: str | None = None, goal: tuple[str, bool] | None = None, all: bool = False) -> dict[str, Any]:
        """What the trials in a store say: judged claims, or the points of a sweep."""

def read_table(path: str) -> Table:
    """Reads a table from a file."""

def command(arguments: list[str]) -> int:
    """Runs one command of the command line and returns its exit code."""
