"""Methods of the family dependence: Distance covariance; Mutual-information screening; Sparse regression with
nonconvex penalties; Tsallis mixed model; Augmented covariance.

Written by `cargo xtask gen` from the registry: do not edit.
"""

from ._base import Classifier, CvPlot, Estimator, Measurement, PathPlot, Regressor, Selector, SignalClassifier, SignalTransformer, call_function

__all__ = ["ACMClassifier", "AugmentedCovariance", "DistanceCovariance", "FairClassifier", "FairRegressor", "FairnessAudit", "MutualInfoScreener", "NonconvexCV", "NonconvexClassifier", "NonconvexClassifierCV", "NonconvexPath", "NonconvexRegressor", "TsallisMixedModel", "bandpass", "birge_rozenholc_bins", "choose_bandwidth", "combine_rankings", "combine_tests", "evaluate_cross_session", "evaluate_within_session", "lambda_path", "mutual_information", "select_embedding", "spd_distance", "spd_exp", "spd_geometric_mean", "spd_log", "spd_sqrtm", "tangent_space"]


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


class MutualInfoScreener(Selector):
    """Selection of the variables that share the most information with an outcome.

    Parameters
    ----------
    estimator : {"fftkde", "binning", "knn", "pearson"}, default="fftkde"
        How mutual information is estimated.
    n_features_to_select : int or float, default=None
        Number (or share, as a number with a point) of variables to keep; none for ceil(n / log n), or for all
        that pass `threshold`. Must be >= 0.
    threshold : float, default=None
        Least score to be kept, in nats; may be combined with a number. Must be >= 0.
    kernel : {"epa", "gaussian", "tri", "box", "biweight", "triweight", "tricube", "cosine", "exponential"}, default="epa"
        Kernel of the estimator `fftkde`.
    bandwidth : float or {"silverman", "scott", "isj"}, default=1.0
        Bandwidth of the estimator `fftkde` as the kernel's standard deviation: in interquartile ranges, or by
        a rule for each variable. Must be > 0.
    grid_size : int, default=128
        Grid points along each axis of the estimator `fftkde`; the paper has 300. Must be in [16, 1024].
    n_neighbors : int, default=3
        Neighbours of the estimator `knn`. Must be >= 1.
    bias_correction : bool, default=False
        Whether the estimator `binning` subtracts the Miller-Madow bias.
    outcome : {"auto", "continuous", "binary"}, default="auto"
        What the outcome is.
    clump_threshold : float, default=None
        A variable is dropped when its information with a better one that was kept exceeds this, in nats; none
        for no clumping. Must be >= 0.
    n_permutations : int, default=0
        Permutations of the outcome for p-values and q-values; each costs as much as the screening itself. 0
        for none.
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
    scores_
        Mutual information of each variable with the outcome in nats (p,); NaN without values.
    linfoot_
        The same as Linfoot's coefficient in [0, 1] (p,).
    ranking_
        Rank of each variable, 1 for the best (p,).
    support_
        Whether each variable is kept (p,).
    n_used_rows_
        Complete rows of each variable (p,).
    n_bins_
        Bins of a continuous outcome, with the estimator `binning`.
    p_values_
        Permutation p-values against the pooled null of all variables, with `n_permutations` > 0.
    p_values_family_
        Family-wise p-values (max-T).
    q_values_
        q-values of Benjamini and Hochberg.
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
    mutual_information : Mutual information of two variables, in nats.
    birge_rozenholc_bins : Number of equal-width bins of a variable by the rule of Birgé and Rozenholc.
    choose_bandwidth : The kernel bandwidth whose ranking of the variables is the most stable between halves
        of the rows.
    combine_rankings : Ranks of several estimators added up (Borda count).

    References
    ----------
    .. [1] Kai Yang, Masoud Asgharian, Nikhil Bhagwat, Jean-Baptiste Poline, Celia M. T. Greenwood, "fastHDMI:
       Fast Mutual Information Estimation for High-Dimensional Data", 2024, arXiv:2410.10082.

    Examples
    --------
    >>> from elinvar.dependence import MutualInfoScreener
    >>> fitted = MutualInfoScreener().fit(**MutualInfoScreener.example("fit"))
    >>> found = fitted.transform(**MutualInfoScreener.example("transform"))
    """

    _method = "mi-screening"
    _allow_nan = True

    def __init__(
        self,
        *,
        estimator="fftkde",
        n_features_to_select=None,
        threshold=None,
        kernel="epa",
        bandwidth=1.0,
        grid_size=128,
        n_neighbors=3,
        bias_correction=False,
        outcome="auto",
        clump_threshold=None,
        n_permutations=0,
        random_state=None,
        n_jobs=None,
        time_limit=None,
        mem_limit=None,
        verbose=False,
    ):
        self.estimator = estimator
        self.n_features_to_select = n_features_to_select
        self.threshold = threshold
        self.kernel = kernel
        self.bandwidth = bandwidth
        self.grid_size = grid_size
        self.n_neighbors = n_neighbors
        self.bias_correction = bias_correction
        self.outcome = outcome
        self.clump_threshold = clump_threshold
        self.n_permutations = n_permutations
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.time_limit = time_limit
        self.mem_limit = mem_limit
        self.verbose = verbose

    def fit(self, X, y):
        """Score every variable by its mutual information with an outcome and keep the best.

        Parameters
        ----------
        X : array-like
            Variables (n, p); missing cells are left out for each variable.
        y : array-like
            Outcome (n,), continuous or with two values; rows without it are left out.

        Returns
        -------
        self : MutualInfoScreener
            The fitted object.
        """
        return self._fit("fit", {"X": X, "y": y})

    def transform(self, X):
        """Keep the chosen variables.

        Parameters
        ----------
        X : array-like
            Variables (n, p), the columns of the fit.

        Returns
        -------
        transformed : ndarray
            The kept variables (n, n_selected), in the order of the columns.
        """
        return self._apply("transform", {"X": X}, returns=("transformed",))

    def fit_file(self, path, y=None, *, target=None, columns=None, chunk=1024, checkpoint=None):
        """Screen a file that may be larger than memory, with a checkpoint to go on from.

        Parameters
        ----------
        path : path
            File of variables: NPY, Parquet or PLINK .bed are read in pieces, other tables at once.
        y : array-like, default=None
            Outcome (n,) where it is no column of the file.
        target : str, default=None
            Column of the file that is the outcome; none where the outcome is given by itself.
        columns : sequence of str, default=None
            Columns to screen; none for all but the outcome.
        chunk : int, default=1024
            Columns that are in memory at a time. Must be >= 1.
        checkpoint : str, default=None
            File (.npz) that keeps the scores so far, from which an interrupted screening goes on; it is
            removed at the end.

        Returns
        -------
        self : MutualInfoScreener
            The fitted object.
        """
        return self._fit(
            "fit-file",
            {"path": path, "y": y},
            {"target": target, "columns": columns, "chunk": chunk, "checkpoint": checkpoint},
        )

    def score_table(self):
        """The scores of a screening as a table, best first.

        Returns
        -------
        scores : Table
            Every variable, best first: score (nats), linfoot, rank, selected, rows, and p-values where there
            are permutations.
        """
        return self._apply("scores", {}, returns=("scores",))


def mutual_information(
    x,
    y,
    *,
    estimator="fftkde",
    kernel="epa",
    bandwidth=1.0,
    grid_size=128,
    n_neighbors=3,
    bias_correction=False,
    random_state=None,
    n_jobs=None,
    time_limit=None,
    mem_limit=None,
    verbose=False,
):
    """Mutual information of two variables, in nats.

    Parameters
    ----------
    x : array-like
        First variable (n,).
    y : array-like
        Second variable (n,).
    estimator : {"fftkde", "binning", "knn", "pearson"}, default="fftkde"
        How mutual information is estimated.
    kernel : {"epa", "gaussian", "tri", "box", "biweight", "triweight", "tricube", "cosine", "exponential"}, default="epa"
        Kernel of the estimator `fftkde`.
    bandwidth : float or {"silverman", "scott", "isj"}, default=1.0
        Bandwidth of the estimator `fftkde`: in interquartile ranges, or by a rule for each variable. Must be
        > 0.
    grid_size : int, default=128
        Grid points along each axis of the estimator `fftkde`. Must be in [16, 1024].
    n_neighbors : int, default=3
        Neighbours of the estimator `knn`. Must be >= 1.
    bias_correction : bool, default=False
        Whether the estimator `binning` subtracts the Miller-Madow bias.
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
    information : float
        Mutual information in nats.

    See Also
    --------
    MutualInfoScreener : Selection of the variables that share the most information with an outcome.
    birge_rozenholc_bins : Number of equal-width bins of a variable by the rule of Birgé and Rozenholc.
    choose_bandwidth : The kernel bandwidth whose ranking of the variables is the most stable between halves
        of the rows.
    combine_rankings : Ranks of several estimators added up (Borda count).

    References
    ----------
    .. [1] Kai Yang, Masoud Asgharian, Nikhil Bhagwat, Jean-Baptiste Poline, Celia M. T. Greenwood, "fastHDMI:
       Fast Mutual Information Estimation for High-Dimensional Data", 2024, arXiv:2410.10082.
    """
    return call_function(
        "mi-screening",
        "mutual-information",
        {"x": x, "y": y},
        {
            "estimator": estimator,
            "kernel": kernel,
            "bandwidth": bandwidth,
            "grid_size": grid_size,
            "n_neighbors": n_neighbors,
            "bias_correction": bias_correction,
        },
        returns=("information",),
        random_state=random_state,
        n_jobs=n_jobs,
        time_limit=time_limit,
        mem_limit=mem_limit,
        verbose=verbose,
    )


def birge_rozenholc_bins(x, *, n_jobs=None, time_limit=None, mem_limit=None, verbose=False):
    """Number of equal-width bins of a variable by the rule of Birgé and Rozenholc.

    Parameters
    ----------
    x : array-like
        Variable (n,).
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
    n_bins : float
        Number of equal-width bins, between 2 and 99.

    See Also
    --------
    MutualInfoScreener : Selection of the variables that share the most information with an outcome.
    mutual_information : Mutual information of two variables, in nats.
    choose_bandwidth : The kernel bandwidth whose ranking of the variables is the most stable between halves
        of the rows.
    combine_rankings : Ranks of several estimators added up (Borda count).

    References
    ----------
    .. [1] Kai Yang, Masoud Asgharian, Nikhil Bhagwat, Jean-Baptiste Poline, Celia M. T. Greenwood, "fastHDMI:
       Fast Mutual Information Estimation for High-Dimensional Data", 2024, arXiv:2410.10082.
    """
    return call_function(
        "mi-screening",
        "bins",
        {"x": x},
        {},
        returns=("n_bins",),
        n_jobs=n_jobs,
        time_limit=time_limit,
        mem_limit=mem_limit,
        verbose=verbose,
    )


def choose_bandwidth(
    X,
    y,
    *,
    bandwidths=(0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0),
    n_splits=5,
    kernel="epa",
    grid_size=128,
    outcome="auto",
    random_state=None,
    n_jobs=None,
    time_limit=None,
    mem_limit=None,
    verbose=False,
):
    """The kernel bandwidth whose ranking of the variables is the most stable between halves of the rows.

    Parameters
    ----------
    X : array-like
        Variables (n, p); missing cells are left out for each variable.
    y : array-like
        Outcome (n,), continuous or with two values; rows without it are left out.
    bandwidths : sequence of float, default=(0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0)
        Bandwidths to compare, in interquartile ranges. Must be > 0.
    n_splits : int, default=5
        Times that the rows are cut into two halves. Must be >= 1.
    kernel : {"epa", "gaussian", "tri", "box", "biweight", "triweight", "tricube", "cosine", "exponential"}, default="epa"
        Kernel.
    grid_size : int, default=128
        Grid points along each axis. Must be in [16, 1024].
    outcome : {"auto", "continuous", "binary"}, default="auto"
        What the outcome is.
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

        - `bandwidth`: The bandwidth with the most stable ranking, in interquartile ranges.
        - `stability`: Bandwidth and the mean rank correlation between the scores of two halves of the rows.

    See Also
    --------
    MutualInfoScreener : Selection of the variables that share the most information with an outcome.
    mutual_information : Mutual information of two variables, in nats.
    birge_rozenholc_bins : Number of equal-width bins of a variable by the rule of Birgé and Rozenholc.
    combine_rankings : Ranks of several estimators added up (Borda count).

    References
    ----------
    .. [1] Kai Yang, Masoud Asgharian, Nikhil Bhagwat, Jean-Baptiste Poline, Celia M. T. Greenwood, "fastHDMI:
       Fast Mutual Information Estimation for High-Dimensional Data", 2024, arXiv:2410.10082.
    """
    return call_function(
        "mi-screening",
        "choose-bandwidth",
        {"X": X, "y": y},
        {
            "bandwidths": bandwidths,
            "n_splits": n_splits,
            "kernel": kernel,
            "grid_size": grid_size,
            "outcome": outcome,
        },
        random_state=random_state,
        n_jobs=n_jobs,
        time_limit=time_limit,
        mem_limit=mem_limit,
        verbose=verbose,
    )


def combine_rankings(
    X,
    y,
    *,
    estimators=("fftkde", "binning", "pearson"),
    outcome="auto",
    random_state=None,
    n_jobs=None,
    time_limit=None,
    mem_limit=None,
    verbose=False,
):
    """Ranks of several estimators added up (Borda count).

    Parameters
    ----------
    X : array-like
        Variables (n, p); missing cells are left out for each variable.
    y : array-like
        Outcome (n,), continuous or with two values; rows without it are left out.
    estimators : sequence of {"fftkde", "binning", "knn", "pearson"}, default=("fftkde", "binning", "pearson")
        Estimators whose ranks are added up.
    outcome : {"auto", "continuous", "binary"}, default="auto"
        What the outcome is.
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
    ranking : Table
        Every variable, best first: points (variables that it beats, added over the estimators), rank.

    See Also
    --------
    MutualInfoScreener : Selection of the variables that share the most information with an outcome.
    mutual_information : Mutual information of two variables, in nats.
    birge_rozenholc_bins : Number of equal-width bins of a variable by the rule of Birgé and Rozenholc.
    choose_bandwidth : The kernel bandwidth whose ranking of the variables is the most stable between halves
        of the rows.

    References
    ----------
    .. [1] Kai Yang, Masoud Asgharian, Nikhil Bhagwat, Jean-Baptiste Poline, Celia M. T. Greenwood, "fastHDMI:
       Fast Mutual Information Estimation for High-Dimensional Data", 2024, arXiv:2410.10082.
    """
    return call_function(
        "mi-screening",
        "combine",
        {"X": X, "y": y},
        {"estimators": estimators, "outcome": outcome},
        returns=("ranking",),
        random_state=random_state,
        n_jobs=n_jobs,
        time_limit=time_limit,
        mem_limit=mem_limit,
        verbose=verbose,
    )


class NonconvexRegressor(Regressor):
    """Sparse linear regression with MCP, SCAD, lasso or elastic net.

    Parameters
    ----------
    penalty : {"mcp", "scad", "lasso", "elasticnet"}, default="mcp"
        Penalty of a coefficient.
    lam : float, default=None
        Level of the penalty; none for the level of least extended BIC on a path. Must be >= 0.
    history : bool, default=False
        Whether the objective of every iteration is kept, for the gradient methods.
    gamma : float, default=3.0
        Where MCP turns flat: at gamma times the level. Must be > 1.
    a : float, default=3.7
        Where SCAD turns flat: at a times the level. Must be > 2.
    alpha : float, default=1.0
        Share of the penalty that is not ridge. Must be in (0, 1].
    solver : {"auto", "ag", "ag+pncg", "pncg", "pg", "gl", "cd"}, default="auto"
        Algorithm.
    restart : bool, default=False
        Whether accelerated gradient begins its damping again where its points slow down.
    screening : {"strong", "half_strong", "none"}, default="strong"
        Which columns a level starts with; `half_strong` is that of the paper's code and discards more than is
        right.
    fit_intercept : bool, default=True
        Whether an intercept, never penalised, is fitted.
    standardize : bool, default=True
        Whether columns are scaled to variance 1 (divisor n) before the penalty sees them.
    tol : float, default=0.00001
        Greatest entry of the gradient mapping at which a level counts as solved, in standard deviations of a
        real outcome. Must be > 0.
    max_iter : int, default=1000
        Greatest number of iterations (sweeps of coordinate descent) a level. Must be >= 1.
    half_loss : bool, default=False
        Whether the logistic loss is halved, as in the paper's code.
    penalty_factor : sequence of float, default=None
        Factor of the level for each column (p,); 0 for one that is not penalised. Must be >= 0.
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
        Coefficients of the predictors (p,).
    intercept_
        Intercept.
    lam_
        Level of the penalty.
    support_size_
        Number of nonzero coefficients.
    objective_
        Loss plus penalty.
    ebic_
        Extended BIC with weight 1/2.
    residual_
        Largest violation of the optimality conditions.
    n_iter_
        Iterations, or sweeps of coordinate descent, at the level.
    n_gradients_
        Gradients computed at the level.
    lipschitz_
        Lipschitz constant that set the step; 0 for coordinate descent.
    convexity_margin_
        Smallest eigenvalue of the loss's Hessian on the support less the concavity of the penalty.
    locally_convex_
        Whether that is above 0: the solution is then a strict local minimum among those of its support.
    converged_
        Whether the tolerance was met.
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
    NonconvexClassifier : Sparse logistic regression with MCP, SCAD, lasso or elastic net.
    NonconvexCV : Sparse linear regression at a level chosen by cross-validation or EBIC.
    NonconvexClassifierCV : Sparse logistic regression at a level chosen by cross-validation or EBIC.
    NonconvexPath : A whole path of sparse linear or logistic models, each from the one before.

    References
    ----------
    .. [1] Kai Yang, Masoud Asgharian, Sahir Bhatnagar, "Accelerated Gradient Methods for Sparse Statistical
       Learning with Nonconvex Penalties", 2023, arXiv:2009.10629.

    Examples
    --------
    >>> from elinvar.dependence import NonconvexRegressor
    >>> fitted = NonconvexRegressor().fit(**NonconvexRegressor.example("fit"))
    >>> found = fitted.predict(**NonconvexRegressor.example("predict"))
    """

    _method = "nonconvex-sparse"
    _fixed = {"family": "gaussian"}
    _sparse = True

    def __init__(
        self,
        *,
        penalty="mcp",
        lam=None,
        history=False,
        gamma=3.0,
        a=3.7,
        alpha=1.0,
        solver="auto",
        restart=False,
        screening="strong",
        fit_intercept=True,
        standardize=True,
        tol=0.00001,
        max_iter=1000,
        half_loss=False,
        penalty_factor=None,
        random_state=None,
        n_jobs=None,
        time_limit=None,
        mem_limit=None,
        verbose=False,
    ):
        self.penalty = penalty
        self.lam = lam
        self.history = history
        self.gamma = gamma
        self.a = a
        self.alpha = alpha
        self.solver = solver
        self.restart = restart
        self.screening = screening
        self.fit_intercept = fit_intercept
        self.standardize = standardize
        self.tol = tol
        self.max_iter = max_iter
        self.half_loss = half_loss
        self.penalty_factor = penalty_factor
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.time_limit = time_limit
        self.mem_limit = mem_limit
        self.verbose = verbose

    def fit(self, X, y, sample_weight=None):
        """Fit a sparse linear or logistic model at one level, or at that of least extended BIC.

        Parameters
        ----------
        X : array-like
            Predictors (n, p); from Python also a sparse matrix of SciPy.
        y : array-like
            Outcome (n,): real numbers, or 0 and 1 for the family 'binomial'.
        sample_weight : array-like, default=None
            How many rows each row stands for (n,), >= 0.

        Returns
        -------
        self : NonconvexRegressor
            The fitted object.
        """
        return self._fit("fit", {"X": X, "y": y, "sample_weight": sample_weight})

    def predict(self, X):
        """Predict with a fitted sparse model.

        Parameters
        ----------
        X : array-like
            Predictors (n, p), the columns of the fit.

        Returns
        -------
        prediction : ndarray
            Predicted mean of each row (n,): the probability of 1 for the family 'binomial'.
        """
        return self._apply("predict", {"X": X}, returns=("prediction",))


class NonconvexClassifier(Classifier):
    """Sparse logistic regression with MCP, SCAD, lasso or elastic net.

    Parameters
    ----------
    penalty : {"mcp", "scad", "lasso", "elasticnet"}, default="mcp"
        Penalty of a coefficient.
    lam : float, default=None
        Level of the penalty; none for the level of least extended BIC on a path. Must be >= 0.
    history : bool, default=False
        Whether the objective of every iteration is kept, for the gradient methods.
    gamma : float, default=3.0
        Where MCP turns flat: at gamma times the level. Must be > 1.
    a : float, default=3.7
        Where SCAD turns flat: at a times the level. Must be > 2.
    alpha : float, default=1.0
        Share of the penalty that is not ridge. Must be in (0, 1].
    solver : {"auto", "ag", "ag+pncg", "pncg", "pg", "gl", "cd"}, default="auto"
        Algorithm.
    restart : bool, default=False
        Whether accelerated gradient begins its damping again where its points slow down.
    screening : {"strong", "half_strong", "none"}, default="strong"
        Which columns a level starts with; `half_strong` is that of the paper's code and discards more than is
        right.
    fit_intercept : bool, default=True
        Whether an intercept, never penalised, is fitted.
    standardize : bool, default=True
        Whether columns are scaled to variance 1 (divisor n) before the penalty sees them.
    tol : float, default=0.00001
        Greatest entry of the gradient mapping at which a level counts as solved, in standard deviations of a
        real outcome. Must be > 0.
    max_iter : int, default=1000
        Greatest number of iterations (sweeps of coordinate descent) a level. Must be >= 1.
    half_loss : bool, default=False
        Whether the logistic loss is halved, as in the paper's code.
    penalty_factor : sequence of float, default=None
        Factor of the level for each column (p,); 0 for one that is not penalised. Must be >= 0.
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
        Coefficients of the predictors (p,).
    intercept_
        Intercept.
    lam_
        Level of the penalty.
    support_size_
        Number of nonzero coefficients.
    objective_
        Loss plus penalty.
    ebic_
        Extended BIC with weight 1/2.
    residual_
        Largest violation of the optimality conditions.
    n_iter_
        Iterations, or sweeps of coordinate descent, at the level.
    n_gradients_
        Gradients computed at the level.
    lipschitz_
        Lipschitz constant that set the step; 0 for coordinate descent.
    convexity_margin_
        Smallest eigenvalue of the loss's Hessian on the support less the concavity of the penalty.
    locally_convex_
        Whether that is above 0: the solution is then a strict local minimum among those of its support.
    converged_
        Whether the tolerance was met.
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
    NonconvexRegressor : Sparse linear regression with MCP, SCAD, lasso or elastic net.
    NonconvexCV : Sparse linear regression at a level chosen by cross-validation or EBIC.
    NonconvexClassifierCV : Sparse logistic regression at a level chosen by cross-validation or EBIC.
    NonconvexPath : A whole path of sparse linear or logistic models, each from the one before.

    References
    ----------
    .. [1] Kai Yang, Masoud Asgharian, Sahir Bhatnagar, "Accelerated Gradient Methods for Sparse Statistical
       Learning with Nonconvex Penalties", 2023, arXiv:2009.10629.

    Examples
    --------
    >>> from elinvar.dependence import NonconvexClassifier
    >>> fitted = NonconvexClassifier().fit(**NonconvexClassifier.example("fit"))
    >>> found = fitted.predict(**NonconvexClassifier.example("predict"))
    """

    _method = "nonconvex-sparse"
    _fixed = {"family": "binomial"}
    _sparse = True

    def __init__(
        self,
        *,
        penalty="mcp",
        lam=None,
        history=False,
        gamma=3.0,
        a=3.7,
        alpha=1.0,
        solver="auto",
        restart=False,
        screening="strong",
        fit_intercept=True,
        standardize=True,
        tol=0.00001,
        max_iter=1000,
        half_loss=False,
        penalty_factor=None,
        random_state=None,
        n_jobs=None,
        time_limit=None,
        mem_limit=None,
        verbose=False,
    ):
        self.penalty = penalty
        self.lam = lam
        self.history = history
        self.gamma = gamma
        self.a = a
        self.alpha = alpha
        self.solver = solver
        self.restart = restart
        self.screening = screening
        self.fit_intercept = fit_intercept
        self.standardize = standardize
        self.tol = tol
        self.max_iter = max_iter
        self.half_loss = half_loss
        self.penalty_factor = penalty_factor
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.time_limit = time_limit
        self.mem_limit = mem_limit
        self.verbose = verbose

    def fit(self, X, y, sample_weight=None):
        """Fit a sparse linear or logistic model at one level, or at that of least extended BIC.

        Parameters
        ----------
        X : array-like
            Predictors (n, p); from Python also a sparse matrix of SciPy.
        y : array-like
            Outcome (n,): real numbers, or 0 and 1 for the family 'binomial'.
        sample_weight : array-like, default=None
            How many rows each row stands for (n,), >= 0.

        Returns
        -------
        self : NonconvexClassifier
            The fitted object.
        """
        return self._fit("fit", {"X": X, "y": y, "sample_weight": sample_weight})

    def predict(self, X):
        """The more probable class of each row.

        Parameters
        ----------
        X : array-like
            Predictors (n, p), the columns of the fit.

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
            Predictors (n, p), the columns of the fit.

        Returns
        -------
        probabilities : ndarray of shape (n, 2)
            One column a class, in the order of `classes_`.
        """
        return self._probabilities("predict", {"X": X}, returns=("prediction",))


class NonconvexCV(CvPlot, Regressor):
    """Sparse linear regression at a level chosen by cross-validation or EBIC.

    Parameters
    ----------
    penalty : {"mcp", "scad", "lasso", "elasticnet"}, default="mcp"
        Penalty of a coefficient.
    n_lambda : int, default=100
        Number of levels. Must be in [1, 10000].
    lambda_min_ratio : float, default=None
        Least level over the greatest; none for 0.001, or 0.05 with fewer rows than columns. Must be in (0,
        1).
    lambdas : sequence of float, default=None
        Levels in falling order; none for `n_lambda` of equal ratio. Must be >= 0.
    cv : int or sequence of sequence of sequence of int, default=5
        Number of folds, or a pair of lists for each: positions of the rows to fit, and of those to judge by.
        Must be >= 0.
    rule : {"min", "1se", "ebic"}, default="min"
        How the level is chosen.
    gamma : float, default=3.0
        Where MCP turns flat: at gamma times the level. Must be > 1.
    a : float, default=3.7
        Where SCAD turns flat: at a times the level. Must be > 2.
    alpha : float, default=1.0
        Share of the penalty that is not ridge. Must be in (0, 1].
    solver : {"auto", "ag", "ag+pncg", "pncg", "pg", "gl", "cd"}, default="auto"
        Algorithm.
    restart : bool, default=False
        Whether accelerated gradient begins its damping again where its points slow down.
    screening : {"strong", "half_strong", "none"}, default="strong"
        Which columns a level starts with; `half_strong` is that of the paper's code and discards more than is
        right.
    fit_intercept : bool, default=True
        Whether an intercept, never penalised, is fitted.
    standardize : bool, default=True
        Whether columns are scaled to variance 1 (divisor n) before the penalty sees them.
    tol : float, default=0.00001
        Greatest entry of the gradient mapping at which a level counts as solved, in standard deviations of a
        real outcome. Must be > 0.
    max_iter : int, default=1000
        Greatest number of iterations (sweeps of coordinate descent) a level. Must be >= 1.
    half_loss : bool, default=False
        Whether the logistic loss is halved, as in the paper's code.
    penalty_factor : sequence of float, default=None
        Factor of the level for each column (p,); 0 for one that is not penalised. Must be >= 0.
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
        Coefficients of the predictors (p,) at the chosen level.
    intercept_
        Intercept.
    lam_
        Chosen level.
    lam_min_
        Level of the least mean held-out loss.
    lam_1se_
        Greatest level within one standard error of it.
    lambdas_
        Levels of the path (n_lambda,).
    cv_loss_
        Mean held-out loss at every level (n_lambda,).
    cv_loss_se_
        Its standard error over the folds (n_lambda,).
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
    NonconvexRegressor : Sparse linear regression with MCP, SCAD, lasso or elastic net.
    NonconvexClassifier : Sparse logistic regression with MCP, SCAD, lasso or elastic net.
    NonconvexClassifierCV : Sparse logistic regression at a level chosen by cross-validation or EBIC.
    NonconvexPath : A whole path of sparse linear or logistic models, each from the one before.

    References
    ----------
    .. [1] Kai Yang, Masoud Asgharian, Sahir Bhatnagar, "Accelerated Gradient Methods for Sparse Statistical
       Learning with Nonconvex Penalties", 2023, arXiv:2009.10629.

    Examples
    --------
    >>> from elinvar.dependence import NonconvexCV
    >>> fitted = NonconvexCV().fit(**NonconvexCV.example("fit"))
    >>> found = fitted.predict(**NonconvexCV.example("predict"))
    """

    _method = "nonconvex-sparse"
    _fixed = {"family": "gaussian"}
    _sparse = True

    def __init__(
        self,
        *,
        penalty="mcp",
        n_lambda=100,
        lambda_min_ratio=None,
        lambdas=None,
        cv=5,
        rule="min",
        gamma=3.0,
        a=3.7,
        alpha=1.0,
        solver="auto",
        restart=False,
        screening="strong",
        fit_intercept=True,
        standardize=True,
        tol=0.00001,
        max_iter=1000,
        half_loss=False,
        penalty_factor=None,
        random_state=None,
        n_jobs=None,
        time_limit=None,
        mem_limit=None,
        verbose=False,
    ):
        self.penalty = penalty
        self.n_lambda = n_lambda
        self.lambda_min_ratio = lambda_min_ratio
        self.lambdas = lambdas
        self.cv = cv
        self.rule = rule
        self.gamma = gamma
        self.a = a
        self.alpha = alpha
        self.solver = solver
        self.restart = restart
        self.screening = screening
        self.fit_intercept = fit_intercept
        self.standardize = standardize
        self.tol = tol
        self.max_iter = max_iter
        self.half_loss = half_loss
        self.penalty_factor = penalty_factor
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.time_limit = time_limit
        self.mem_limit = mem_limit
        self.verbose = verbose

    def fit(self, X, y, sample_weight=None):
        """Choose the level by cross-validation and fit all rows there.

        Parameters
        ----------
        X : array-like
            Predictors (n, p); from Python also a sparse matrix of SciPy.
        y : array-like
            Outcome (n,): real numbers, or 0 and 1 for the family 'binomial'.
        sample_weight : array-like, default=None
            How many rows each row stands for (n,), >= 0.

        Returns
        -------
        self : NonconvexCV
            The fitted object.
        """
        return self._fit("cv", {"X": X, "y": y, "sample_weight": sample_weight})

    def predict(self, X):
        """Predict with a fitted sparse model.

        Parameters
        ----------
        X : array-like
            Predictors (n, p), the columns of the fit.

        Returns
        -------
        prediction : ndarray
            Predicted mean of each row (n,): the probability of 1 for the family 'binomial'.
        """
        return self._apply("predict", {"X": X}, returns=("prediction",))


class NonconvexClassifierCV(CvPlot, Classifier):
    """Sparse logistic regression at a level chosen by cross-validation or EBIC.

    Parameters
    ----------
    penalty : {"mcp", "scad", "lasso", "elasticnet"}, default="mcp"
        Penalty of a coefficient.
    n_lambda : int, default=100
        Number of levels. Must be in [1, 10000].
    lambda_min_ratio : float, default=None
        Least level over the greatest; none for 0.001, or 0.05 with fewer rows than columns. Must be in (0,
        1).
    lambdas : sequence of float, default=None
        Levels in falling order; none for `n_lambda` of equal ratio. Must be >= 0.
    cv : int or sequence of sequence of sequence of int, default=5
        Number of folds, or a pair of lists for each: positions of the rows to fit, and of those to judge by.
        Must be >= 0.
    rule : {"min", "1se", "ebic"}, default="min"
        How the level is chosen.
    gamma : float, default=3.0
        Where MCP turns flat: at gamma times the level. Must be > 1.
    a : float, default=3.7
        Where SCAD turns flat: at a times the level. Must be > 2.
    alpha : float, default=1.0
        Share of the penalty that is not ridge. Must be in (0, 1].
    solver : {"auto", "ag", "ag+pncg", "pncg", "pg", "gl", "cd"}, default="auto"
        Algorithm.
    restart : bool, default=False
        Whether accelerated gradient begins its damping again where its points slow down.
    screening : {"strong", "half_strong", "none"}, default="strong"
        Which columns a level starts with; `half_strong` is that of the paper's code and discards more than is
        right.
    fit_intercept : bool, default=True
        Whether an intercept, never penalised, is fitted.
    standardize : bool, default=True
        Whether columns are scaled to variance 1 (divisor n) before the penalty sees them.
    tol : float, default=0.00001
        Greatest entry of the gradient mapping at which a level counts as solved, in standard deviations of a
        real outcome. Must be > 0.
    max_iter : int, default=1000
        Greatest number of iterations (sweeps of coordinate descent) a level. Must be >= 1.
    half_loss : bool, default=False
        Whether the logistic loss is halved, as in the paper's code.
    penalty_factor : sequence of float, default=None
        Factor of the level for each column (p,); 0 for one that is not penalised. Must be >= 0.
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
        Coefficients of the predictors (p,) at the chosen level.
    intercept_
        Intercept.
    lam_
        Chosen level.
    lam_min_
        Level of the least mean held-out loss.
    lam_1se_
        Greatest level within one standard error of it.
    lambdas_
        Levels of the path (n_lambda,).
    cv_loss_
        Mean held-out loss at every level (n_lambda,).
    cv_loss_se_
        Its standard error over the folds (n_lambda,).
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
    NonconvexRegressor : Sparse linear regression with MCP, SCAD, lasso or elastic net.
    NonconvexClassifier : Sparse logistic regression with MCP, SCAD, lasso or elastic net.
    NonconvexCV : Sparse linear regression at a level chosen by cross-validation or EBIC.
    NonconvexPath : A whole path of sparse linear or logistic models, each from the one before.

    References
    ----------
    .. [1] Kai Yang, Masoud Asgharian, Sahir Bhatnagar, "Accelerated Gradient Methods for Sparse Statistical
       Learning with Nonconvex Penalties", 2023, arXiv:2009.10629.

    Examples
    --------
    >>> from elinvar.dependence import NonconvexClassifierCV
    >>> fitted = NonconvexClassifierCV().fit(**NonconvexClassifierCV.example("fit"))
    >>> found = fitted.predict(**NonconvexClassifierCV.example("predict"))
    """

    _method = "nonconvex-sparse"
    _fixed = {"family": "binomial"}
    _sparse = True

    def __init__(
        self,
        *,
        penalty="mcp",
        n_lambda=100,
        lambda_min_ratio=None,
        lambdas=None,
        cv=5,
        rule="min",
        gamma=3.0,
        a=3.7,
        alpha=1.0,
        solver="auto",
        restart=False,
        screening="strong",
        fit_intercept=True,
        standardize=True,
        tol=0.00001,
        max_iter=1000,
        half_loss=False,
        penalty_factor=None,
        random_state=None,
        n_jobs=None,
        time_limit=None,
        mem_limit=None,
        verbose=False,
    ):
        self.penalty = penalty
        self.n_lambda = n_lambda
        self.lambda_min_ratio = lambda_min_ratio
        self.lambdas = lambdas
        self.cv = cv
        self.rule = rule
        self.gamma = gamma
        self.a = a
        self.alpha = alpha
        self.solver = solver
        self.restart = restart
        self.screening = screening
        self.fit_intercept = fit_intercept
        self.standardize = standardize
        self.tol = tol
        self.max_iter = max_iter
        self.half_loss = half_loss
        self.penalty_factor = penalty_factor
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.time_limit = time_limit
        self.mem_limit = mem_limit
        self.verbose = verbose

    def fit(self, X, y, sample_weight=None):
        """Choose the level by cross-validation and fit all rows there.

        Parameters
        ----------
        X : array-like
            Predictors (n, p); from Python also a sparse matrix of SciPy.
        y : array-like
            Outcome (n,): real numbers, or 0 and 1 for the family 'binomial'.
        sample_weight : array-like, default=None
            How many rows each row stands for (n,), >= 0.

        Returns
        -------
        self : NonconvexClassifierCV
            The fitted object.
        """
        return self._fit("cv", {"X": X, "y": y, "sample_weight": sample_weight})

    def predict(self, X):
        """The more probable class of each row.

        Parameters
        ----------
        X : array-like
            Predictors (n, p), the columns of the fit.

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
            Predictors (n, p), the columns of the fit.

        Returns
        -------
        probabilities : ndarray of shape (n, 2)
            One column a class, in the order of `classes_`.
        """
        return self._probabilities("predict", {"X": X}, returns=("prediction",))


class NonconvexPath(PathPlot, Estimator):
    """A whole path of sparse linear or logistic models, each from the one before.

    Parameters
    ----------
    family : {"gaussian", "binomial"}, default="gaussian"
        Distribution of the outcome: `gaussian` for real numbers, `binomial` for 0 and 1.
    penalty : {"mcp", "scad", "lasso", "elasticnet"}, default="mcp"
        Penalty of a coefficient.
    n_lambda : int, default=100
        Number of levels. Must be in [1, 10000].
    lambda_min_ratio : float, default=None
        Least level over the greatest; none for 0.001, or 0.05 with fewer rows than columns. Must be in (0,
        1).
    lambdas : sequence of float, default=None
        Levels in falling order; none for `n_lambda` of equal ratio. Must be >= 0.
    gamma : float, default=3.0
        Where MCP turns flat: at gamma times the level. Must be > 1.
    a : float, default=3.7
        Where SCAD turns flat: at a times the level. Must be > 2.
    alpha : float, default=1.0
        Share of the penalty that is not ridge. Must be in (0, 1].
    solver : {"auto", "ag", "ag+pncg", "pncg", "pg", "gl", "cd"}, default="auto"
        Algorithm.
    restart : bool, default=False
        Whether accelerated gradient begins its damping again where its points slow down.
    screening : {"strong", "half_strong", "none"}, default="strong"
        Which columns a level starts with; `half_strong` is that of the paper's code and discards more than is
        right.
    fit_intercept : bool, default=True
        Whether an intercept, never penalised, is fitted.
    standardize : bool, default=True
        Whether columns are scaled to variance 1 (divisor n) before the penalty sees them.
    tol : float, default=0.00001
        Greatest entry of the gradient mapping at which a level counts as solved, in standard deviations of a
        real outcome. Must be > 0.
    max_iter : int, default=1000
        Greatest number of iterations (sweeps of coordinate descent) a level. Must be >= 1.
    half_loss : bool, default=False
        Whether the logistic loss is halved, as in the paper's code.
    penalty_factor : sequence of float, default=None
        Factor of the level for each column (p,); 0 for one that is not penalised. Must be >= 0.
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
    lambdas_
        Levels (n_lambda,).
    coef_path_
        Coefficients at every level (n_lambda, p).
    intercept_path_
        Intercepts (n_lambda,).
    n_iter_
        Iterations of every level (n_lambda,).
    support_size_
        Nonzero coefficients of every level (n_lambda,).
    objective_
        Loss plus penalty at every level (n_lambda,).
    kkt_violations_
        Columns that screening had discarded wrongly and its check took back (n_lambda,).
    locally_convex_
        Whether each solution is certified as a strict local minimum among those of its support.
    coef_
        Coefficients (p,) at the level of least extended BIC.
    history_ : Table
        Figures of every recorded step.
    status_ : {"converged", "iteration_limit", "time_limit"}
        How the fit ended.
    seed_ : int
        The seed of the fit, also where `random_state` is None.

    See Also
    --------
    NonconvexRegressor : Sparse linear regression with MCP, SCAD, lasso or elastic net.
    NonconvexClassifier : Sparse logistic regression with MCP, SCAD, lasso or elastic net.
    NonconvexCV : Sparse linear regression at a level chosen by cross-validation or EBIC.
    NonconvexClassifierCV : Sparse logistic regression at a level chosen by cross-validation or EBIC.

    References
    ----------
    .. [1] Kai Yang, Masoud Asgharian, Sahir Bhatnagar, "Accelerated Gradient Methods for Sparse Statistical
       Learning with Nonconvex Penalties", 2023, arXiv:2009.10629.

    Examples
    --------
    >>> from elinvar.dependence import NonconvexPath
    >>> fitted = NonconvexPath().fit(**NonconvexPath.example("fit"))
    """

    _method = "nonconvex-sparse"
    _sparse = True

    def __init__(
        self,
        *,
        family="gaussian",
        penalty="mcp",
        n_lambda=100,
        lambda_min_ratio=None,
        lambdas=None,
        gamma=3.0,
        a=3.7,
        alpha=1.0,
        solver="auto",
        restart=False,
        screening="strong",
        fit_intercept=True,
        standardize=True,
        tol=0.00001,
        max_iter=1000,
        half_loss=False,
        penalty_factor=None,
        random_state=None,
        n_jobs=None,
        time_limit=None,
        mem_limit=None,
        verbose=False,
    ):
        self.family = family
        self.penalty = penalty
        self.n_lambda = n_lambda
        self.lambda_min_ratio = lambda_min_ratio
        self.lambdas = lambdas
        self.gamma = gamma
        self.a = a
        self.alpha = alpha
        self.solver = solver
        self.restart = restart
        self.screening = screening
        self.fit_intercept = fit_intercept
        self.standardize = standardize
        self.tol = tol
        self.max_iter = max_iter
        self.half_loss = half_loss
        self.penalty_factor = penalty_factor
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.time_limit = time_limit
        self.mem_limit = mem_limit
        self.verbose = verbose

    def fit(self, X, y, sample_weight=None):
        """Fit every level of a path, as a model of all of them.

        Parameters
        ----------
        X : array-like
            Predictors (n, p); from Python also a sparse matrix of SciPy.
        y : array-like
            Outcome (n,): real numbers, or 0 and 1 for the family 'binomial'.
        sample_weight : array-like, default=None
            How many rows each row stands for (n,), >= 0.

        Returns
        -------
        self : NonconvexPath
            The fitted object.
        """
        return self._fit("levels", {"X": X, "y": y, "sample_weight": sample_weight})


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
    shape : {"group", "observation"}, default="group"
        Whether the rows of a group share their tails (`group`), for outlying groups, or every row has its own
        (`observation`), for single bad rows inside good groups; the likelihood is then approximated by a
        variational lower bound.
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
        Tail probability of each group under the fitted model (m,); absent with shape `observation`.
    observation_weights_
        Weights of the rows (n,); with shape `observation` only, as the next three.
    observation_pvalue_
        Tail probability of each row against the Gaussian core (n,).
    observation_pvalue_adjusted_
        The same after Benjamini and Hochberg's correction.
    outlier_observations_
        Positions of the rows flagged at a false discovery rate of 5 %.
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
        shape="group",
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
        self.shape = shape
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

    def fit(self, X, y=None, groups=None, Z=None, precision=None):
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
        precision : array-like, default=None
            Relative precision of each row's error (n,), > 0: its scatter is scale / precision.

        Returns
        -------
        self : TsallisMixedModel
            The fitted object.
        """
        return self._fit("fit", {"X": X, "y": y, "groups": groups, "Z": Z, "precision": precision})

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
        precision=None,
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
        precision : array-like, default=None
            Relative precision of each row's error (n,), > 0: its scatter is scale / precision.
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
            {"X": X, "y": y, "groups": groups, "Z": Z, "precision": precision},
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
            - `groups`: Every group: rows, q, weight, p_core, p_adjusted (Benjamini-Hochberg), p_model (shape
              group), outlier.
            - `fit`: Figures of the fit: log likelihood, AIC, BIC, scale, nu, test of the Gaussian.
        """
        return self._apply("summary", {})


class AugmentedCovariance(SignalTransformer):
    """Covariance matrices of delay-embedded epochs, for any pipeline of SPD matrices.

    Parameters
    ----------
    order : int, default=1
        Delayed copies of each channel (p of the paper); 1 for none. Must be >= 1.
    lag : int, default=1
        Samples between copies (τ of the paper). Must be >= 1.
    estimator : {"cov", "scm", "lwf", "oas"}, default="cov"
        How covariances are estimated.
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
    ACMClassifier : Classifier of epochs on augmented covariances, with order, lag, C and kernel chosen inside
        the training set.
    bandpass : Epochs filtered to a band without phase shift.
    evaluate_within_session : Comparison of classifiers by stratified folds within each session.
    evaluate_cross_session : Comparison of classifiers with each session in turn left out.
    combine_tests : Comparisons on several data sets as one (Stouffer, weighted by the roots of the numbers of
        subjects).
    select_embedding : Order and lag of an embedding from the signals alone.
    spd_distance : Distances of SPD matrices to a reference.
    spd_geometric_mean : Geometric (or log-Euclidean) mean of SPD matrices.
    spd_log : Logarithms of SPD matrices.
    spd_exp : Exponentials of symmetric matrices.
    spd_sqrtm : Square roots of SPD matrices.
    tangent_space : Tangent vectors of SPD matrices at a reference.

    References
    ----------
    .. [1] Igor Carrara, Theodore Papadopoulo, "Classification of BCI-EEG based on augmented covariance
       matrix", 2023, arXiv:2302.04508.

    Examples
    --------
    >>> from elinvar.dependence import AugmentedCovariance
    >>> found = AugmentedCovariance().transform(**AugmentedCovariance.example("transform"))
    """

    _method = "augmented-covariance"

    def __init__(
        self,
        *,
        order=1,
        lag=1,
        estimator="cov",
        n_jobs=None,
        time_limit=None,
        mem_limit=None,
        verbose=False,
    ):
        self.order = order
        self.lag = lag
        self.estimator = estimator
        self.n_jobs = n_jobs
        self.time_limit = time_limit
        self.mem_limit = mem_limit
        self.verbose = verbose

    def transform(self, X):
        """Covariance matrices of delay-embedded epochs.

        Parameters
        ----------
        X : array-like
            Epochs (n, channels, samples), all in one unit.

        Returns
        -------
        matrices : ndarray
            Symmetric matrices (n, P, P).
        """
        return self._measure("covariance", {"X": X}, returns=("matrices",))


class ACMClassifier(SignalClassifier):
    """Classifier of epochs on augmented covariances, with order, lag, C and kernel chosen inside the training
    set.

    Parameters
    ----------
    classifier : {"tangent_svm", "mdm"}, default="tangent_svm"
        What is done with the covariance matrices.
    order : int or {"grid", "ami_cao", "mdop"}, default=1
        Delayed copies of each channel (p of the paper), or the rule that chooses them. Must be >= 1.
    lag : int or {"grid", "ami_cao", "mdop"}, default=1
        Samples between copies (τ of the paper), or the rule that chooses them. Must be >= 1.
    orders : sequence of int, default=(1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
        Orders of the grid. Must be >= 1.
    lags : sequence of int, default=(1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
        Lags of the grid. Must be >= 1.
    C : float or sequence of float, default=1.0
        Weight of errors in the support vector machine; several are tried by cross-validation. Must be > 0.
    kernel : {"linear", "rbf", "grid"}, default="linear"
        Kernel of the support vector machine.
    estimator : {"cov", "scm", "lwf", "oas", "auto"}, default="cov"
        How covariances are estimated.
    inner_cv : int, default=5
        Folds of the cross-validation inside the training set. Must be >= 2.
    scoring : {"auto", "roc_auc", "accuracy"}, default="auto"
        What the search maximises.
    ensemble : {"none", "vote", "kernel"}, default="none"
        What is done with the other good points of the grid.
    band : sequence of float, default=None
        Pass band in Hz that epochs are filtered to first (Butterworth of order 4, no phase shift); none for
        epochs that are filtered already.
    metric_tol : float, default=1e-8
        Greatest norm of the mean logarithm at which a geometric mean counts as found. Must be > 0.
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
    order_
        Chosen order p.
    lag_
        Chosen lag τ in samples.
    grid_scores_
        Cross-validated score of every order (rows) and lag (columns), NaN where one does not fit.
    grid_orders_
        Orders of the rows of grid_scores.
    grid_lags_
        Lags of the columns of grid_scores.
    region_
        Grid points within 99 % of the best score: order, lag, score.
    mean_
        Geometric mean of the training covariances (tangent_svm).
    class_means_
        Geometric mean of each class (mdm).
    svm_
        C, kernel and number of support vectors (tangent_svm).
    embedding_dim_
        Rows of the covariance matrices: channels times order.
    condition_numbers_
        Largest over smallest eigenvalue of each training covariance.
    members_
        Embedding and estimator of each member of the ensemble.
    n_channels_in_ : int
        Number of channels seen in `fit`.
    classes_ : ndarray of shape (K,)
        The labels in rising order.
    history_ : Table
        Figures of every recorded step.
    status_ : {"converged", "iteration_limit", "time_limit"}
        How the fit ended.
    seed_ : int
        The seed of the fit, also where `random_state` is None.

    See Also
    --------
    AugmentedCovariance : Covariance matrices of delay-embedded epochs, for any pipeline of SPD matrices.
    bandpass : Epochs filtered to a band without phase shift.
    evaluate_within_session : Comparison of classifiers by stratified folds within each session.
    evaluate_cross_session : Comparison of classifiers with each session in turn left out.
    combine_tests : Comparisons on several data sets as one (Stouffer, weighted by the roots of the numbers of
        subjects).
    select_embedding : Order and lag of an embedding from the signals alone.
    spd_distance : Distances of SPD matrices to a reference.
    spd_geometric_mean : Geometric (or log-Euclidean) mean of SPD matrices.
    spd_log : Logarithms of SPD matrices.
    spd_exp : Exponentials of symmetric matrices.
    spd_sqrtm : Square roots of SPD matrices.
    tangent_space : Tangent vectors of SPD matrices at a reference.

    References
    ----------
    .. [1] Igor Carrara, Theodore Papadopoulo, "Classification of BCI-EEG based on augmented covariance
       matrix", 2023, arXiv:2302.04508.

    Examples
    --------
    >>> from elinvar.dependence import ACMClassifier
    >>> fitted = ACMClassifier().fit(**ACMClassifier.example("fit"))
    >>> found = fitted.predict(**ACMClassifier.example("predict"))
    """

    _method = "augmented-covariance"

    def __init__(
        self,
        *,
        classifier="tangent_svm",
        order=1,
        lag=1,
        orders=(1, 2, 3, 4, 5, 6, 7, 8, 9, 10),
        lags=(1, 2, 3, 4, 5, 6, 7, 8, 9, 10),
        C=1.0,
        kernel="linear",
        estimator="cov",
        inner_cv=5,
        scoring="auto",
        ensemble="none",
        band=None,
        metric_tol=1e-8,
        random_state=None,
        n_jobs=None,
        time_limit=None,
        mem_limit=None,
        verbose=False,
    ):
        self.classifier = classifier
        self.order = order
        self.lag = lag
        self.orders = orders
        self.lags = lags
        self.C = C
        self.kernel = kernel
        self.estimator = estimator
        self.inner_cv = inner_cv
        self.scoring = scoring
        self.ensemble = ensemble
        self.band = band
        self.metric_tol = metric_tol
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.time_limit = time_limit
        self.mem_limit = mem_limit
        self.verbose = verbose

    def fit(self, X, y, sfreq=None):
        """Fit a classifier of epochs on augmented covariances.

        Parameters
        ----------
        X : array-like
            Epochs (n, channels, samples), all in one unit.
        y : dict, table or array-like
            Label of each epoch (n,): whole numbers or text.
        sfreq : float, default=None
            Sampling rate in Hz, only needed with a band.

        Returns
        -------
        self : ACMClassifier
            The fitted object.
        """
        return self._fit("fit", {"X": X, "y": y, "sfreq": sfreq})

    def predict(self, X, sfreq=None):
        """The more probable class of each row.

        Parameters
        ----------
        X : array-like
            Epochs (n, channels, samples), all in one unit.
        sfreq : float, default=None
            Sampling rate in Hz, only needed with a band.

        Returns
        -------
        labels : ndarray of shape (n,)
            Labels out of `classes_`.
        """
        return self._labels("predict", {"X": X, "sfreq": sfreq}, returns=("code",))

    def predict_proba(self, X, sfreq=None):
        """The probability of each class.

        Parameters
        ----------
        X : array-like
            Epochs (n, channels, samples), all in one unit.
        sfreq : float, default=None
            Sampling rate in Hz, only needed with a band.

        Returns
        -------
        probabilities : ndarray
            Probability of each class (m, K).
        """
        return self._apply("predict", {"X": X, "sfreq": sfreq}, returns=("probabilities",))

    def decision_function(self, X, sfreq=None):
        """Scores by which epochs are told apart.

        Parameters
        ----------
        X : array-like
            Epochs (n, channels, samples), all in one unit.
        sfreq : float, default=None
            Sampling rate in Hz, only needed with a band.

        Returns
        -------
        decision : ndarray
            Score of the second class (m,), or of each class (m, K) for more than two.
        """
        return self._apply("predict", {"X": X, "sfreq": sfreq}, returns=("decision",))


def bandpass(
    X,
    *,
    sfreq=250.0,
    low=8.0,
    high=35.0,
    filter_order=4,
    n_jobs=None,
    time_limit=None,
    mem_limit=None,
    verbose=False,
):
    """Epochs filtered to a band without phase shift.

    Parameters
    ----------
    X : array-like
        Epochs (n, channels, samples), all in one unit.
    sfreq : float, default=250.0
        Sampling rate in Hz. Must be > 0.
    low : float, default=8.0
        Lower edge in Hz. Must be > 0.
    high : float, default=35.0
        Upper edge in Hz. Must be > 0.
    filter_order : int, default=4
        Order of the low-pass prototype. Must be in [1, 10].
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
    X : ndarray
        Filtered epochs (n, channels, samples).

    See Also
    --------
    AugmentedCovariance : Covariance matrices of delay-embedded epochs, for any pipeline of SPD matrices.
    ACMClassifier : Classifier of epochs on augmented covariances, with order, lag, C and kernel chosen inside
        the training set.
    evaluate_within_session : Comparison of classifiers by stratified folds within each session.
    evaluate_cross_session : Comparison of classifiers with each session in turn left out.
    combine_tests : Comparisons on several data sets as one (Stouffer, weighted by the roots of the numbers of
        subjects).
    select_embedding : Order and lag of an embedding from the signals alone.
    spd_distance : Distances of SPD matrices to a reference.
    spd_geometric_mean : Geometric (or log-Euclidean) mean of SPD matrices.
    spd_log : Logarithms of SPD matrices.
    spd_exp : Exponentials of symmetric matrices.
    spd_sqrtm : Square roots of SPD matrices.
    tangent_space : Tangent vectors of SPD matrices at a reference.

    References
    ----------
    .. [1] Igor Carrara, Theodore Papadopoulo, "Classification of BCI-EEG based on augmented covariance
       matrix", 2023, arXiv:2302.04508.
    """
    return call_function(
        "augmented-covariance",
        "bandpass",
        {"X": X},
        {"sfreq": sfreq, "low": low, "high": high, "filter_order": filter_order},
        returns=("X",),
        n_jobs=n_jobs,
        time_limit=time_limit,
        mem_limit=mem_limit,
        verbose=verbose,
    )


def evaluate_within_session(
    X,
    y,
    session=None,
    subject=None,
    sfreq=None,
    *,
    classifier="tangent_svm",
    order=1,
    lag=1,
    orders=(1, 2, 3, 4, 5, 6, 7, 8, 9, 10),
    lags=(1, 2, 3, 4, 5, 6, 7, 8, 9, 10),
    C=1.0,
    kernel="linear",
    estimator="cov",
    inner_cv=5,
    scoring="auto",
    ensemble="none",
    band=None,
    metric_tol=1e-8,
    pipelines=None,
    n_splits=5,
    selection="nested",
    random_state=None,
    n_jobs=None,
    time_limit=None,
    mem_limit=None,
    verbose=False,
):
    """Comparison of classifiers by stratified folds within each session.

    Parameters
    ----------
    X : array-like
        Epochs (n, channels, samples), all in one unit.
    y : dict, table or array-like
        Label of each epoch (n,): whole numbers or text.
    session : dict, table or array-like, default=None
        Session of each epoch (n,).
    subject : dict, table or array-like, default=None
        Subject of each epoch (n,).
    sfreq : float, default=None
        Sampling rate in Hz, only needed with a band.
    classifier : {"tangent_svm", "mdm"}, default="tangent_svm"
        What is done with the covariance matrices.
    order : int or {"grid", "ami_cao", "mdop"}, default=1
        Delayed copies of each channel (p of the paper), or the rule that chooses them. Must be >= 1.
    lag : int or {"grid", "ami_cao", "mdop"}, default=1
        Samples between copies (τ of the paper), or the rule that chooses them. Must be >= 1.
    orders : sequence of int, default=(1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
        Orders of the grid. Must be >= 1.
    lags : sequence of int, default=(1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
        Lags of the grid. Must be >= 1.
    C : float or sequence of float, default=1.0
        Weight of errors in the support vector machine; several are tried by cross-validation. Must be > 0.
    kernel : {"linear", "rbf", "grid"}, default="linear"
        Kernel of the support vector machine.
    estimator : {"cov", "scm", "lwf", "oas", "auto"}, default="cov"
        How covariances are estimated.
    inner_cv : int, default=5
        Folds of the cross-validation inside the training set. Must be >= 2.
    scoring : {"auto", "roc_auc", "accuracy"}, default="auto"
        What the search maximises.
    ensemble : {"none", "vote", "kernel"}, default="none"
        What is done with the other good points of the grid.
    band : sequence of float, default=None
        Pass band in Hz that epochs are filtered to first (Butterworth of order 4, no phase shift); none for
        epochs that are filtered already.
    metric_tol : float, default=1e-8
        Greatest norm of the mean logarithm at which a geometric mean counts as found. Must be > 0.
    pipelines : sequence of {"acm_mdm", "acm_tangent_svm", "mdm", "tangent_svm", "csp_lda", "cov_en", "fgmdm"}, default=None
        Classifiers to compare; none for the one of `classifier` with and without embedding.
    n_splits : int, default=5
        Folds within a session. Must be >= 2.
    selection : {"nested", "same_folds"}, default="nested"
        On which data order, lag, C and kernel are chosen.
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

        - `scores`: One row a subject, session and pipeline: score, and the order and lag chosen on the last
          fold.
        - `summary`: One row a pipeline: mean, sd and number of scores.
        - `tests`: One row an ordered pair: mean difference over subjects, one-sided p-values.

    See Also
    --------
    AugmentedCovariance : Covariance matrices of delay-embedded epochs, for any pipeline of SPD matrices.
    ACMClassifier : Classifier of epochs on augmented covariances, with order, lag, C and kernel chosen inside
        the training set.
    bandpass : Epochs filtered to a band without phase shift.
    evaluate_cross_session : Comparison of classifiers with each session in turn left out.
    combine_tests : Comparisons on several data sets as one (Stouffer, weighted by the roots of the numbers of
        subjects).
    select_embedding : Order and lag of an embedding from the signals alone.
    spd_distance : Distances of SPD matrices to a reference.
    spd_geometric_mean : Geometric (or log-Euclidean) mean of SPD matrices.
    spd_log : Logarithms of SPD matrices.
    spd_exp : Exponentials of symmetric matrices.
    spd_sqrtm : Square roots of SPD matrices.
    tangent_space : Tangent vectors of SPD matrices at a reference.

    References
    ----------
    .. [1] Igor Carrara, Theodore Papadopoulo, "Classification of BCI-EEG based on augmented covariance
       matrix", 2023, arXiv:2302.04508.
    """
    return call_function(
        "augmented-covariance",
        "evaluate",
        {"X": X, "y": y, "session": session, "subject": subject, "sfreq": sfreq},
        {
            "classifier": classifier,
            "order": order,
            "lag": lag,
            "orders": orders,
            "lags": lags,
            "C": C,
            "kernel": kernel,
            "estimator": estimator,
            "inner_cv": inner_cv,
            "scoring": scoring,
            "ensemble": ensemble,
            "band": band,
            "metric_tol": metric_tol,
            "pipelines": pipelines,
            "n_splits": n_splits,
            "selection": selection,
            "scheme": "within_session",
        },
        random_state=random_state,
        n_jobs=n_jobs,
        time_limit=time_limit,
        mem_limit=mem_limit,
        verbose=verbose,
    )


def evaluate_cross_session(
    X,
    y,
    session=None,
    subject=None,
    sfreq=None,
    *,
    classifier="tangent_svm",
    order=1,
    lag=1,
    orders=(1, 2, 3, 4, 5, 6, 7, 8, 9, 10),
    lags=(1, 2, 3, 4, 5, 6, 7, 8, 9, 10),
    C=1.0,
    kernel="linear",
    estimator="cov",
    inner_cv=5,
    scoring="auto",
    ensemble="none",
    band=None,
    metric_tol=1e-8,
    pipelines=None,
    n_splits=5,
    selection="nested",
    random_state=None,
    n_jobs=None,
    time_limit=None,
    mem_limit=None,
    verbose=False,
):
    """Comparison of classifiers with each session in turn left out.

    Parameters
    ----------
    X : array-like
        Epochs (n, channels, samples), all in one unit.
    y : dict, table or array-like
        Label of each epoch (n,): whole numbers or text.
    session : dict, table or array-like, default=None
        Session of each epoch (n,).
    subject : dict, table or array-like, default=None
        Subject of each epoch (n,).
    sfreq : float, default=None
        Sampling rate in Hz, only needed with a band.
    classifier : {"tangent_svm", "mdm"}, default="tangent_svm"
        What is done with the covariance matrices.
    order : int or {"grid", "ami_cao", "mdop"}, default=1
        Delayed copies of each channel (p of the paper), or the rule that chooses them. Must be >= 1.
    lag : int or {"grid", "ami_cao", "mdop"}, default=1
        Samples between copies (τ of the paper), or the rule that chooses them. Must be >= 1.
    orders : sequence of int, default=(1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
        Orders of the grid. Must be >= 1.
    lags : sequence of int, default=(1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
        Lags of the grid. Must be >= 1.
    C : float or sequence of float, default=1.0
        Weight of errors in the support vector machine; several are tried by cross-validation. Must be > 0.
    kernel : {"linear", "rbf", "grid"}, default="linear"
        Kernel of the support vector machine.
    estimator : {"cov", "scm", "lwf", "oas", "auto"}, default="cov"
        How covariances are estimated.
    inner_cv : int, default=5
        Folds of the cross-validation inside the training set. Must be >= 2.
    scoring : {"auto", "roc_auc", "accuracy"}, default="auto"
        What the search maximises.
    ensemble : {"none", "vote", "kernel"}, default="none"
        What is done with the other good points of the grid.
    band : sequence of float, default=None
        Pass band in Hz that epochs are filtered to first (Butterworth of order 4, no phase shift); none for
        epochs that are filtered already.
    metric_tol : float, default=1e-8
        Greatest norm of the mean logarithm at which a geometric mean counts as found. Must be > 0.
    pipelines : sequence of {"acm_mdm", "acm_tangent_svm", "mdm", "tangent_svm", "csp_lda", "cov_en", "fgmdm"}, default=None
        Classifiers to compare; none for the one of `classifier` with and without embedding.
    n_splits : int, default=5
        Folds within a session. Must be >= 2.
    selection : {"nested", "same_folds"}, default="nested"
        On which data order, lag, C and kernel are chosen.
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

        - `scores`: One row a subject, session and pipeline: score, and the order and lag chosen on the last
          fold.
        - `summary`: One row a pipeline: mean, sd and number of scores.
        - `tests`: One row an ordered pair: mean difference over subjects, one-sided p-values.

    See Also
    --------
    AugmentedCovariance : Covariance matrices of delay-embedded epochs, for any pipeline of SPD matrices.
    ACMClassifier : Classifier of epochs on augmented covariances, with order, lag, C and kernel chosen inside
        the training set.
    bandpass : Epochs filtered to a band without phase shift.
    evaluate_within_session : Comparison of classifiers by stratified folds within each session.
    combine_tests : Comparisons on several data sets as one (Stouffer, weighted by the roots of the numbers of
        subjects).
    select_embedding : Order and lag of an embedding from the signals alone.
    spd_distance : Distances of SPD matrices to a reference.
    spd_geometric_mean : Geometric (or log-Euclidean) mean of SPD matrices.
    spd_log : Logarithms of SPD matrices.
    spd_exp : Exponentials of symmetric matrices.
    spd_sqrtm : Square roots of SPD matrices.
    tangent_space : Tangent vectors of SPD matrices at a reference.

    References
    ----------
    .. [1] Igor Carrara, Theodore Papadopoulo, "Classification of BCI-EEG based on augmented covariance
       matrix", 2023, arXiv:2302.04508.
    """
    return call_function(
        "augmented-covariance",
        "evaluate",
        {"X": X, "y": y, "session": session, "subject": subject, "sfreq": sfreq},
        {
            "classifier": classifier,
            "order": order,
            "lag": lag,
            "orders": orders,
            "lags": lags,
            "C": C,
            "kernel": kernel,
            "estimator": estimator,
            "inner_cv": inner_cv,
            "scoring": scoring,
            "ensemble": ensemble,
            "band": band,
            "metric_tol": metric_tol,
            "pipelines": pipelines,
            "n_splits": n_splits,
            "selection": selection,
            "scheme": "cross_session",
        },
        random_state=random_state,
        n_jobs=n_jobs,
        time_limit=time_limit,
        mem_limit=mem_limit,
        verbose=verbose,
    )


def combine_tests(tests, *, n_jobs=None, time_limit=None, mem_limit=None, verbose=False):
    """Comparisons on several data sets as one (Stouffer, weighted by the roots of the numbers of subjects).

    Parameters
    ----------
    tests : dict, table or array-like
        One row a data set and ordered pair of pipelines: better, than, n_subjects, difference, p_value, as
        the tests of `evaluate`.
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
    combined : Table
        One row an ordered pair: data sets, subjects, mean difference, combined p-values.

    See Also
    --------
    AugmentedCovariance : Covariance matrices of delay-embedded epochs, for any pipeline of SPD matrices.
    ACMClassifier : Classifier of epochs on augmented covariances, with order, lag, C and kernel chosen inside
        the training set.
    bandpass : Epochs filtered to a band without phase shift.
    evaluate_within_session : Comparison of classifiers by stratified folds within each session.
    evaluate_cross_session : Comparison of classifiers with each session in turn left out.
    select_embedding : Order and lag of an embedding from the signals alone.
    spd_distance : Distances of SPD matrices to a reference.
    spd_geometric_mean : Geometric (or log-Euclidean) mean of SPD matrices.
    spd_log : Logarithms of SPD matrices.
    spd_exp : Exponentials of symmetric matrices.
    spd_sqrtm : Square roots of SPD matrices.
    tangent_space : Tangent vectors of SPD matrices at a reference.

    References
    ----------
    .. [1] Igor Carrara, Theodore Papadopoulo, "Classification of BCI-EEG based on augmented covariance
       matrix", 2023, arXiv:2302.04508.
    """
    return call_function(
        "augmented-covariance",
        "combine",
        {"tests": tests},
        {},
        returns=("combined",),
        n_jobs=n_jobs,
        time_limit=time_limit,
        mem_limit=mem_limit,
        verbose=verbose,
    )


def select_embedding(X, *, rule="ami_cao", n_jobs=None, time_limit=None, mem_limit=None, verbose=False):
    """Order and lag of an embedding from the signals alone.

    Parameters
    ----------
    X : array-like
        Epochs (n, channels, samples), all in one unit.
    rule : {"ami_cao", "mdop"}, default="ami_cao"
        How order and lag are chosen.
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

        - `order`: Order p.
        - `lag`: Lag τ in samples.
        - `information`: Average mutual information (bits) at the lags 0, 1, ...
        - `saturation`: Cao's E1 at the orders 1, 2, ...; empty for 'mdop'.
        - `delays`: Delays in the order in which 'mdop' chose them; empty for 'ami_cao'.

    See Also
    --------
    AugmentedCovariance : Covariance matrices of delay-embedded epochs, for any pipeline of SPD matrices.
    ACMClassifier : Classifier of epochs on augmented covariances, with order, lag, C and kernel chosen inside
        the training set.
    bandpass : Epochs filtered to a band without phase shift.
    evaluate_within_session : Comparison of classifiers by stratified folds within each session.
    evaluate_cross_session : Comparison of classifiers with each session in turn left out.
    combine_tests : Comparisons on several data sets as one (Stouffer, weighted by the roots of the numbers of
        subjects).
    spd_distance : Distances of SPD matrices to a reference.
    spd_geometric_mean : Geometric (or log-Euclidean) mean of SPD matrices.
    spd_log : Logarithms of SPD matrices.
    spd_exp : Exponentials of symmetric matrices.
    spd_sqrtm : Square roots of SPD matrices.
    tangent_space : Tangent vectors of SPD matrices at a reference.

    References
    ----------
    .. [1] Igor Carrara, Theodore Papadopoulo, "Classification of BCI-EEG based on augmented covariance
       matrix", 2023, arXiv:2302.04508.
    """
    return call_function(
        "augmented-covariance",
        "select",
        {"X": X},
        {"rule": rule},
        n_jobs=n_jobs,
        time_limit=time_limit,
        mem_limit=mem_limit,
        verbose=verbose,
    )


def spd_distance(
    matrices,
    reference,
    *,
    metric="affine_invariant",
    n_jobs=None,
    time_limit=None,
    mem_limit=None,
    verbose=False,
):
    """Distances of SPD matrices to a reference.

    Parameters
    ----------
    matrices : array-like
        Symmetric positive definite matrices (n, P, P).
    reference : array-like
        A symmetric positive definite matrix (P, P).
    metric : {"affine_invariant", "log_euclidean"}, default="affine_invariant"
        How distance and mean are defined.
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
    distance : ndarray
        Distance of each matrix to the reference (n,).

    See Also
    --------
    AugmentedCovariance : Covariance matrices of delay-embedded epochs, for any pipeline of SPD matrices.
    ACMClassifier : Classifier of epochs on augmented covariances, with order, lag, C and kernel chosen inside
        the training set.
    bandpass : Epochs filtered to a band without phase shift.
    evaluate_within_session : Comparison of classifiers by stratified folds within each session.
    evaluate_cross_session : Comparison of classifiers with each session in turn left out.
    combine_tests : Comparisons on several data sets as one (Stouffer, weighted by the roots of the numbers of
        subjects).
    select_embedding : Order and lag of an embedding from the signals alone.
    spd_geometric_mean : Geometric (or log-Euclidean) mean of SPD matrices.
    spd_log : Logarithms of SPD matrices.
    spd_exp : Exponentials of symmetric matrices.
    spd_sqrtm : Square roots of SPD matrices.
    tangent_space : Tangent vectors of SPD matrices at a reference.

    References
    ----------
    .. [1] Igor Carrara, Theodore Papadopoulo, "Classification of BCI-EEG based on augmented covariance
       matrix", 2023, arXiv:2302.04508.
    """
    return call_function(
        "augmented-covariance",
        "spd-distance",
        {"matrices": matrices, "reference": reference},
        {"metric": metric},
        returns=("distance",),
        n_jobs=n_jobs,
        time_limit=time_limit,
        mem_limit=mem_limit,
        verbose=verbose,
    )


def spd_geometric_mean(
    matrices,
    *,
    metric="affine_invariant",
    tol=1e-8,
    max_iter=50,
    n_jobs=None,
    time_limit=None,
    mem_limit=None,
    verbose=False,
):
    """Geometric (or log-Euclidean) mean of SPD matrices.

    Parameters
    ----------
    matrices : array-like
        Symmetric positive definite matrices (n, P, P).
    metric : {"affine_invariant", "log_euclidean"}, default="affine_invariant"
        How distance and mean are defined.
    tol : float, default=1e-8
        Greatest norm of the mean logarithm at which a geometric mean counts as found. Must be > 0.
    max_iter : int, default=50
        Greatest number of iterations. Must be >= 1.
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
    mean : ndarray
        The mean (P, P).

    See Also
    --------
    AugmentedCovariance : Covariance matrices of delay-embedded epochs, for any pipeline of SPD matrices.
    ACMClassifier : Classifier of epochs on augmented covariances, with order, lag, C and kernel chosen inside
        the training set.
    bandpass : Epochs filtered to a band without phase shift.
    evaluate_within_session : Comparison of classifiers by stratified folds within each session.
    evaluate_cross_session : Comparison of classifiers with each session in turn left out.
    combine_tests : Comparisons on several data sets as one (Stouffer, weighted by the roots of the numbers of
        subjects).
    select_embedding : Order and lag of an embedding from the signals alone.
    spd_distance : Distances of SPD matrices to a reference.
    spd_log : Logarithms of SPD matrices.
    spd_exp : Exponentials of symmetric matrices.
    spd_sqrtm : Square roots of SPD matrices.
    tangent_space : Tangent vectors of SPD matrices at a reference.

    References
    ----------
    .. [1] Igor Carrara, Theodore Papadopoulo, "Classification of BCI-EEG based on augmented covariance
       matrix", 2023, arXiv:2302.04508.
    """
    return call_function(
        "augmented-covariance",
        "spd-mean",
        {"matrices": matrices},
        {"metric": metric, "tol": tol, "max_iter": max_iter},
        returns=("mean",),
        n_jobs=n_jobs,
        time_limit=time_limit,
        mem_limit=mem_limit,
        verbose=verbose,
    )


def spd_log(matrices, *, n_jobs=None, time_limit=None, mem_limit=None, verbose=False):
    """Logarithms of SPD matrices.

    Parameters
    ----------
    matrices : array-like
        Symmetric positive definite matrices (n, P, P).
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
    matrices : ndarray
        Symmetric matrices (n, P, P).

    See Also
    --------
    AugmentedCovariance : Covariance matrices of delay-embedded epochs, for any pipeline of SPD matrices.
    ACMClassifier : Classifier of epochs on augmented covariances, with order, lag, C and kernel chosen inside
        the training set.
    bandpass : Epochs filtered to a band without phase shift.
    evaluate_within_session : Comparison of classifiers by stratified folds within each session.
    evaluate_cross_session : Comparison of classifiers with each session in turn left out.
    combine_tests : Comparisons on several data sets as one (Stouffer, weighted by the roots of the numbers of
        subjects).
    select_embedding : Order and lag of an embedding from the signals alone.
    spd_distance : Distances of SPD matrices to a reference.
    spd_geometric_mean : Geometric (or log-Euclidean) mean of SPD matrices.
    spd_exp : Exponentials of symmetric matrices.
    spd_sqrtm : Square roots of SPD matrices.
    tangent_space : Tangent vectors of SPD matrices at a reference.

    References
    ----------
    .. [1] Igor Carrara, Theodore Papadopoulo, "Classification of BCI-EEG based on augmented covariance
       matrix", 2023, arXiv:2302.04508.
    """
    return call_function(
        "augmented-covariance",
        "spd-map",
        {"matrices": matrices},
        {"function": "log"},
        returns=("matrices",),
        n_jobs=n_jobs,
        time_limit=time_limit,
        mem_limit=mem_limit,
        verbose=verbose,
    )


def spd_exp(matrices, *, n_jobs=None, time_limit=None, mem_limit=None, verbose=False):
    """Exponentials of symmetric matrices.

    Parameters
    ----------
    matrices : array-like
        Symmetric positive definite matrices (n, P, P).
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
    matrices : ndarray
        Symmetric matrices (n, P, P).

    See Also
    --------
    AugmentedCovariance : Covariance matrices of delay-embedded epochs, for any pipeline of SPD matrices.
    ACMClassifier : Classifier of epochs on augmented covariances, with order, lag, C and kernel chosen inside
        the training set.
    bandpass : Epochs filtered to a band without phase shift.
    evaluate_within_session : Comparison of classifiers by stratified folds within each session.
    evaluate_cross_session : Comparison of classifiers with each session in turn left out.
    combine_tests : Comparisons on several data sets as one (Stouffer, weighted by the roots of the numbers of
        subjects).
    select_embedding : Order and lag of an embedding from the signals alone.
    spd_distance : Distances of SPD matrices to a reference.
    spd_geometric_mean : Geometric (or log-Euclidean) mean of SPD matrices.
    spd_log : Logarithms of SPD matrices.
    spd_sqrtm : Square roots of SPD matrices.
    tangent_space : Tangent vectors of SPD matrices at a reference.

    References
    ----------
    .. [1] Igor Carrara, Theodore Papadopoulo, "Classification of BCI-EEG based on augmented covariance
       matrix", 2023, arXiv:2302.04508.
    """
    return call_function(
        "augmented-covariance",
        "spd-map",
        {"matrices": matrices},
        {"function": "exp"},
        returns=("matrices",),
        n_jobs=n_jobs,
        time_limit=time_limit,
        mem_limit=mem_limit,
        verbose=verbose,
    )


def spd_sqrtm(matrices, *, n_jobs=None, time_limit=None, mem_limit=None, verbose=False):
    """Square roots of SPD matrices.

    Parameters
    ----------
    matrices : array-like
        Symmetric positive definite matrices (n, P, P).
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
    matrices : ndarray
        Symmetric matrices (n, P, P).

    See Also
    --------
    AugmentedCovariance : Covariance matrices of delay-embedded epochs, for any pipeline of SPD matrices.
    ACMClassifier : Classifier of epochs on augmented covariances, with order, lag, C and kernel chosen inside
        the training set.
    bandpass : Epochs filtered to a band without phase shift.
    evaluate_within_session : Comparison of classifiers by stratified folds within each session.
    evaluate_cross_session : Comparison of classifiers with each session in turn left out.
    combine_tests : Comparisons on several data sets as one (Stouffer, weighted by the roots of the numbers of
        subjects).
    select_embedding : Order and lag of an embedding from the signals alone.
    spd_distance : Distances of SPD matrices to a reference.
    spd_geometric_mean : Geometric (or log-Euclidean) mean of SPD matrices.
    spd_log : Logarithms of SPD matrices.
    spd_exp : Exponentials of symmetric matrices.
    tangent_space : Tangent vectors of SPD matrices at a reference.

    References
    ----------
    .. [1] Igor Carrara, Theodore Papadopoulo, "Classification of BCI-EEG based on augmented covariance
       matrix", 2023, arXiv:2302.04508.
    """
    return call_function(
        "augmented-covariance",
        "spd-map",
        {"matrices": matrices},
        {"function": "sqrt"},
        returns=("matrices",),
        n_jobs=n_jobs,
        time_limit=time_limit,
        mem_limit=mem_limit,
        verbose=verbose,
    )


def tangent_space(
    matrices,
    reference,
    *,
    metric="affine_invariant",
    n_jobs=None,
    time_limit=None,
    mem_limit=None,
    verbose=False,
):
    """Tangent vectors of SPD matrices at a reference.

    Parameters
    ----------
    matrices : array-like
        Symmetric positive definite matrices (n, P, P).
    reference : array-like
        A symmetric positive definite matrix (P, P).
    metric : {"affine_invariant", "log_euclidean"}, default="affine_invariant"
        How distance and mean are defined.
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
    vectors : ndarray
        Tangent vectors (n, P(P+1)/2): upper triangles row by row, off the diagonal times sqrt 2.

    See Also
    --------
    AugmentedCovariance : Covariance matrices of delay-embedded epochs, for any pipeline of SPD matrices.
    ACMClassifier : Classifier of epochs on augmented covariances, with order, lag, C and kernel chosen inside
        the training set.
    bandpass : Epochs filtered to a band without phase shift.
    evaluate_within_session : Comparison of classifiers by stratified folds within each session.
    evaluate_cross_session : Comparison of classifiers with each session in turn left out.
    combine_tests : Comparisons on several data sets as one (Stouffer, weighted by the roots of the numbers of
        subjects).
    select_embedding : Order and lag of an embedding from the signals alone.
    spd_distance : Distances of SPD matrices to a reference.
    spd_geometric_mean : Geometric (or log-Euclidean) mean of SPD matrices.
    spd_log : Logarithms of SPD matrices.
    spd_exp : Exponentials of symmetric matrices.
    spd_sqrtm : Square roots of SPD matrices.

    References
    ----------
    .. [1] Igor Carrara, Theodore Papadopoulo, "Classification of BCI-EEG based on augmented covariance
       matrix", 2023, arXiv:2302.04508.
    """
    return call_function(
        "augmented-covariance",
        "tangent-space",
        {"matrices": matrices, "reference": reference},
        {"metric": metric},
        returns=("vectors",),
        n_jobs=n_jobs,
        time_limit=time_limit,
        mem_limit=mem_limit,
        verbose=verbose,
    )
