"""Methods of the family dependence: Distance covariance; Tsallis mixed model.

Written by `cargo xtask gen` from the registry: do not edit.
"""

from ._base import Classifier, Measurement, Regressor, call_function

__all__ = ["DistanceCovariance", "FairClassifier", "FairRegressor", "FairnessAudit", "TsallisMixedModel", "lambda_path"]


class DistanceCovariance(Measurement):
    """Dependence of a score on protected attributes of any type and on their intersections.

    Parameters
    ----------
    measure : {"ccdcov", "jdcov", "sum", "dcor"}, default="ccdcov"
        Which dependence is measured.
    estimator : {"u", "v"}, default="u"
        Centring of the distance matrices: unbiased `u` or biased `v`.
    c : float, default=1.0
        Constant added to every factor of JdCov² (c of the paper); larger weighs pairs more against triples.
        Must be > 0.
    alpha : float, default=1.0
        Exponent of the Euclidean distance. Must be in (0, 2).
    block_size : int, default=512
        Rows a tile of the blocked O(n²) algorithm, used when the attributes take many values. Must be in [16,
        65536].
    types : dict of {"categorical", "continuous"}, default=None
        Types of protected columns where the inferred ones are not meant, such as {"age": "continuous"}.
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
    FairRegressor : Regression (counts, amounts or real numbers) with a penalty on the dependence between the
        prediction and protected attributes.
    FairClassifier : Binary classification with a penalty on the dependence between the probability and
        protected attributes.
    FairnessAudit : Audit of predictions: every measure with p-values, groups, and which intersection drives
        the dependence.
    lambda_path : The frontier between accuracy and fairness over a grid of penalty weights, by
        cross-validation, and the weight to choose.

    References
    ----------
    .. [1] Ho Ming Lee, Katrien Antonio, Benjamin Avanzi, Lorenzo Marchi, Rui Zhou, "Machine Learning with
       Multitype Protected Attributes: Intersectional Fairness through Regularisation", 2025,
       arXiv:2509.08163.

    Examples
    --------
    >>> from elinvar.dependence import DistanceCovariance
    >>> found = DistanceCovariance().statistic(**DistanceCovariance.example("statistic"))
    """

    _method = "distance-covariance"

    def __init__(
        self,
        *,
        measure="ccdcov",
        estimator="u",
        c=1.0,
        alpha=1.0,
        block_size=512,
        types=None,
        n_jobs=None,
        time_limit=None,
        mem_limit=None,
        verbose=False,
    ):
        self.measure = measure
        self.estimator = estimator
        self.c = c
        self.alpha = alpha
        self.block_size = block_size
        self.types = types
        self.n_jobs = n_jobs
        self.time_limit = time_limit
        self.mem_limit = mem_limit
        self.verbose = verbose

    def statistic(self, yhat, protected):
        """Measure the dependence of a score on protected attributes.

        Parameters
        ----------
        yhat : array-like
            The score: one prediction a row (n,).
        protected : dict, table or array-like
            Protected attributes: named columns of any type (n rows).

        Returns
        -------
        statistic : float
            The measure, in units of the score (dCor² has none).
        """
        return self._measure("statistic", {"yhat": yhat, "protected": protected}, returns=("statistic",))

    def gradient(self, yhat, protected):
        """Exact gradient of the measure with respect to the score.

        Parameters
        ----------
        yhat : array-like
            The score: one prediction a row (n,).
        protected : dict, table or array-like
            Protected attributes: named columns of any type (n rows).

        Returns
        -------
        gradient : ndarray
            Derivative of the measure with respect to each score (n,).
        """
        return self._measure("gradient", {"yhat": yhat, "protected": protected}, returns=("gradient",))

    def test(self, yhat, protected, *, n_permutations=199, random_state=None):
        """Permutation test of independence between a score and protected attributes.

        Parameters
        ----------
        yhat : array-like
            The score: one prediction a row (n,).
        protected : dict, table or array-like
            Protected attributes: named columns of any type (n rows).
        n_permutations : int, default=199
            Number of permutations; the least p-value is 1 / (n_permutations + 1). Must be >= 1.
        random_state : int, RandomState, Generator or None, default=None
            Seed of the random numbers; None draws a new one each time.

        Returns
        -------
        statistic : float
            The measure of the data.
        p_value : float
            (1 + permutations at least as large) / (permutations + 1).
        null : ndarray
            The measure of every permutation (n_permutations,).
        """
        return self._measure(
            "test",
            {"yhat": yhat, "protected": protected},
            {"n_permutations": n_permutations},
            returns=("statistic", "p_value", "null"),
            random_state=random_state,
        )


class FairRegressor(Regressor):
    """Regression (counts, amounts or real numbers) with a penalty on the dependence between the prediction
    and protected attributes.

    Parameters
    ----------
    loss : {"poisson", "gaussian", "gamma", "bernoulli"}, default="gaussian"
        Loss that is minimised.
    model : {"mlp", "linear"}, default="mlp"
        Form of the predictor: a network or a generalised linear model.
    penalty : {"ccdcov", "jdcov", "sum", "none"}, default="ccdcov"
        Fairness penalty added to the loss.
    lam : float, default=0.0
        Weight of the penalty (λ); 0 for an ordinary model. Must be >= 0.
    c : float, default=1.0
        Constant added to every factor of JdCov² (c of the paper). Must be > 0.
    hidden_layers : sequence of int, default=(64, 64)
        Widths of the hidden layers of the network. Must be >= 1.
    dropout : float, default=0.2
        Share of hidden units dropped in training. Must be in [0, 1).
    batch_size : int or {"auto"} or None, default="auto"
        Rows of a minibatch: a number >= 8, `auto` for 256 or fewer, none for the full batch. Must be >= 8.
    optimizer : {"adam", "adahessian", "lbfgs"}, default="adam"
        Optimiser of the network.
    learning_rate : float, default=0.001
        Step size of the optimiser. Must be > 0.
    max_epochs : int, default=50
        Greatest number of passes over the data. Must be >= 1.
    patience : int, default=15
        Epochs without improvement on the validation rows before training stops. Must be >= 1.
    validation_fraction : float, default=0.1
        Share of the rows held out for early stopping of the network; 0 for none. Must be in [0, 0.9].
    penalise : {"mean", "rate"}, default="mean"
        Whether the penalty sees the predicted mean or the rate.
    drop_protected : bool, default=True
        Whether protected columns are kept out of the features.
    types : dict of {"categorical", "continuous"}, default=None
        Types of protected columns where the inferred ones are not meant.
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
    DistanceCovariance : Dependence of a score on protected attributes of any type and on their intersections.
    FairClassifier : Binary classification with a penalty on the dependence between the probability and
        protected attributes.
    FairnessAudit : Audit of predictions: every measure with p-values, groups, and which intersection drives
        the dependence.
    lambda_path : The frontier between accuracy and fairness over a grid of penalty weights, by
        cross-validation, and the weight to choose.

    References
    ----------
    .. [1] Ho Ming Lee, Katrien Antonio, Benjamin Avanzi, Lorenzo Marchi, Rui Zhou, "Machine Learning with
       Multitype Protected Attributes: Intersectional Fairness through Regularisation", 2025,
       arXiv:2509.08163.

    Examples
    --------
    >>> from elinvar.dependence import FairRegressor
    >>> fitted = FairRegressor().fit(**FairRegressor.example("fit"))
    >>> found = fitted.predict(**FairRegressor.example("predict"))
    """

    _method = "distance-covariance"

    def __init__(
        self,
        *,
        loss="gaussian",
        model="mlp",
        penalty="ccdcov",
        lam=0.0,
        c=1.0,
        hidden_layers=(64, 64),
        dropout=0.2,
        batch_size="auto",
        optimizer="adam",
        learning_rate=0.001,
        max_epochs=50,
        patience=15,
        validation_fraction=0.1,
        penalise="mean",
        drop_protected=True,
        types=None,
        random_state=None,
        n_jobs=None,
        time_limit=None,
        mem_limit=None,
        verbose=False,
    ):
        self.loss = loss
        self.model = model
        self.penalty = penalty
        self.lam = lam
        self.c = c
        self.hidden_layers = hidden_layers
        self.dropout = dropout
        self.batch_size = batch_size
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.max_epochs = max_epochs
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.penalise = penalise
        self.drop_protected = drop_protected
        self.types = types
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.time_limit = time_limit
        self.mem_limit = mem_limit
        self.verbose = verbose

    def fit(self, X, y, protected=None, exposure=None, sample_weight=None):
        """Fit a model whose score depends little on protected attributes.

        Parameters
        ----------
        X : array-like
            Features (n, d); text columns of a table become one-hot.
        y : array-like
            Outcome (n,).
        protected : dict, table or array-like, default=None
            Protected attributes: named columns of any type (n rows).
        exposure : array-like, default=None
            Exposure of each row for the loss 'poisson' (n,), > 0.
        sample_weight : array-like, default=None
            Weight of each row in the loss (n,), >= 0.

        Returns
        -------
        self : FairRegressor
            The fitted object.
        """
        return self._fit(
            "fit",
            {"X": X, "y": y, "protected": protected, "exposure": exposure, "sample_weight": sample_weight},
        )

    def predict(self, X, exposure=None):
        """Predict with a fitted fair model.

        Parameters
        ----------
        X : array-like
            Features (n, d), the columns of the fit.
        exposure : array-like, default=None
            Exposure of each row for the loss 'poisson' (n,), > 0.

        Returns
        -------
        prediction : ndarray
            Predicted mean of each row (n,).
        """
        return self._apply("predict", {"X": X, "exposure": exposure}, returns=("prediction",))


class FairClassifier(Classifier):
    """Binary classification with a penalty on the dependence between the probability and protected
    attributes.

    Parameters
    ----------
    model : {"mlp", "linear"}, default="mlp"
        Form of the predictor: a network or a generalised linear model.
    penalty : {"ccdcov", "jdcov", "sum", "none"}, default="ccdcov"
        Fairness penalty added to the loss.
    lam : float, default=0.0
        Weight of the penalty (λ); 0 for an ordinary model. Must be >= 0.
    c : float, default=1.0
        Constant added to every factor of JdCov² (c of the paper). Must be > 0.
    hidden_layers : sequence of int, default=(64, 64)
        Widths of the hidden layers of the network. Must be >= 1.
    dropout : float, default=0.2
        Share of hidden units dropped in training. Must be in [0, 1).
    batch_size : int or {"auto"} or None, default="auto"
        Rows of a minibatch: a number >= 8, `auto` for 256 or fewer, none for the full batch. Must be >= 8.
    optimizer : {"adam", "adahessian", "lbfgs"}, default="adam"
        Optimiser of the network.
    learning_rate : float, default=0.001
        Step size of the optimiser. Must be > 0.
    max_epochs : int, default=50
        Greatest number of passes over the data. Must be >= 1.
    patience : int, default=15
        Epochs without improvement on the validation rows before training stops. Must be >= 1.
    validation_fraction : float, default=0.1
        Share of the rows held out for early stopping of the network; 0 for none. Must be in [0, 0.9].
    penalise : {"mean", "rate"}, default="mean"
        Whether the penalty sees the predicted mean or the rate.
    drop_protected : bool, default=True
        Whether protected columns are kept out of the features.
    types : dict of {"categorical", "continuous"}, default=None
        Types of protected columns where the inferred ones are not meant.
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
    DistanceCovariance : Dependence of a score on protected attributes of any type and on their intersections.
    FairRegressor : Regression (counts, amounts or real numbers) with a penalty on the dependence between the
        prediction and protected attributes.
    FairnessAudit : Audit of predictions: every measure with p-values, groups, and which intersection drives
        the dependence.
    lambda_path : The frontier between accuracy and fairness over a grid of penalty weights, by
        cross-validation, and the weight to choose.

    References
    ----------
    .. [1] Ho Ming Lee, Katrien Antonio, Benjamin Avanzi, Lorenzo Marchi, Rui Zhou, "Machine Learning with
       Multitype Protected Attributes: Intersectional Fairness through Regularisation", 2025,
       arXiv:2509.08163.

    Examples
    --------
    >>> from elinvar.dependence import FairClassifier
    >>> fitted = FairClassifier().fit(**FairClassifier.example("fit"))
    >>> found = fitted.predict(**FairClassifier.example("predict"))
    """

    _method = "distance-covariance"
    _fixed = {"loss": "bernoulli"}

    def __init__(
        self,
        *,
        model="mlp",
        penalty="ccdcov",
        lam=0.0,
        c=1.0,
        hidden_layers=(64, 64),
        dropout=0.2,
        batch_size="auto",
        optimizer="adam",
        learning_rate=0.001,
        max_epochs=50,
        patience=15,
        validation_fraction=0.1,
        penalise="mean",
        drop_protected=True,
        types=None,
        random_state=None,
        n_jobs=None,
        time_limit=None,
        mem_limit=None,
        verbose=False,
    ):
        self.model = model
        self.penalty = penalty
        self.lam = lam
        self.c = c
        self.hidden_layers = hidden_layers
        self.dropout = dropout
        self.batch_size = batch_size
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.max_epochs = max_epochs
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.penalise = penalise
        self.drop_protected = drop_protected
        self.types = types
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.time_limit = time_limit
        self.mem_limit = mem_limit
        self.verbose = verbose

    def fit(self, X, y, protected=None, exposure=None, sample_weight=None):
        """Fit a model whose score depends little on protected attributes.

        Parameters
        ----------
        X : array-like
            Features (n, d); text columns of a table become one-hot.
        y : array-like
            Outcome (n,).
        protected : dict, table or array-like, default=None
            Protected attributes: named columns of any type (n rows).
        exposure : array-like, default=None
            Exposure of each row for the loss 'poisson' (n,), > 0.
        sample_weight : array-like, default=None
            Weight of each row in the loss (n,), >= 0.

        Returns
        -------
        self : FairClassifier
            The fitted object.
        """
        return self._fit(
            "fit",
            {"X": X, "y": y, "protected": protected, "exposure": exposure, "sample_weight": sample_weight},
        )

    def predict(self, X, exposure=None):
        """The more probable class of each row.

        Parameters
        ----------
        X : array-like
            Features (n, d), the columns of the fit.
        exposure : array-like, default=None
            Exposure of each row for the loss 'poisson' (n,), > 0.

        Returns
        -------
        labels : ndarray of shape (n,)
            Labels out of `classes_`.
        """
        return self._labels("predict", {"X": X, "exposure": exposure}, returns=("prediction",))

    def predict_proba(self, X, exposure=None):
        """The probabilities of both classes.

        Parameters
        ----------
        X : array-like
            Features (n, d), the columns of the fit.
        exposure : array-like, default=None
            Exposure of each row for the loss 'poisson' (n,), > 0.

        Returns
        -------
        probabilities : ndarray of shape (n, 2)
            One column a class, in the order of `classes_`.
        """
        return self._probabilities("predict", {"X": X, "exposure": exposure}, returns=("prediction",))


class FairnessAudit(Measurement):
    """Audit of predictions: every measure with p-values, groups, and which intersection drives the
    dependence.

    Parameters
    ----------
    groups : sequence of str, default=None
        Attributes whose joint levels form the groups of jsd, uf and the subgroup table; none for all of them.
    n_bins : int, default=5
        Bins of equal frequency for continuous attributes when groups are formed. Must be in [2, 100].
    n_permutations : int, default=199
        Number of permutations of the tests; 0 for none.
    c : float, default=1.0
        Constant added to every factor of JdCov² (c of the paper). Must be > 0.
    bandwidth : {"fixed", "silverman"}, default="fixed"
        Smoothing of the group densities of the Jensen-Shannon divergence.
    types : dict of {"categorical", "continuous"}, default=None
        Types of protected columns where the inferred ones are not meant.
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
    DistanceCovariance : Dependence of a score on protected attributes of any type and on their intersections.
    FairRegressor : Regression (counts, amounts or real numbers) with a penalty on the dependence between the
        prediction and protected attributes.
    FairClassifier : Binary classification with a penalty on the dependence between the probability and
        protected attributes.
    lambda_path : The frontier between accuracy and fairness over a grid of penalty weights, by
        cross-validation, and the weight to choose.

    References
    ----------
    .. [1] Ho Ming Lee, Katrien Antonio, Benjamin Avanzi, Lorenzo Marchi, Rui Zhou, "Machine Learning with
       Multitype Protected Attributes: Intersectional Fairness through Regularisation", 2025,
       arXiv:2509.08163.

    Examples
    --------
    >>> from elinvar.dependence import FairnessAudit
    >>> found = FairnessAudit().report(**FairnessAudit.example("report"))
    """

    _method = "distance-covariance"

    def __init__(
        self,
        *,
        groups=None,
        n_bins=5,
        n_permutations=199,
        c=1.0,
        bandwidth="fixed",
        types=None,
        n_jobs=None,
        time_limit=None,
        mem_limit=None,
        verbose=False,
    ):
        self.groups = groups
        self.n_bins = n_bins
        self.n_permutations = n_permutations
        self.c = c
        self.bandwidth = bandwidth
        self.types = types
        self.n_jobs = n_jobs
        self.time_limit = time_limit
        self.mem_limit = mem_limit
        self.verbose = verbose

    def report(self, yhat, protected, y=None, *, random_state=None):
        """Audit predictions: every measure with p-values, groups, and which intersection drives them.

        Parameters
        ----------
        yhat : array-like
            The score: one prediction a row (n,).
        protected : dict, table or array-like
            Protected attributes: named columns of any type (n rows).
        y : array-like, default=None
            Observed outcome, for the subgroup table (n,).
        random_state : int, RandomState, Generator or None, default=None
            Seed of the random numbers; None draws a new one each time.

        Returns
        -------
        findings : Findings
            With the attributes

            - `summary`: Measure, value, p_value: ccdcov, jdcov, sum, eta = ccdcov - sum, floor of jdcov.
            - `marginal`: Each attribute alone: dcov, dcor, p_value, jsd (bits), uf.
            - `pairs`: Each pair of attributes together: ccdcov, jsd (bits), uf.
            - `attribution`: Pair and triple terms with p-values, alone and family-wise (max-T).
            - `subgroups`: Every joint group: rows, share, mean_score, mean_outcome.
            - `jsd`: Jensen-Shannon divergence between the joint groups (bits).
            - `uf`: Variance of the group means over the variance of the score.
        """
        return self._measure(
            "audit",
            {"yhat": yhat, "protected": protected, "y": y},
            random_state=random_state,
        )


def lambda_path(
    X,
    y,
    protected=None,
    exposure=None,
    sample_weight=None,
    *,
    loss="gaussian",
    model="mlp",
    penalty="ccdcov",
    lam=0.0,
    c=1.0,
    hidden_layers=(64, 64),
    dropout=0.2,
    batch_size="auto",
    optimizer="adam",
    learning_rate=0.001,
    max_epochs=50,
    patience=15,
    validation_fraction=0.1,
    penalise="mean",
    drop_protected=True,
    types=None,
    lambdas=(0.0, 5.0, 10.0, 20.0, 40.0, 80.0),
    cv=5,
    n_seeds=1,
    target_jsd=None,
    random_state=None,
    n_jobs=None,
    time_limit=None,
    mem_limit=None,
    verbose=False,
):
    """The frontier between accuracy and fairness over a grid of penalty weights, by cross-validation, and the
    weight to choose.

    Parameters
    ----------
    X : array-like
        Features (n, d); text columns of a table become one-hot.
    y : array-like
        Outcome (n,).
    protected : dict, table or array-like, default=None
        Protected attributes: named columns of any type (n rows).
    exposure : array-like, default=None
        Exposure of each row for the loss 'poisson' (n,), > 0.
    sample_weight : array-like, default=None
        Weight of each row in the loss (n,), >= 0.
    loss : {"poisson", "gaussian", "gamma", "bernoulli"}, default="gaussian"
        Loss that is minimised.
    model : {"mlp", "linear"}, default="mlp"
        Form of the predictor: a network or a generalised linear model.
    penalty : {"ccdcov", "jdcov", "sum", "none"}, default="ccdcov"
        Fairness penalty added to the loss.
    lam : float, default=0.0
        Weight of the penalty (λ); 0 for an ordinary model. Must be >= 0.
    c : float, default=1.0
        Constant added to every factor of JdCov² (c of the paper). Must be > 0.
    hidden_layers : sequence of int, default=(64, 64)
        Widths of the hidden layers of the network. Must be >= 1.
    dropout : float, default=0.2
        Share of hidden units dropped in training. Must be in [0, 1).
    batch_size : int or {"auto"} or None, default="auto"
        Rows of a minibatch: a number >= 8, `auto` for 256 or fewer, none for the full batch. Must be >= 8.
    optimizer : {"adam", "adahessian", "lbfgs"}, default="adam"
        Optimiser of the network.
    learning_rate : float, default=0.001
        Step size of the optimiser. Must be > 0.
    max_epochs : int, default=50
        Greatest number of passes over the data. Must be >= 1.
    patience : int, default=15
        Epochs without improvement on the validation rows before training stops. Must be >= 1.
    validation_fraction : float, default=0.1
        Share of the rows held out for early stopping of the network; 0 for none. Must be in [0, 0.9].
    penalise : {"mean", "rate"}, default="mean"
        Whether the penalty sees the predicted mean or the rate.
    drop_protected : bool, default=True
        Whether protected columns are kept out of the features.
    types : dict of {"categorical", "continuous"}, default=None
        Types of protected columns where the inferred ones are not meant.
    lambdas : sequence of float, default=(0.0, 5.0, 10.0, 20.0, 40.0, 80.0)
        Penalty weights to try, in rising order. Must be >= 0.
    cv : int, default=5
        Folds of the cross-validation. Must be >= 2.
    n_seeds : int, default=1
        Repetitions with other seeds. Must be >= 1.
    target_jsd : float, default=None
        Greatest Jensen-Shannon divergence to accept (bits); none for the knee of the path. Must be >= 0.
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

    Returns
    -------
    findings : Findings
        With the attributes

        - `path`: One row a weight: lam, and mean and sd of loss, rps, jsd, uf, ccdcov, jdcov.
        - `knee`: Weight farthest from the chord of (jsd, rps).
        - `selected`: Least weight that reaches target_jsd, or the knee.

    See Also
    --------
    DistanceCovariance : Dependence of a score on protected attributes of any type and on their intersections.
    FairRegressor : Regression (counts, amounts or real numbers) with a penalty on the dependence between the
        prediction and protected attributes.
    FairClassifier : Binary classification with a penalty on the dependence between the probability and
        protected attributes.
    FairnessAudit : Audit of predictions: every measure with p-values, groups, and which intersection drives
        the dependence.

    References
    ----------
    .. [1] Ho Ming Lee, Katrien Antonio, Benjamin Avanzi, Lorenzo Marchi, Rui Zhou, "Machine Learning with
       Multitype Protected Attributes: Intersectional Fairness through Regularisation", 2025,
       arXiv:2509.08163.
    """
    return call_function(
        "distance-covariance",
        "path",
        {"X": X, "y": y, "protected": protected, "exposure": exposure, "sample_weight": sample_weight},
        {
            "loss": loss,
            "model": model,
            "penalty": penalty,
            "lam": lam,
            "c": c,
            "hidden_layers": hidden_layers,
            "dropout": dropout,
            "batch_size": batch_size,
            "optimizer": optimizer,
            "learning_rate": learning_rate,
            "max_epochs": max_epochs,
            "patience": patience,
            "validation_fraction": validation_fraction,
            "penalise": penalise,
            "drop_protected": drop_protected,
            "types": types,
            "lambdas": lambdas,
            "cv": cv,
            "n_seeds": n_seeds,
            "target_jsd": target_jsd,
        },
        random_state=random_state,
        n_jobs=n_jobs,
        time_limit=time_limit,
        mem_limit=mem_limit,
        verbose=verbose,
    )


class TsallisMixedModel(Regressor):
    """Linear mixed model with power-law tails: outlying groups lose weight, fixed effects can be selected.

    Parameters
    ----------
    formula : str, default=None
        Model formula over the columns of X, such as `distance ~ age*Sex + (1 + age | Subject)`; it then names
        target, group and random effects.
    nu : float or {"estimate", "inf"}, default="estimate"
        Degrees of freedom: a number, `estimate`, or `inf` for the Gaussian model. Must be > 0.
    q : float, default=None
        Entropic index in place of nu, for a group of `dim` rows: nu = 2 / (q - 1) - dim. Must be > 1.
    dim : int, default=None
        Number of rows of the group that `q` speaks of. Must be >= 1.
    random_effects : {"intercept", "slope"} or sequence of str, default="intercept"
        Random effects of a group: `intercept`, `slope` (of every column of Z, or of X where there is no Z) or
        columns of X; there is always a random intercept, and columns given as Z always have a slope.
    covariance : {"full", "diagonal"}, default="full"
        Whether the random effects are correlated (`full`) or not (`diagonal`).
    residual : {"iid", "ar1"}, default="iid"
        Errors within a group: independent (`iid`), or autoregressive in the order of the rows (`ar1`).
    reml : bool, default=False
        Restricted likelihood; only with nu = inf and no penalty.
    penalty : {"none", "lasso", "mcp", "scad"}, default="none"
        Penalty on the fixed effects (`none` in a path stands for `mcp`).
    gamma : float, default=3.0
        Bend of MCP. Must be > 1.
    a : float, default=3.7
        Bend of SCAD. Must be > 2.
    unpenalized : sequence of str, default=()
        Columns that are not penalised; the intercept never is.
    solver : {"ecme", "pncg"}, default="ecme"
        Algorithm.
    max_iter : int, default=500
        Greatest number of steps. Must be >= 1.
    tol : float, default=1e-9
        Relative gain of the likelihood at which the steps end. Must be > 0.
    fit_intercept : bool, default=True
        Whether there is a fixed intercept.
    lam : float, default=0.0
        Level of the penalty (λ). Must be >= 0.
    standard_errors : {"observed", "expected", "sandwich"}, default="observed"
        What the standard errors rest on; there are none with a penalty.
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
        Fixed effects (p,), without the intercept.
    intercept_
        Fixed intercept.
    bse_
        Standard errors of `coef_` (p,); absent with a penalty.
    intercept_bse_
        Standard error of the intercept; absent with a penalty.
    cov_re_
        Scatter of the random effects (q, q).
    scale_
        Scatter of the errors.
    nu_
        Degrees of freedom.
    rho_
        Correlation of successive errors of a group.
    q_by_size_
        Entropic index by number of rows of a group.
    random_effects_
        Predicted random effects (m, q), groups in the order of their first rows.
    group_labels_
        Labels of the groups, in that order.
    group_weights_
        Weights of the groups (m,); small for outlying ones, 1 on average.
    outlier_pvalue_
        Tail probability of each group against the Gaussian core (m,).
    outlier_pvalue_adjusted_
        The same after Benjamini and Hochberg's correction.
    outlier_pvalue_model_
        Tail probability of each group under the fitted model (m,).
    outliers_
        Labels of the groups flagged at a false discovery rate of 5 %.
    loglik_
        Log likelihood.
    tail_statistic_
        Likelihood ratio of the Gaussian against the estimated degrees of freedom.
    tail_pvalue_
        Its p-value.
    coef_names_
        Names of `coef_`.
    random_names_
        Names of the random effects.
    n_iter_
        Steps of the solver.
    n_passes_
        Passes over the groups.
    converged_
        Whether the steps met their criterion.
    is_gaussian_
        Whether nu is infinite or at its upper bound.
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

    References
    ----------
    .. [1] Kai Yang, "Contributions to Robust and Efficient Methods for Analysis of High Dimensional Data
       (manuscript 3)", 2025, PhD thesis, McGill University.

    Examples
    --------
    >>> from elinvar.dependence import TsallisMixedModel
    >>> fitted = TsallisMixedModel().fit(**TsallisMixedModel.example("fit"))
    >>> found = fitted.predict(**TsallisMixedModel.example("predict"))
    """

    _method = "tsallis-mixed"

    def __init__(
        self,
        *,
        formula=None,
        nu="estimate",
        q=None,
        dim=None,
        random_effects="intercept",
        covariance="full",
        residual="iid",
        reml=False,
        penalty="none",
        gamma=3.0,
        a=3.7,
        unpenalized=(),
        solver="ecme",
        max_iter=500,
        tol=1e-9,
        fit_intercept=True,
        lam=0.0,
        standard_errors="observed",
        random_state=None,
        n_jobs=None,
        time_limit=None,
        mem_limit=None,
        verbose=False,
    ):
        self.formula = formula
        self.nu = nu
        self.q = q
        self.dim = dim
        self.random_effects = random_effects
        self.covariance = covariance
        self.residual = residual
        self.reml = reml
        self.penalty = penalty
        self.gamma = gamma
        self.a = a
        self.unpenalized = unpenalized
        self.solver = solver
        self.max_iter = max_iter
        self.tol = tol
        self.fit_intercept = fit_intercept
        self.lam = lam
        self.standard_errors = standard_errors
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.time_limit = time_limit
        self.mem_limit = mem_limit
        self.verbose = verbose

    def fit(self, X, y=None, groups=None, Z=None):
        """Fit a mixed model whose outlying groups lose weight.

        Parameters
        ----------
        X : array-like
            Fixed effects (n, d); text columns of a table are coded against their first level.
        y : array-like, default=None
            Outcome (n,); a formula can name it instead.
        groups : dict, table or array-like, default=None
            Group of each row: one column of any type (n rows); without it every row is a group.
        Z : array-like, default=None
            Columns with a random slope in each group (n, k).

        Returns
        -------
        self : TsallisMixedModel
            The fitted object.
        """
        return self._fit("fit", {"X": X, "y": y, "groups": groups, "Z": Z})

    def predict(self, X, groups=None, Z=None):
        """Predict rows: with the random effects of groups that the fit saw, without for others.

        Parameters
        ----------
        X : array-like
            Fixed effects (n, d); text columns of a table are coded against their first level.
        groups : dict, table or array-like, default=None
            Group of each row: one column of any type (n rows); without it every row is a group.
        Z : array-like, default=None
            Columns with a random slope in each group (n, k).

        Returns
        -------
        prediction : ndarray
            Predicted outcome of each row (n,).
        """
        return self._apply("predict", {"X": X, "groups": groups, "Z": Z}, returns=("prediction",))

    def path(
        self,
        X,
        y=None,
        groups=None,
        Z=None,
        *,
        lambdas=None,
        n_lambdas=20,
        lambda_ratio=0.05,
        select="ebic",
        cv=5,
        random_state=None,
    ):
        """Select fixed effects: models along a path of penalty levels, and the level to choose.

        Parameters
        ----------
        X : array-like
            Fixed effects (n, d); text columns of a table are coded against their first level.
        y : array-like, default=None
            Outcome (n,); a formula can name it instead.
        groups : dict, table or array-like, default=None
            Group of each row: one column of any type (n rows); without it every row is a group.
        Z : array-like, default=None
            Columns with a random slope in each group (n, k).
        lambdas : sequence of float, default=None
            Levels to fit, from the greatest down; none for `n_lambdas` of them below the one that leaves
            nothing. Must be >= 0.
        n_lambdas : int, default=20
            Number of levels where none are given. Must be >= 2.
        lambda_ratio : float, default=0.05
            Least level as a share of the greatest, where none are given. Must be in (0, 1).
        select : {"ebic", "cv"}, default="ebic"
            What chooses the level: the criterion EBIC, or cross-validation over whole groups.
        cv : int, default=5
            Folds of the cross-validation. Must be >= 2.
        random_state : int, RandomState, Generator or None, default=None
            Seed of the random numbers; None draws a new one each time.

        Returns
        -------
        findings : Findings
            With the attributes

            - `path`: One row a level: lam, selected, loglik, nu, scale, ebic, mae (with cross-validation),
              iterations.
            - `names`: Names of the fixed effects.
            - `coefficients`: Fixed effects at every level (levels, p).
            - `selected`: The level that was chosen.
            - `effects`: Name and estimate of the effects that are not zero there.
        """
        return self._measure(
            "path",
            {"X": X, "y": y, "groups": groups, "Z": Z},
            {
                "lambdas": lambdas,
                "n_lambdas": n_lambdas,
                "lambda_ratio": lambda_ratio,
                "select": select,
                "cv": cv,
            },
            random_state=random_state,
        )

    def summary(self):
        """Tables of the effects, the groups that stand out and the fit.

        Returns
        -------
        findings : Findings
            With the attributes

            - `coefficients`: Fixed effects: name, estimate, std_error, z, p_value, low and high (95 %).
            - `random`: Scatter of the random effects: name, sd, scatter with each.
            - `groups`: Every group: rows, q, weight, p_core, p_adjusted (Benjamini-Hochberg), p_model,
              outlier.
            - `fit`: Figures of the fit: log likelihood, AIC, BIC, scale, nu, test of the Gaussian.
        """
        return self._apply("summary", {})
