"""Methods of the family diagnostics: Solution degeneracy of recurrent networks.

Written by `cargo xtask gen` from the registry: do not edit.
"""

from ._base import Bound, Estimator, call_function

__all__ = ["DegeneracyAnalysis", "ImportedNetworks", "RnnEnsemble", "dsa_distance", "havok", "pif_distance"]


class DegeneracyAnalysis(Bound):
    """How alike recurrent networks are that learned one task.

    Parameters
    ----------
    n_delays : int, default=1
        States in a row of delay coordinates: the present one and those before it. Must be >= 1.
    delay_interval : int, default=1
        Steps between the states of such a row. Must be >= 1.
    rank : int, default=None
        Leading whitened coordinates that the dynamics are fitted in; none for all that every network has
        above the rounding of its states. Conclusions can depend on it: see `sensitivity`. Must be >= 1.
    lam : float, default=1e-8
        Ridge of the regression of the next coordinates on the present ones. Must be >= 0.
    score : {"euclidean", "angular", "wasserstein"}, default="euclidean"
        How two operators are compared.
    n_starts : int, default=8
        Random starts of the search for the best alignment of two operators, beside the two that are always
        tried; the best is taken. Must be >= 1.
    pif_starts : int, default=4
        Starts of the search for the best matching of two networks' units. Must be >= 1.
    precision : float, default=0.05
        Half the width of the 95 % interval, relative to the mean distance, for which `networks_needed` is
        computed. Must be > 0.
    allow_unconverged : bool, default=False
        Whether networks that did not converge may be compared.
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
    dynamical_
        Mean distance of the dynamics of two networks.
    weight_
        Mean distance of their weights.
    behavioral_
        Standard deviation of their losses under generalisation.
    dsa_matrix_
        Distances of dynamics (K, K).
    dsa_least_
        What those cannot be below (K, K).
    null_dsa_
        Distance between the halves of each network's trials (K,).
    p_value_
        Of the test that networks differ no more than that.
    mds_
        Points whose distances resemble `dsa_matrix_` (K, 2).
    operators_
        Linear dynamics of each network (K, rank, rank).
    networks_needed_
        Networks for an interval of the wanted precision.
    pif_matrix_
        Distances of weights (K, K).
    pif_scale_free_
        The same relative to the size of the weights (K, K).
    pif_least_
        What `pif_matrix_` cannot be below (K, K).
    pif_permutations_
        Unit of network j for each unit of network i (K, K, n).

    See Also
    --------
    RnnEnsemble : Recurrent networks of one task, trained side by side.
    ImportedNetworks : Recurrent networks that were trained elsewhere, from their state dictionaries.
    dsa_distance : Distance of the dynamics of two networks.
    pif_distance : Distance of two networks' recurrent weights up to the order of units.
    havok : Linear operator of recorded dynamics in whitened delay coordinates.

    References
    ----------
    .. [1] Ann Huang, Satpreet H. Singh, Flavio Martinelli, Kanaka Rajan, "Measuring and Controlling Solution
       Degeneracy across Task-Trained Recurrent Neural Networks", 2025, arXiv:2410.03972.

    Examples
    --------
    >>> from elinvar.diagnostics import DegeneracyAnalysis
    >>> fitted = DegeneracyAnalysis().fit(**DegeneracyAnalysis.example("fit"))
    >>> found = fitted.compare(**DegeneracyAnalysis.example("compare"))
    """

    _method = "rnn-degeneracy"

    def __init__(
        self,
        *,
        n_delays=1,
        delay_interval=1,
        rank=None,
        lam=1e-8,
        score="euclidean",
        n_starts=8,
        pif_starts=4,
        precision=0.05,
        allow_unconverged=False,
        n_jobs=None,
        time_limit=None,
        mem_limit=None,
        verbose=False,
    ):
        self.n_delays = n_delays
        self.delay_interval = delay_interval
        self.rank = rank
        self.lam = lam
        self.score = score
        self.n_starts = n_starts
        self.pif_starts = pif_starts
        self.precision = precision
        self.allow_unconverged = allow_unconverged
        self.n_jobs = n_jobs
        self.time_limit = time_limit
        self.mem_limit = mem_limit
        self.verbose = verbose

    def fit(self, hidden, weights=None, ood_loss=None, converged=None):
        """Distances of networks in dynamics, weights and behaviour, and whether they are more than noise.

        Parameters
        ----------
        hidden : array-like
            States of the networks on the same trials (K, trials, T, n).
        weights : array-like, default=None
            Recurrent weights (K, n, n), or (K, gates n, n) of gated cells, gate by gate.
        ood_loss : array-like, default=None
            Loss of each network on held-out trials of another kind (K,).
        converged : array-like, default=None
            1 for a network that learned the task, else 0 (K,).

        Returns
        -------
        self : DegeneracyAnalysis
            The fitted object.
        """
        return self._bind(
            "analyze",
            {"hidden": hidden, "weights": weights, "ood_loss": ood_loss, "converged": converged},
        )

    def compare(self, levels, *, n_resamples=2000):
        """How degeneracy changes with a condition: slopes over its levels with intervals.

        Parameters
        ----------
        levels : array-like
            Level of the condition of each network, such as the number of channels of its task (K,).
        n_resamples : int, default=2000
            Resamples of the networks for the intervals. Must be >= 100.

        Returns
        -------
        findings : Findings
            With the attributes

            - `verdict`: One sentence.
            - `trends`: One row a measure: slope on the level, its 95 % interval over networks, rank
              correlation.
            - `levels`: One row a level: networks, and the degeneracy by each measure.
        """
        return self._measure("compare", {"levels": levels}, {"n_resamples": n_resamples})

    def sensitivity(self, levels=None, *, delays=(1, 2, 4), ranks=(5, 10, 20)):
        """Whether the conclusion on dynamics depends on delays and rank.

        Parameters
        ----------
        levels : array-like, default=None
            Level of the condition of each network (K,).
        delays : sequence of int, default=(1, 2, 4)
            Numbers of delays to try. Must be >= 1.
        ranks : sequence of int, default=(5, 10, 20)
            Ranks to try. Must be >= 1.

        Returns
        -------
        findings : Findings
            With the attributes

            - `verdict`: One sentence.
            - `depends`: Whether the conclusion is not the same at every setting.
            - `settings`: One row a setting: delays, rank, and the mean distance of dynamics or its slope on
              the level.
        """
        return self._measure("sensitivity", {"levels": levels}, {"delays": delays, "ranks": ranks})

    def align(self, *, reference=0):
        """Turn every network to one of them: coordinates, units, mean weights.

        Parameters
        ----------
        reference : int, default=0
            Number of the network that the others are turned to.

        Returns
        -------
        findings : Findings
            With the attributes

            - `orthogonal`: Change of whitened coordinates to those of the reference (K, rank, rank).
            - `permutations`: Unit of each network for each unit of the reference (K, n).
            - `mean_weights`: Mean recurrent weights with units in the order of the reference.
        """
        return self._measure("align", {}, {"reference": reference})


class RnnEnsemble(Estimator):
    """Recurrent networks of one task, trained side by side.

    Parameters
    ----------
    task : {"flipflop", "discrimination", "sine", "path_integration", "lorenz96"}, default="flipflop"
        What the networks learn.
    n_channels : int, default=3
        Independent channels of the task: bits, pairs of pulses, frequencies, dimensions. Must be >= 1.
    hidden : int, default=128
        Units of each network. Must be >= 1.
    n_networks : int, default=50
        Networks, each with starting weights and batches of its own. Must be >= 1.
    unit : {"tanh", "gru", "lstm"}, default="tanh"
        The unit of the networks.
    parametrization : {"standard", "mup"}, default="standard"
        How weights and rates scale with the width; `mup` is for the unit `tanh`.
    gamma : float, default=1.0
        Strength of feature learning under `mup`. Must be > 0.
    tau : float, default=0.1
        Share of a step that the state of a `mup` network moves. Must be in (0, 1].
    l1 : float, default=0.0
        Weight of the sum of absolute recurrent weights in the loss. Must be >= 0.
    nuclear : float, default=0.0
        Weight of the sum of singular values of the recurrent weights in the loss. Must be >= 0.
    threshold : float, default=None
        Mean loss of an epoch below which a network has learned the task; none for that of the task. Must be >
        0.
    patience : int, default=3
        Epochs that a network is trained on after that.
    lr : float, default=0.001
        Learning rate of Adam. Must be > 0.
    plateau : int or None, default=40
        Epochs without a smaller loss after which the learning rate is halved; none for never. Must be >= 1.
    batch_size : int, default=64
        Trials a batch. Must be >= 1.
    clip : float, default=1.0
        Greatest Euclidean norm of a gradient. Must be > 0.
    max_epochs : int, default=1000
        Epochs after which training ends whatever the loss. Must be >= 1.
    steps_per_epoch : int, default=128
        Batches an epoch. Must be >= 1.
    n_trials : int, default=4096
        Trials that the batches of all networks are drawn from. Must be >= 1.
    steps : int, default=100
        Steps of a trial; the discrimination task has its own. Must be >= 2.
    max_delay : int, default=20
        Longest delay of the discrimination task (steps); the shortest is 5. Must be >= 5.
    auxiliary : bool, default=False
        Whether networks also learn by how much the pulses of the discrimination task differ.
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
    device : str, default='cpu'
        Where networks are computed: 'cpu', or what `elinvar doctor` lists, such as 'vulkan'.

    Attributes
    ----------
    n_networks_
        Networks.
    n_units_
        Units of each.
    cell_
        Their unit.
    convergence_
        1 for a network that learned the task, else 0 (K,).
    loss_
        Mean loss of the last epoch (K,), of networks trained here.
    steps_
        Steps of each network (K,), of networks trained here.
    history_ : Table
        Figures of every recorded step.
    status_ : {"converged", "iteration_limit", "time_limit"}
        How the fit ended.
    seed_ : int
        The seed of the fit, also where `random_state` is None.

    See Also
    --------
    DegeneracyAnalysis : How alike recurrent networks are that learned one task.
    ImportedNetworks : Recurrent networks that were trained elsewhere, from their state dictionaries.
    dsa_distance : Distance of the dynamics of two networks.
    pif_distance : Distance of two networks' recurrent weights up to the order of units.
    havok : Linear operator of recorded dynamics in whitened delay coordinates.

    References
    ----------
    .. [1] Ann Huang, Satpreet H. Singh, Flavio Martinelli, Kanaka Rajan, "Measuring and Controlling Solution
       Degeneracy across Task-Trained Recurrent Neural Networks", 2025, arXiv:2410.03972.

    Examples
    --------
    >>> from elinvar.diagnostics import RnnEnsemble
    >>> fitted = RnnEnsemble().fit(**RnnEnsemble.example("fit"))
    >>> found = fitted.states(**RnnEnsemble.example("states"))
    """

    _method = "rnn-degeneracy"

    def __init__(
        self,
        *,
        task="flipflop",
        n_channels=3,
        hidden=128,
        n_networks=50,
        unit="tanh",
        parametrization="standard",
        gamma=1.0,
        tau=0.1,
        l1=0.0,
        nuclear=0.0,
        threshold=None,
        patience=3,
        lr=0.001,
        plateau=40,
        batch_size=64,
        clip=1.0,
        max_epochs=1000,
        steps_per_epoch=128,
        n_trials=4096,
        steps=100,
        max_delay=20,
        auxiliary=False,
        random_state=None,
        n_jobs=None,
        time_limit=None,
        mem_limit=None,
        verbose=False,
        device="cpu",
    ):
        self.task = task
        self.n_channels = n_channels
        self.hidden = hidden
        self.n_networks = n_networks
        self.unit = unit
        self.parametrization = parametrization
        self.gamma = gamma
        self.tau = tau
        self.l1 = l1
        self.nuclear = nuclear
        self.threshold = threshold
        self.patience = patience
        self.lr = lr
        self.plateau = plateau
        self.batch_size = batch_size
        self.clip = clip
        self.max_epochs = max_epochs
        self.steps_per_epoch = steps_per_epoch
        self.n_trials = n_trials
        self.steps = steps
        self.max_delay = max_delay
        self.auxiliary = auxiliary
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.time_limit = time_limit
        self.mem_limit = mem_limit
        self.verbose = verbose
        self.device = device

    def fit(self):
        """Train networks on a task, side by side.

        Returns
        -------
        self : RnnEnsemble
            The fitted object.
        """
        return self._fit("train", {})

    def states(self, inputs=None, *, n_probes=32, probe_steps=None, n_far=256):
        """Record the networks on the same trials: what `analyze` takes.

        Parameters
        ----------
        inputs : array-like, default=None
            Inputs to record on (trials, T, inputs); trials of the task where absent.
        n_probes : int, default=32
            Trials to record, where no inputs are given. Must be >= 1.
        probe_steps : int, default=None
            Steps of such a trial; none for that of training. Must be >= 2.
        n_far : int, default=256
            Trials for the loss under generalisation (twice as long, of the discrimination task with delays
            twice as long). Must be >= 1.

        Returns
        -------
        findings : Findings
            With the attributes

            - `hidden`: States of the networks (K, trials, T, n).
            - `outputs`: Their results (K, trials, T, outputs).
            - `weights`: Their recurrent weights (K, n, n), gate by gate.
            - `ood_loss`: Loss on trials twice as long (K,), of networks trained here.
            - `converged`: 1 for a network that learned the task (K,).
            - `inputs`: Inputs of the trials (trials, T inputs).
        """
        return self._apply(
            "states",
            {"inputs": inputs},
            {"n_probes": n_probes, "probe_steps": probe_steps, "n_far": n_far},
        )

    def feature_learning(self, *, n_probes=32):
        """How far the networks moved while they learned.

        Parameters
        ----------
        n_probes : int, default=32
            Trials on which tangent kernels are compared. Must be >= 1.

        Returns
        -------
        findings : Findings
            With the attributes

            - `weight_change`: Frobenius norm of the change of the recurrent weights (K,).
            - `kernel_alignment`: Cosine of the tangent kernels before and after, low where features were
              learned (K,).
        """
        return self._apply("feature-learning", {}, {"n_probes": n_probes})


class ImportedNetworks(Estimator):
    """Recurrent networks that were trained elsewhere, from their state dictionaries.

    Parameters
    ----------
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
    n_networks_
        Networks.
    n_units_
        Units of each.
    cell_
        Their unit.
    convergence_
        1 for a network that learned the task, else 0 (K,).
    loss_
        Mean loss of the last epoch (K,), of networks trained here.
    steps_
        Steps of each network (K,), of networks trained here.
    history_ : Table
        Figures of every recorded step.
    status_ : {"converged", "iteration_limit", "time_limit"}
        How the fit ended.
    seed_ : int
        The seed of the fit, also where `random_state` is None.

    See Also
    --------
    DegeneracyAnalysis : How alike recurrent networks are that learned one task.
    RnnEnsemble : Recurrent networks of one task, trained side by side.
    dsa_distance : Distance of the dynamics of two networks.
    pif_distance : Distance of two networks' recurrent weights up to the order of units.
    havok : Linear operator of recorded dynamics in whitened delay coordinates.

    References
    ----------
    .. [1] Ann Huang, Satpreet H. Singh, Flavio Martinelli, Kanaka Rajan, "Measuring and Controlling Solution
       Degeneracy across Task-Trained Recurrent Neural Networks", 2025, arXiv:2410.03972.

    Examples
    --------
    >>> from elinvar.diagnostics import ImportedNetworks
    >>> fitted = ImportedNetworks().fit(**ImportedNetworks.example("fit"))
    >>> found = fitted.states(**ImportedNetworks.example("states"))
    """

    _method = "rnn-degeneracy"

    def __init__(self, *, random_state=None, n_jobs=None, time_limit=None, mem_limit=None, verbose=False):
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.time_limit = time_limit
        self.mem_limit = mem_limit
        self.verbose = verbose

    def fit(self, networks):
        """Read networks that were trained elsewhere (PyTorch's nn.RNN, nn.GRU, nn.LSTM).

        Parameters
        ----------
        networks : path
            A folder with the state dictionary of one network a file (.safetensors, .npz), or one such file.

        Returns
        -------
        self : ImportedNetworks
            The fitted object.
        """
        return self._fit("import", {"networks": networks})

    def states(self, inputs=None, *, n_probes=32, probe_steps=None, n_far=256):
        """Record the networks on the same trials: what `analyze` takes.

        Parameters
        ----------
        inputs : array-like, default=None
            Inputs to record on (trials, T, inputs); trials of the task where absent.
        n_probes : int, default=32
            Trials to record, where no inputs are given. Must be >= 1.
        probe_steps : int, default=None
            Steps of such a trial; none for that of training. Must be >= 2.
        n_far : int, default=256
            Trials for the loss under generalisation (twice as long, of the discrimination task with delays
            twice as long). Must be >= 1.

        Returns
        -------
        findings : Findings
            With the attributes

            - `hidden`: States of the networks (K, trials, T, n).
            - `outputs`: Their results (K, trials, T, outputs).
            - `weights`: Their recurrent weights (K, n, n), gate by gate.
            - `ood_loss`: Loss on trials twice as long (K,), of networks trained here.
            - `converged`: 1 for a network that learned the task (K,).
            - `inputs`: Inputs of the trials (trials, T inputs).
        """
        return self._apply(
            "states",
            {"inputs": inputs},
            {"n_probes": n_probes, "probe_steps": probe_steps, "n_far": n_far},
        )

    def feature_learning(self, *, n_probes=32):
        """How far the networks moved while they learned.

        Parameters
        ----------
        n_probes : int, default=32
            Trials on which tangent kernels are compared. Must be >= 1.

        Returns
        -------
        findings : Findings
            With the attributes

            - `weight_change`: Frobenius norm of the change of the recurrent weights (K,).
            - `kernel_alignment`: Cosine of the tangent kernels before and after, low where features were
              learned (K,).
        """
        return self._apply("feature-learning", {}, {"n_probes": n_probes})


def dsa_distance(
    x,
    y,
    *,
    n_delays=1,
    delay_interval=1,
    rank=None,
    lam=1e-8,
    score="euclidean",
    n_starts=8,
    pif_starts=4,
    precision=0.05,
    allow_unconverged=False,
    n_jobs=None,
    time_limit=None,
    mem_limit=None,
    verbose=False,
):
    """Distance of the dynamics of two networks.

    Parameters
    ----------
    x : array-like
        States of one network (trials, T, n).
    y : array-like
        States of another (trials, T, m).
    n_delays : int, default=1
        States in a row of delay coordinates: the present one and those before it. Must be >= 1.
    delay_interval : int, default=1
        Steps between the states of such a row. Must be >= 1.
    rank : int, default=None
        Leading whitened coordinates that the dynamics are fitted in; none for all that every network has
        above the rounding of its states. Conclusions can depend on it: see `sensitivity`. Must be >= 1.
    lam : float, default=1e-8
        Ridge of the regression of the next coordinates on the present ones. Must be >= 0.
    score : {"euclidean", "angular", "wasserstein"}, default="euclidean"
        How two operators are compared.
    n_starts : int, default=8
        Random starts of the search for the best alignment of two operators, beside the two that are always
        tried; the best is taken. Must be >= 1.
    pif_starts : int, default=4
        Starts of the search for the best matching of two networks' units. Must be >= 1.
    precision : float, default=0.05
        Half the width of the 95 % interval, relative to the mean distance, for which `networks_needed` is
        computed. Must be > 0.
    allow_unconverged : bool, default=False
        Whether networks that did not converge may be compared.
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
    distance : float
        Distance by the chosen score.

    See Also
    --------
    DegeneracyAnalysis : How alike recurrent networks are that learned one task.
    RnnEnsemble : Recurrent networks of one task, trained side by side.
    ImportedNetworks : Recurrent networks that were trained elsewhere, from their state dictionaries.
    pif_distance : Distance of two networks' recurrent weights up to the order of units.
    havok : Linear operator of recorded dynamics in whitened delay coordinates.

    References
    ----------
    .. [1] Ann Huang, Satpreet H. Singh, Flavio Martinelli, Kanaka Rajan, "Measuring and Controlling Solution
       Degeneracy across Task-Trained Recurrent Neural Networks", 2025, arXiv:2410.03972.
    """
    return call_function(
        "rnn-degeneracy",
        "dsa-distance",
        {"x": x, "y": y},
        {
            "n_delays": n_delays,
            "delay_interval": delay_interval,
            "rank": rank,
            "lam": lam,
            "score": score,
            "n_starts": n_starts,
            "pif_starts": pif_starts,
            "precision": precision,
            "allow_unconverged": allow_unconverged,
        },
        returns=("distance",),
        n_jobs=n_jobs,
        time_limit=time_limit,
        mem_limit=mem_limit,
        verbose=verbose,
    )


def pif_distance(w1, w2, *, pif_starts=4, n_jobs=None, time_limit=None, mem_limit=None, verbose=False):
    """Distance of two networks' recurrent weights up to the order of units.

    Parameters
    ----------
    w1 : array-like
        Recurrent weights (n, n), or (gates n, n) of gated cells.
    w2 : array-like
        Those of another network, of the same shape.
    pif_starts : int, default=4
        Starts of the search for the best matching. Must be >= 1.
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

        - `distance`: |W1 - P'W2 P| / n^2.
        - `frobenius`: |W1 - P'W2 P|.
        - `scale_free`: |W1 - P'W2 P| / sqrt(|W1| |W2|).
        - `least`: What 'frobenius' cannot be below for any order of units.
        - `permutation`: Unit of the second network for each unit of the first (n,).

    See Also
    --------
    DegeneracyAnalysis : How alike recurrent networks are that learned one task.
    RnnEnsemble : Recurrent networks of one task, trained side by side.
    ImportedNetworks : Recurrent networks that were trained elsewhere, from their state dictionaries.
    dsa_distance : Distance of the dynamics of two networks.
    havok : Linear operator of recorded dynamics in whitened delay coordinates.

    References
    ----------
    .. [1] Ann Huang, Satpreet H. Singh, Flavio Martinelli, Kanaka Rajan, "Measuring and Controlling Solution
       Degeneracy across Task-Trained Recurrent Neural Networks", 2025, arXiv:2410.03972.
    """
    return call_function(
        "rnn-degeneracy",
        "pif-distance",
        {"w1": w1, "w2": w2},
        {"pif_starts": pif_starts},
        n_jobs=n_jobs,
        time_limit=time_limit,
        mem_limit=mem_limit,
        verbose=verbose,
    )


def havok(
    x,
    *,
    n_delays=1,
    delay_interval=1,
    rank=None,
    lam=1e-8,
    n_jobs=None,
    time_limit=None,
    mem_limit=None,
    verbose=False,
):
    """Linear operator of recorded dynamics in whitened delay coordinates.

    Parameters
    ----------
    x : array-like
        States, or any trajectories (trials, T, n).
    n_delays : int, default=1
        States in a row of delay coordinates. Must be >= 1.
    delay_interval : int, default=1
        Steps between the states of such a row. Must be >= 1.
    rank : int, default=None
        Leading whitened coordinates; none for all above the rounding of the states. Must be >= 1.
    lam : float, default=1e-8
        Ridge of the regression. Must be >= 0.
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

        - `operator`: Map of whitened coordinates to those of the next step (rank, rank).
        - `eigenvalues`: Its eigenvalues: real, imaginary, modulus.
        - `singular_values`: Of the delay-embedded trials, all of them, falling.

    See Also
    --------
    DegeneracyAnalysis : How alike recurrent networks are that learned one task.
    RnnEnsemble : Recurrent networks of one task, trained side by side.
    ImportedNetworks : Recurrent networks that were trained elsewhere, from their state dictionaries.
    dsa_distance : Distance of the dynamics of two networks.
    pif_distance : Distance of two networks' recurrent weights up to the order of units.

    References
    ----------
    .. [1] Ann Huang, Satpreet H. Singh, Flavio Martinelli, Kanaka Rajan, "Measuring and Controlling Solution
       Degeneracy across Task-Trained Recurrent Neural Networks", 2025, arXiv:2410.03972.
    """
    return call_function(
        "rnn-degeneracy",
        "havok",
        {"x": x},
        {"n_delays": n_delays, "delay_interval": delay_interval, "rank": rank, "lam": lam},
        n_jobs=n_jobs,
        time_limit=time_limit,
        mem_limit=mem_limit,
        verbose=verbose,
    )
