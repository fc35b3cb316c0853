"""scikit-learn's base classes where it is installed, and the few lines of them that the package needs where it is not."""

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, TransformerMixin
    from sklearn.exceptions import ConvergenceWarning, DataConversionWarning, NotFittedError
except ImportError:
    import inspect

    class NotFittedError(ValueError, AttributeError):
        """An estimator was used before it was fitted."""

    class ConvergenceWarning(UserWarning):
        """A solver stopped before its criterion was met."""

    class DataConversionWarning(UserWarning):
        """Data were given in another shape than asked for."""

    class BaseEstimator:
        """Parameters by name, as in scikit-learn."""

        @classmethod
        def _parameter_defaults(cls):
            parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]
            return {p.name: p.default for p in parameters if p.kind == p.KEYWORD_ONLY}

        def get_params(self, deep=True):
            """The parameters of the constructor, by name."""
            return {name: getattr(self, name) for name in sorted(self._parameter_defaults())}

        def set_params(self, **params):
            """Sets parameters of the constructor."""
            valid = sorted(self._parameter_defaults())
            for name, value in params.items():
                if name not in valid:
                    raise ValueError(f"Invalid parameter {name!r} for estimator {self}. Valid parameters are: {valid!r}.")
                setattr(self, name, value)
            return self

        def __repr__(self):
            defaults = self._parameter_defaults()
            changed = {name: value for name, value in self.get_params().items() if value is not defaults[name] and value != defaults[name]}
            return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in changed.items())})"

    class ClassifierMixin:
        """Accuracy as score."""

        def score(self, X, y, sample_weight=None):
            """The share of right predictions."""
            import numpy as np

            return float(np.average(np.asarray(y) == self.predict(X), weights=sample_weight))

    class RegressorMixin:
        """R^2 as score."""

        def score(self, X, y, sample_weight=None):
            """The coefficient of determination."""
            import numpy as np

            y = np.asarray(y, dtype=float)
            residual = np.average((y - self.predict(X)) ** 2, weights=sample_weight)
            total = np.average((y - np.average(y, weights=sample_weight)) ** 2, weights=sample_weight)
            return float(1.0 - residual / total)

    class TransformerMixin:
        """`fit` and `transform` in one."""

        def fit_transform(self, X, y=None, **fit_params):
            """Fits, then transforms the same data."""
            return self.fit(X, **fit_params).transform(X) if y is None else self.fit(X, y, **fit_params).transform(X)


__all__ = [
    "BaseEstimator",
    "ClassifierMixin",
    "ConvergenceWarning",
    "DataConversionWarning",
    "NotFittedError",
    "RegressorMixin",
    "TransformerMixin",
]
