"""What calls return: tables, findings, judged claims and sweeps, readable in a terminal and in a notebook."""

import html

import numpy as np

from ._plots import axes


class Table(dict):
    """Columns by name, each a NumPy array (text columns are arrays of objects).

    A plain dict with a few conveniences, so that nothing but NumPy is needed to hold results.
    """

    def __init__(self, columns=()):
        super().__init__({name: _as_column(cells) for name, cells in dict(columns).items()})

    @property
    def n_rows(self):
        """Number of rows."""
        return next((len(cells) for cells in self.values()), 0)

    def rows(self):
        """All rows as dicts."""
        return [{name: cells[i] for name, cells in self.items()} for i in range(self.n_rows)]

    def to_pandas(self):
        """The table as a ``pandas.DataFrame``."""
        import pandas as pd

        return pd.DataFrame(dict(self))

    def to_polars(self):
        """The table as a ``polars.DataFrame``."""
        import polars as pl

        return pl.DataFrame({name: cells.tolist() for name, cells in self.items()})

    def plot(self, x=None, y=None, *, ax=None):
        """Draws columns of numbers as lines.

        Parameters
        ----------
        x : str, default=None
            Column of the horizontal axis; the number of the row where None.
        y : str or list of str, default=None
            Columns to draw; all columns of numbers where None.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; new ones where None.

        Returns
        -------
        ax : matplotlib.axes.Axes
        """
        ax = axes(ax)
        names = [y] if isinstance(y, str) else y
        if names is None:
            names = [name for name, cells in self.items() if cells.dtype.kind in "fiu" and name != x]
        horizontal = self[x] if x is not None else np.arange(self.n_rows)
        for name in names:
            ax.plot(horizontal, self[name], label=name)
        ax.set_xlabel(x if x is not None else "row")
        if len(names) == 1:
            ax.set_ylabel(names[0])
        elif names:
            ax.legend()
        return ax

    def __repr__(self):
        return _text_table(list(self), [[_show(cell) for cell in row.values()] for row in _head(self)], self.n_rows)

    def _repr_html_(self):
        return _html_table(list(self), [[_show(cell) for cell in row.values()] for row in _head(self)], self.n_rows)


class Findings:
    """Named results of one call, as attributes; also iterable as ``(name, value)`` pairs.

    Parameters
    ----------
    **values : object
        The results.
    """

    def __init__(self, **values):
        self.__dict__.update(values)

    def __getitem__(self, name):
        try:
            return self.__dict__[name]
        except KeyError:
            raise KeyError(f"there is no result '{name}'; there are: {', '.join(self.__dict__)}") from None

    def __iter__(self):
        return iter(self.__dict__.items())

    def keys(self):
        """Names of the results."""
        return self.__dict__.keys()

    def __eq__(self, other):
        return isinstance(other, Findings) and self.__dict__ == other.__dict__

    def __repr__(self):
        lines = [f"    {name} = {_brief(value)}" for name, value in self]
        return "Findings(\n" + "\n".join(lines) + "\n)" if lines else "Findings()"


class Claims:
    """The claims of a paper, judged on our evidence.

    Attributes
    ----------
    method, scale : str
        What was reproduced.
    claims : list of dict
        Each with ``id``, ``says``, ``paper``, ``source``, ``verdict`` and ``parts``; a part has ``label``, ``value``, ``interval``,
        ``threshold``, ``seeds`` and ``verdict``, and, where it counts rules, those as ``counted``.
    trials : list of dict
        Every trial that the claims rest on: the trial as data, what it measured, how long it took.
    planned, ran : int
        Trials of the scale, and how many were run now (the others had been run before).
    differences : list of str
        Where the reproduction differs from the paper.
    folder : str
        Where the evidence is kept.
    """

    def __init__(self, method, scale, claims, trials, planned, ran, differences, folder):
        self.method = method
        self.scale = scale
        self.claims = claims
        self.trials = trials
        self.planned = planned
        self.ran = ran
        self.differences = differences
        self.folder = folder

    @property
    def reproduced(self):
        """Whether every judged claim is reproduced."""
        return bool(self.claims) and all(claim["verdict"] == "reproduced" for claim in self.claims)

    def to_table(self):
        """One row for each quantity that a claim looks at."""
        rows = [
            {
                "claim": claim["id"],
                "says": claim["says"],
                "paper": claim["paper"]["text"],
                "quantity": part["label"],
                "value": _number(part["value"]),
                "low": _number(part["interval"] and part["interval"][0]),
                "high": _number(part["interval"] and part["interval"][1]),
                "rule": part["threshold"],
                "seeds": part["seeds"],
                "verdict": part["verdict"],
            }
            for claim in self.claims
            for part in claim["parts"]
        ]
        return Table({name: [row[name] for row in rows] for name in (rows[0] if rows else {})})

    def to_pandas(self):
        """The same as a ``pandas.DataFrame``."""
        return self.to_table().to_pandas()

    def __len__(self):
        return len(self.claims)

    def __iter__(self):
        return iter(self.claims)

    def _summary(self):
        good = sum(claim["verdict"] == "reproduced" for claim in self.claims)
        return f"{self.method}, {self.scale}: {good} of {len(self.claims)} claims reproduced"

    def _rows(self):
        for claim in self.claims:
            for i, part in enumerate(claim["parts"]):
                interval = "[{:.4g}, {:.4g}]".format(*part["interval"]) if part["interval"] else ""
                first = [claim["id"], claim["verdict"].replace("_", " ")] if i == 0 else ["", ""]
                yield [*first, part["label"], _show(part["value"]), interval, part["threshold"], str(part["seeds"])]

    _HEADER = ("claim", "verdict", "quantity", "ours", "95 % interval", "rule", "seeds")

    def __repr__(self):
        rows = list(self._rows())
        return self._summary() + "\n" + _text_table(self._HEADER, rows, len(rows))

    def _repr_html_(self):
        rows = list(self._rows())
        return f"<p>{html.escape(self._summary())}</p>" + _html_table(self._HEADER, rows, len(rows))


class SweepResult:
    """What a sweep found.

    Attributes
    ----------
    method, task : str
        What was swept.
    points : list of dict
        Each with ``point`` (values of the parameters), ``means`` and ``deviations`` of every number over its trials, ``trials`` and
        ``error``; the best first, where there is a goal.
    goal : dict or None
        ``metric`` and whether to ``maximize`` it.
    trials : list of dict
        Every trial: the trial as data, what it measured, how long it took.
    planned : int
        Trials of the design.
    folder : str
        Where the trials are kept.
    """

    def __init__(self, found, folder):
        self.method, self.task = found["method"], found["task"]
        self.points, self.goal, self.trials = found["points"], found["goal"], found["trials"]
        self.planned, self.folder = found["trials_planned"], folder
        self._table, self._headline = found["table"], found["headline"]

    @property
    def best(self):
        """The best point as a dict of parameters; None where there is no goal, or no trial measured it."""
        first = self.points[0] if self.points and self.goal else None
        return first["point"] if first and self.goal["metric"] in first["means"] else None

    @property
    def best_value(self):
        """The metric of the best point; None where there is none."""
        return None if self.best is None else self.points[0]["means"][self.goal["metric"]]

    def to_table(self):
        """One row a point: its parameters, mean and deviation (``.sd``) of every number over its trials, and its error."""
        return self._table

    def to_pandas(self):
        """The same as a ``pandas.DataFrame``."""
        return self.to_table().to_pandas()

    def __len__(self):
        return len(self.points)

    def __repr__(self):
        return self._headline + "\n" + repr(self.to_table())

    def _repr_html_(self):
        return f"<p>{html.escape(self._headline)}</p>" + self.to_table()._repr_html_()


_MOST_ROWS = 20


def _as_column(cells):
    if isinstance(cells, np.ndarray):
        return cells
    array = np.asarray(cells)
    return array if array.dtype.kind in "fiub" else np.array(cells, dtype=object)


def _number(value):
    return np.nan if value is None else float(value)


def _show(value):
    if value is None:
        return ""
    if isinstance(value, (float, np.floating)):
        return f"{value:.6g}"
    return str(value)


def _brief(value):
    if isinstance(value, np.ndarray):
        return f"array of shape {value.shape}" if value.size > 6 else np.array2string(value)
    if isinstance(value, Table):
        return f"table of {value.n_rows} rows: {', '.join(value)}"
    return _show(value)


def _head(table):
    return [{name: cells[i] for name, cells in table.items()} for i in range(min(table.n_rows, _MOST_ROWS))]


def _text_table(header, rows, n_rows):
    lines = [list(header), *rows]
    widths = [max(len(line[j]) for line in lines) for j in range(len(header))]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    if n_rows > len(rows):
        text.append(f"... {n_rows} rows in all")
    return "\n".join(text)


def _html_table(header, rows, n_rows):
    head = "".join(f"<th>{html.escape(cell)}</th>" for cell in header)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    more = f"<caption>{len(rows)} of {n_rows} rows</caption>" if n_rows > len(rows) else ""
    return f"<table>{more}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
