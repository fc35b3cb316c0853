"""Methods of the family transport: Monge gap.

Written by `cargo xtask gen` from the registry: do not edit.
"""

from ._base import Transformer, call_function

__all__ = ["MongeGapMap", "certificate", "monge_gap", "monge_gap_gradient", "sinkhorn_divergence"]


class MongeGapMap(Transformer):
    """An optimal transport map, learned from unpaired samples with the Monge gap.

    Parameters
    ----------
    cost : {"sqeuclidean", "euclidean", "pnorm", "cosine", "sphere"}, default="sqeuclidean"
        Ground cost of the Monge gap; in Python also a pair of functions of paired rows x, y (n, d): the costs
        (n,), and their gradients in y (n, d).
    p : float, default=2.0
        Exponent of the cost `pnorm`. Must be >= 1.
    lambda_mg : float or sequence of float, default=1.0
        Weight of the Monge gap against the fitting loss (λ_MG): one number, or one for each training step.
        Must be >= 0.
    lambda_cons : float, default=0.0
        Weight of the penalty on the network's Jacobian being asymmetric; needs arch = 'structured' where > 0.
        Must be >= 0.
    arch : {"mlp", "structured", "sphere"}, default="mlp"
        Form of the map.
    hidden : sequence of int, default=(128, 64, 64)
        Widths of the hidden layers. Must be >= 1.
    eps_fit_rel : float, default=0.1
        Regularisation of the fitting loss as a share of the mean squared distance within a target batch. Must
        be > 0.
    eps_reg_rel : float, default=0.01
        Regularisation of the gap as a share of the mean cost between a source and a target batch. Must be >
        0.
    eps_fit : float, default=None
        Regularisation of the fitting loss itself; none for the relative one. Must be > 0.
    eps_reg : float, default=None
        Regularisation of the gap itself; none for the relative one. Must be > 0.
    batch_size : int, default=256
        Rows of a batch; at most the number of source rows. Must be >= 2.
    num_iters : int, default=5000
        Training steps. Must be >= 1.
    learning_rate : float, default=0.001
        Step size of Adam at the start. Must be > 0.
    final_rate : float, default=1.0
        Share of the learning rate that is left at the end of a half cosine; 1 for a constant rate. Must be in
        (0, 1].
    sinkhorn_threshold : float, default=0.001
        L1 error of the marginal at which Sinkhorn stops. Must be > 0.
    sinkhorn_max_iter : int, default=2000
        Most Sinkhorn iterations a problem. Must be >= 1.
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
    monge_gap : How far a map x -> y is from optimal.
    monge_gap_gradient : The entropic Monge gap and its gradient with respect to the images.
    sinkhorn_divergence : Sinkhorn divergence between two samples.
    certificate : Exact gap of a map with an interval, and the points that it moves wrongly.

    References
    ----------
    .. [1] Théo Uscidda, Marco Cuturi, "The Monge Gap: A Regularizer to Learn All Transport Maps", 2023,
       arXiv:2302.04953.

    Examples
    --------
    >>> from elinvar.transport import MongeGapMap
    >>> fitted = MongeGapMap().fit(**MongeGapMap.example("fit"))
    >>> found = fitted.transform(**MongeGapMap.example("transform"))
    """

    _method = "monge-gap"

    def __init__(
        self,
        *,
        cost="sqeuclidean",
        p=2.0,
        lambda_mg=1.0,
        lambda_cons=0.0,
        arch="mlp",
        hidden=(128, 64, 64),
        eps_fit_rel=0.1,
        eps_reg_rel=0.01,
        eps_fit=None,
        eps_reg=None,
        batch_size=256,
        num_iters=5000,
        learning_rate=0.001,
        final_rate=1.0,
        sinkhorn_threshold=0.001,
        sinkhorn_max_iter=2000,
        random_state=None,
        n_jobs=None,
        time_limit=None,
        mem_limit=None,
        verbose=False,
    ):
        self.cost = cost
        self.p = p
        self.lambda_mg = lambda_mg
        self.lambda_cons = lambda_cons
        self.arch = arch
        self.hidden = hidden
        self.eps_fit_rel = eps_fit_rel
        self.eps_reg_rel = eps_reg_rel
        self.eps_fit = eps_fit
        self.eps_reg = eps_reg
        self.batch_size = batch_size
        self.num_iters = num_iters
        self.learning_rate = learning_rate
        self.final_rate = final_rate
        self.sinkhorn_threshold = sinkhorn_threshold
        self.sinkhorn_max_iter = sinkhorn_max_iter
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.time_limit = time_limit
        self.mem_limit = mem_limit
        self.verbose = verbose

    def fit(self, X, Y, reference=None):
        """Learn an optimal transport map from unpaired samples.

        Parameters
        ----------
        X : array-like
            Source points (n, d).
        Y : array-like
            Target points (m, d).
        reference : array-like, default=None
            Points (r, d) to take the gap on in place of the source.

        Returns
        -------
        self : MongeGapMap
            The fitted object.
        """
        return self._fit("fit", {"X": X, "Y": Y, "reference": reference})

    def transform(self, X):
        """Map new points.

        Parameters
        ----------
        X : array-like
            Points to map (n, d).

        Returns
        -------
        images : ndarray
            Image of each point (n, d).
        """
        return self._apply("apply", {"X": X}, returns=("images",))

    def score(self, X, Y, *, epsilon=None):
        """How well the images of X meet a target sample: minus their Sinkhorn divergence.

        Parameters
        ----------
        X : array-like
            Points (n, d).
        Y : array-like
            Images, row by row, or a second sample (m, d).
        epsilon : float, default=None
            Regularisation in squared units of the data; none for 0.1 of the mean squared distance within y.
            Must be > 0.

        Returns
        -------
        score : float
            Minus the Sinkhorn divergence of the images from Y.
        """
        return self._apply("score", {"X": X, "Y": Y}, {"epsilon": epsilon}, returns=("score",))

    def gap(self, X, *, method="entropic", epsilon=None):
        """How far a fitted map is from optimal on these points, for its own cost.

        Parameters
        ----------
        X : array-like
            Points to map (n, d).
        method : {"entropic", "exact"}, default="entropic"
            Entropic or exact.
        epsilon : float, default=None
            Regularisation in units of the cost; none for that of the fit. Must be > 0.

        Returns
        -------
        findings : Findings
            With the attributes

            - `value`: The gap, in units of the cost.
            - `primal_gap`: <I/n - P, C>: the same without the entropy.
            - `epsilon`: Regularisation; 0 for the exact gap.
            - `iterations`: Sinkhorn iterations; 0 for the exact gap.
            - `converged`: Whether the threshold was met.
        """
        return self._apply("map-gap", {"X": X}, {"method": method, "epsilon": epsilon})


def monge_gap(
    X,
    Y,
    *,
    cost="sqeuclidean",
    p=2.0,
    method="entropic",
    epsilon=None,
    sinkhorn_threshold=0.001,
    sinkhorn_max_iter=2000,
    n_jobs=None,
    time_limit=None,
    mem_limit=None,
    verbose=False,
):
    """How far a map x -> y is from optimal.

    Parameters
    ----------
    X : array-like
        Points (n, d).
    Y : array-like
        Images, row by row, or a second sample (m, d).
    cost : {"sqeuclidean", "euclidean", "pnorm", "cosine", "sphere"}, default="sqeuclidean"
        Ground cost; in Python also a pair of functions of paired rows x, y (n, d): the costs (n,), and their
        gradients in y (n, d).
    p : float, default=2.0
        Exponent of the cost `pnorm`. Must be >= 1.
    method : {"entropic", "exact"}, default="entropic"
        Entropic or exact.
    epsilon : float, default=None
        Regularisation in units of the cost; none for 0.01 of the mean cost. Use method='exact' for the
        unregularised gap. Must be > 0.
    sinkhorn_threshold : float, default=0.001
        L1 error of the marginal at which Sinkhorn stops. Must be > 0.
    sinkhorn_max_iter : int, default=2000
        Most Sinkhorn iterations. Must be >= 1.
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

        - `value`: The gap, in units of the cost.
        - `primal_gap`: <I/n - P, C>: the same without the entropy.
        - `epsilon`: Regularisation; 0 for the exact gap.
        - `iterations`: Sinkhorn iterations; 0 for the exact gap.
        - `converged`: Whether the threshold was met.

    See Also
    --------
    MongeGapMap : An optimal transport map, learned from unpaired samples with the Monge gap.
    monge_gap_gradient : The entropic Monge gap and its gradient with respect to the images.
    sinkhorn_divergence : Sinkhorn divergence between two samples.
    certificate : Exact gap of a map with an interval, and the points that it moves wrongly.

    References
    ----------
    .. [1] Théo Uscidda, Marco Cuturi, "The Monge Gap: A Regularizer to Learn All Transport Maps", 2023,
       arXiv:2302.04953.
    """
    return call_function(
        "monge-gap",
        "gap",
        {"X": X, "Y": Y},
        {
            "cost": cost,
            "p": p,
            "method": method,
            "epsilon": epsilon,
            "sinkhorn_threshold": sinkhorn_threshold,
            "sinkhorn_max_iter": sinkhorn_max_iter,
        },
        n_jobs=n_jobs,
        time_limit=time_limit,
        mem_limit=mem_limit,
        verbose=verbose,
    )


def monge_gap_gradient(
    X,
    Y,
    *,
    cost="sqeuclidean",
    p=2.0,
    method="entropic",
    epsilon=None,
    sinkhorn_threshold=0.001,
    sinkhorn_max_iter=2000,
    n_jobs=None,
    time_limit=None,
    mem_limit=None,
    verbose=False,
):
    """The entropic Monge gap and its gradient with respect to the images.

    Parameters
    ----------
    X : array-like
        Points (n, d).
    Y : array-like
        Images, row by row, or a second sample (m, d).
    cost : {"sqeuclidean", "euclidean", "pnorm", "cosine", "sphere"}, default="sqeuclidean"
        Ground cost; in Python also a pair of functions of paired rows x, y (n, d): the costs (n,), and their
        gradients in y (n, d).
    p : float, default=2.0
        Exponent of the cost `pnorm`. Must be >= 1.
    method : {"entropic", "exact"}, default="entropic"
        Entropic or exact.
    epsilon : float, default=None
        Regularisation in units of the cost; none for 0.01 of the mean cost. Use method='exact' for the
        unregularised gap. Must be > 0.
    sinkhorn_threshold : float, default=0.001
        L1 error of the marginal at which Sinkhorn stops. Must be > 0.
    sinkhorn_max_iter : int, default=2000
        Most Sinkhorn iterations. Must be >= 1.
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

        - `value`: The entropic gap, in units of the cost.
        - `gradient`: Derivative of the gap with respect to each image (n, d).

    See Also
    --------
    MongeGapMap : An optimal transport map, learned from unpaired samples with the Monge gap.
    monge_gap : How far a map x -> y is from optimal.
    sinkhorn_divergence : Sinkhorn divergence between two samples.
    certificate : Exact gap of a map with an interval, and the points that it moves wrongly.

    References
    ----------
    .. [1] Théo Uscidda, Marco Cuturi, "The Monge Gap: A Regularizer to Learn All Transport Maps", 2023,
       arXiv:2302.04953.
    """
    return call_function(
        "monge-gap",
        "gradient",
        {"X": X, "Y": Y},
        {
            "cost": cost,
            "p": p,
            "method": method,
            "epsilon": epsilon,
            "sinkhorn_threshold": sinkhorn_threshold,
            "sinkhorn_max_iter": sinkhorn_max_iter,
        },
        n_jobs=n_jobs,
        time_limit=time_limit,
        mem_limit=mem_limit,
        verbose=verbose,
    )


def sinkhorn_divergence(
    X,
    Y,
    *,
    epsilon=None,
    sinkhorn_threshold=1e-6,
    sinkhorn_max_iter=5000,
    n_jobs=None,
    time_limit=None,
    mem_limit=None,
    verbose=False,
):
    """Sinkhorn divergence between two samples.

    Parameters
    ----------
    X : array-like
        Points (n, d).
    Y : array-like
        Images, row by row, or a second sample (m, d).
    epsilon : float, default=None
        Regularisation in squared units of the data; none for 0.1 of the mean squared distance within y. Must
        be > 0.
    sinkhorn_threshold : float, default=1e-6
        L1 error of the marginal at which Sinkhorn stops. Must be > 0.
    sinkhorn_max_iter : int, default=5000
        Most Sinkhorn iterations. Must be >= 1.
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
    divergence : float
        Sinkhorn divergence with squared Euclidean cost.

    See Also
    --------
    MongeGapMap : An optimal transport map, learned from unpaired samples with the Monge gap.
    monge_gap : How far a map x -> y is from optimal.
    monge_gap_gradient : The entropic Monge gap and its gradient with respect to the images.
    certificate : Exact gap of a map with an interval, and the points that it moves wrongly.

    References
    ----------
    .. [1] Théo Uscidda, Marco Cuturi, "The Monge Gap: A Regularizer to Learn All Transport Maps", 2023,
       arXiv:2302.04953.
    """
    return call_function(
        "monge-gap",
        "divergence",
        {"X": X, "Y": Y},
        {
            "epsilon": epsilon,
            "sinkhorn_threshold": sinkhorn_threshold,
            "sinkhorn_max_iter": sinkhorn_max_iter,
        },
        returns=("divergence",),
        n_jobs=n_jobs,
        time_limit=time_limit,
        mem_limit=mem_limit,
        verbose=verbose,
    )


def certificate(
    X,
    Y,
    *,
    cost="sqeuclidean",
    p=2.0,
    worst=10,
    resamples=2000,
    random_state=None,
    n_jobs=None,
    time_limit=None,
    mem_limit=None,
    verbose=False,
):
    """Exact gap of a map with an interval, and the points that it moves wrongly.

    Parameters
    ----------
    X : array-like
        Points (n, d).
    Y : array-like
        Images, row by row, or a second sample (m, d).
    cost : {"sqeuclidean", "euclidean", "pnorm", "cosine", "sphere"}, default="sqeuclidean"
        Ground cost; in Python also a pair of functions of paired rows x, y (n, d): the costs (n,), and their
        gradients in y (n, d).
    p : float, default=2.0
        Exponent of the cost `pnorm`. Must be >= 1.
    worst : int, default=10
        How many of the worst points to name. Must be >= 1.
    resamples : int, default=2000
        Bootstrap resamples of the interval. Must be >= 1.
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

        - `gap`: Exact gap, in units of the cost.
        - `low`: Lower end of the 95 % bootstrap interval.
        - `high`: Upper end of the 95 % bootstrap interval.
        - `share_of_cost`: Gap over the mean cost of the map.
        - `violations`: The points moved worst: row, better_image, excess.
        - `cycles`: Exchanges that would lower the cost: rows, saving.

    See Also
    --------
    MongeGapMap : An optimal transport map, learned from unpaired samples with the Monge gap.
    monge_gap : How far a map x -> y is from optimal.
    monge_gap_gradient : The entropic Monge gap and its gradient with respect to the images.
    sinkhorn_divergence : Sinkhorn divergence between two samples.

    References
    ----------
    .. [1] Théo Uscidda, Marco Cuturi, "The Monge Gap: A Regularizer to Learn All Transport Maps", 2023,
       arXiv:2302.04953.
    """
    return call_function(
        "monge-gap",
        "certificate",
        {"X": X, "Y": Y},
        {"cost": cost, "p": p, "worst": worst, "resamples": resamples},
        random_state=random_state,
        n_jobs=n_jobs,
        time_limit=time_limit,
        mem_limit=mem_limit,
        verbose=verbose,
    )
