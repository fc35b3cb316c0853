"""Classes of the made-up method of the feature `testing`, as `cargo xtask gen` would write them."""

from elinvar._base import Classifier, Measurement, Regressor, Transformer, call_function

__all__ = ["ToyClassifier", "ToyMean", "ToyRegressor", "ToyScaler", "toy_wait"]


class ToyRegressor(Regressor):
    """Ridge regression by gradient descent.

    Parameters
    ----------
    penalty : float, default=0.001
        Weight of the penalty. Must be >= 0.
    max_iter : int, default=20000
        Steps at most. Must be >= 1.
    hidden : sequence of int, default=(2, 2)
        Sizes that do nothing. Must be >= 0.
    link : {"identity", "sigmoid"}, default="identity"
        Link.
    random_state : int, RandomState, Generator or None, default=None
        Seed of the random numbers; None draws a new one each time.
    n_jobs : int, default=None
        Threads; None and -1 use all cores. Results do not depend on it.
    time_limit : float, default=None
        Seconds after which the call stops.
    mem_limit : int, default=None
        Bytes that the call may reserve.
    verbose : bool or callable, default=False
        Whether to report progress on stderr; a callable gets `(step, of, figures)`.

    Attributes
    ----------
    coef_
        Coefficients.
    n_features_in_ : int
        Number of features seen in `fit`.
    feature_names_in_ : ndarray of str
        Names of the features, where `fit` saw a table.
    history_ : Table
        Figures of every recorded step.
    status_ : {"converged", "iteration_limit", "time_limit"}
        How the fit ended.
    seed_ : int
        The seed of the fit, also where `random_state` is None.

    See Also
    --------
    ToyClassifier : Classifies by the sigmoid of a ridge regression.
    ToyScaler : Subtracts the mean.
    ToyMean : A mean.
    toy_wait : Waits.

    References
    ----------
    .. [1] Nobody, "None", 2026, none.

    Examples
    --------
    >>> from toys import ToyRegressor
    >>> fitted = ToyRegressor().fit(**ToyRegressor.example("fit"))
    >>> found = fitted.predict(**ToyRegressor.example("predict"))
    """

    _method = "toy"
    _inputs = {"X": "features", "y": "target"}

    def __init__(
        self,
        *,
        penalty=0.001,
        max_iter=20000,
        hidden=(2, 2),
        link="identity",
        random_state=None,
        n_jobs=None,
        time_limit=None,
        mem_limit=None,
        verbose=False,
    ):
        self.penalty = penalty
        self.max_iter = max_iter
        self.hidden = hidden
        self.link = link
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.time_limit = time_limit
        self.mem_limit = mem_limit
        self.verbose = verbose

    def fit(self, X, y=None, sample_weight=None, protected=None):
        """Fit a line.

        Parameters
        ----------
        X : array-like
            Features (n, d).
        y : array-like, default=None
            Target (n,).
        sample_weight : array-like, default=None
            Weights (n,).
        protected : dict, table or array-like, default=None
            Columns (n rows).

        Returns
        -------
        self : ToyRegressor
            The fitted object.
        """
        return self._fit("fit", {"X": X, "y": y, "sample_weight": sample_weight, "protected": protected})

    def predict(self, X):
        """Predict.

        Parameters
        ----------
        X : array-like
            Features (n, d).

        Returns
        -------
        prediction : ndarray
            Prediction (n,).
        """
        return self._apply("predict", {"X": X}, returns=("prediction",))


class ToyClassifier(Classifier):
    """Classifies by the sigmoid of a ridge regression.

    Parameters
    ----------
    penalty : float, default=0.001
        Weight of the penalty. Must be >= 0.
    max_iter : int, default=20000
        Steps at most. Must be >= 1.
    hidden : sequence of int, default=(2, 2)
        Sizes that do nothing. Must be >= 0.
    random_state : int, RandomState, Generator or None, default=None
        Seed of the random numbers; None draws a new one each time.
    n_jobs : int, default=None
        Threads; None and -1 use all cores. Results do not depend on it.
    time_limit : float, default=None
        Seconds after which the call stops.
    mem_limit : int, default=None
        Bytes that the call may reserve.
    verbose : bool or callable, default=False
        Whether to report progress on stderr; a callable gets `(step, of, figures)`.

    Attributes
    ----------
    n_features_in_ : int
        Number of features seen in `fit`.
    feature_names_in_ : ndarray of str
        Names of the features, where `fit` saw a table.
    classes_ : ndarray of shape (2,)
        The two labels.
    history_ : Table
        Figures of every recorded step.
    status_ : {"converged", "iteration_limit", "time_limit"}
        How the fit ended.
    seed_ : int
        The seed of the fit, also where `random_state` is None.

    See Also
    --------
    ToyRegressor : Ridge regression by gradient descent.
    ToyScaler : Subtracts the mean.
    ToyMean : A mean.
    toy_wait : Waits.

    References
    ----------
    .. [1] Nobody, "None", 2026, none.

    Examples
    --------
    >>> from toys import ToyClassifier
    >>> fitted = ToyClassifier().fit(**ToyClassifier.example("fit"))
    >>> found = fitted.predict(**ToyClassifier.example("predict"))
    """

    _method = "toy"
    _fixed = {"link": "sigmoid"}
    _inputs = {"X": "features", "y": "target"}

    def __init__(
        self,
        *,
        penalty=0.001,
        max_iter=20000,
        hidden=(2, 2),
        random_state=None,
        n_jobs=None,
        time_limit=None,
        mem_limit=None,
        verbose=False,
    ):
        self.penalty = penalty
        self.max_iter = max_iter
        self.hidden = hidden
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.time_limit = time_limit
        self.mem_limit = mem_limit
        self.verbose = verbose

    def fit(self, X, y=None, sample_weight=None, protected=None):
        """Fit a line.

        Parameters
        ----------
        X : array-like
            Features (n, d).
        y : array-like, default=None
            Target (n,).
        sample_weight : array-like, default=None
            Weights (n,).
        protected : dict, table or array-like, default=None
            Columns (n rows).

        Returns
        -------
        self : ToyClassifier
            The fitted object.
        """
        return self._fit("fit", {"X": X, "y": y, "sample_weight": sample_weight, "protected": protected})

    def predict(self, X):
        """The more probable class of each row.

        Parameters
        ----------
        X : array-like
            Features (n, d).

        Returns
        -------
        labels : ndarray of shape (n,)
            Labels out of `classes_`.
        """
        return self._labels("predict", {"X": X}, returns=("prediction",))

    def predict_proba(self, X):
        """The probabilities of both classes.

        Parameters
        ----------
        X : array-like
            Features (n, d).

        Returns
        -------
        probabilities : ndarray of shape (n, 2)
            One column a class, in the order of `classes_`.
        """
        return self._probabilities("predict", {"X": X}, returns=("prediction",))


class ToyScaler(Transformer):
    """Subtracts the mean.

    Parameters
    ----------
    penalty : float, default=0.001
        Weight of the penalty. Must be >= 0.
    max_iter : int, default=20000
        Steps at most. Must be >= 1.
    hidden : sequence of int, default=(2, 2)
        Sizes that do nothing. Must be >= 0.
    link : {"identity", "sigmoid"}, default="identity"
        Link.
    random_state : int, RandomState, Generator or None, default=None
        Seed of the random numbers; None draws a new one each time.
    n_jobs : int, default=None
        Threads; None and -1 use all cores. Results do not depend on it.
    time_limit : float, default=None
        Seconds after which the call stops.
    mem_limit : int, default=None
        Bytes that the call may reserve.
    verbose : bool or callable, default=False
        Whether to report progress on stderr; a callable gets `(step, of, figures)`.

    Attributes
    ----------
    n_features_in_ : int
        Number of features seen in `fit`.
    feature_names_in_ : ndarray of str
        Names of the features, where `fit` saw a table.
    history_ : Table
        Figures of every recorded step.
    status_ : {"converged", "iteration_limit", "time_limit"}
        How the fit ended.
    seed_ : int
        The seed of the fit, also where `random_state` is None.

    See Also
    --------
    ToyRegressor : Ridge regression by gradient descent.
    ToyClassifier : Classifies by the sigmoid of a ridge regression.
    ToyMean : A mean.
    toy_wait : Waits.

    References
    ----------
    .. [1] Nobody, "None", 2026, none.

    Examples
    --------
    >>> from toys import ToyScaler
    >>> fitted = ToyScaler().fit(**ToyScaler.example("fit"))
    >>> found = fitted.transform(**ToyScaler.example("transform"))
    """

    _method = "toy"
    _inputs = {"X": "features", "y": "target"}

    def __init__(
        self,
        *,
        penalty=0.001,
        max_iter=20000,
        hidden=(2, 2),
        link="identity",
        random_state=None,
        n_jobs=None,
        time_limit=None,
        mem_limit=None,
        verbose=False,
    ):
        self.penalty = penalty
        self.max_iter = max_iter
        self.hidden = hidden
        self.link = link
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.time_limit = time_limit
        self.mem_limit = mem_limit
        self.verbose = verbose

    def fit(self, X, y=None, sample_weight=None, protected=None):
        """Fit a line.

        Parameters
        ----------
        X : array-like
            Features (n, d).
        y : array-like, default=None
            Target (n,).
        sample_weight : array-like, default=None
            Weights (n,).
        protected : dict, table or array-like, default=None
            Columns (n rows).

        Returns
        -------
        self : ToyScaler
            The fitted object.
        """
        return self._fit("fit", {"X": X, "y": y, "sample_weight": sample_weight, "protected": protected})

    def transform(self, X):
        """Subtract the mean.

        Parameters
        ----------
        X : array-like
            Features (n, d).

        Returns
        -------
        centered : ndarray
            Features minus their mean (n, d).
        """
        return self._apply("center", {"X": X}, returns=("centered",))


class ToyMean(Measurement):
    """A mean.

    Parameters
    ----------
    factor : float, default=1.0
        Factor. Must be > 0.
    n_jobs : int, default=None
        Threads; None and -1 use all cores. Results do not depend on it.
    time_limit : float, default=None
        Seconds after which the call stops.
    mem_limit : int, default=None
        Bytes that the call may reserve.
    verbose : bool or callable, default=False
        Whether to report progress on stderr; a callable gets `(step, of, figures)`.

    See Also
    --------
    ToyRegressor : Ridge regression by gradient descent.
    ToyClassifier : Classifies by the sigmoid of a ridge regression.
    ToyScaler : Subtracts the mean.
    toy_wait : Waits.

    References
    ----------
    .. [1] Nobody, "None", 2026, none.

    Examples
    --------
    >>> from toys import ToyMean
    >>> found = ToyMean().measure(**ToyMean.example("measure"))
    """

    _method = "toy"

    def __init__(self, *, factor=1.0, n_jobs=None, time_limit=None, mem_limit=None, verbose=False):
        self.factor = factor
        self.n_jobs = n_jobs
        self.time_limit = time_limit
        self.mem_limit = mem_limit
        self.verbose = verbose

    def measure(self, values, table=None, function=None, *, random_state=None):
        """A mean.

        Parameters
        ----------
        values : array-like
            Values (n,).
        table : dict, table or array-like, default=None
            A table that is returned.
        function : callable, default=None
            Applied to the values first.
        random_state : int, RandomState, Generator or None, default=None
            Seed of the random numbers; None draws a new one each time.

        Returns
        -------
        findings : Findings
            With the attributes

            - `mean`: The mean.
            - `is_view`: Whether the values were lent.
            - `table`: The table.
            - `draw`: A random number.
        """
        return self._measure(
            "mean",
            {"values": values, "table": table, "function": function},
            random_state=random_state,
        )


def toy_wait(*, what="", n_jobs=None, time_limit=None, mem_limit=None, verbose=False):
    """Waits.

    Parameters
    ----------
    what : str, default=""
        What happens: `wait`, `panic`, `numeric`, `memory`.
    n_jobs : int, default=None
        Threads; None and -1 use all cores. Results do not depend on it.
    time_limit : float, default=None
        Seconds after which the call stops.
    mem_limit : int, default=None
        Bytes that the call may reserve.
    verbose : bool or callable, default=False
        Whether to report progress on stderr; a callable gets `(step, of, figures)`.

    Returns
    -------
    findings : Findings
        With the attributes

    See Also
    --------
    ToyRegressor : Ridge regression by gradient descent.
    ToyClassifier : Classifies by the sigmoid of a ridge regression.
    ToyScaler : Subtracts the mean.
    ToyMean : A mean.

    References
    ----------
    .. [1] Nobody, "None", 2026, none.
    """
    return call_function(
        "toy",
        "wait",
        {},
        {"what": what},
        n_jobs=n_jobs,
        time_limit=time_limit,
        mem_limit=mem_limit,
        verbose=verbose,
    )
