"""Methods of the family decision: Ecological POMDP.

Written by `cargo xtask gen` from the registry: do not edit.
"""

from ._base import Bound, Estimator, Measurement, call_function

__all__ = ["ConstantEscapement", "ConstantMortality", "FisheryModel", "ImportedPolicy", "MdpPolicy", "QuotaTable", "SarsopSolver", "compare", "convert", "fit_growth", "survey_value"]


class FisheryModel(Measurement):
    """A stock under harvest with noisy growth and noisy surveys, on a grid.

    Parameters
    ----------
    growth : {"gordon_schaefer", "ricker", "beverton_holt", "allen"}, default="gordon_schaefer"
        Growth of what is left after the harvest.
    r : float, default=0.75
        Intrinsic growth rate, > 0. Must be > 0.
    K : float, default=1.0
        Carrying capacity, > 0, in the unit of the grid. Must be > 0.
    C : float, default=None
        Tipping point of the Allen growth, in [0, K).
    sigma_g : float, default=0.1
        Standard deviation of the growth noise, >= 0. Must be >= 0.
    sigma_m : float, default=0.1
        Standard deviation of the survey error, >= 0. Must be >= 0.
    noise : {"normal", "lognormal", "rescaled-lognormal", "uniform"}, default="normal"
        Law of both noises.
    grid : sequence of object, default=(0.0, 2.0, 100)
        Lower end (must be 0), upper end and number of points of the grid shared by states, actions and
        observations.
    price : float, default=1.0
        Price of a unit of catch. Must be > 0.
    effort_cost : float, default=0.0
        Cost of harvesting the whole stock; a part of it costs in proportion. Must be >= 0.
    discount : float, default=0.95
        Value of a unit of reward one year later, in (0, 1). Must be in (0, 1).
    order : {"observe-harvest-recruit", "recruit-first"}, default="observe-harvest-recruit"
        What happens first in a year.
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
    SarsopSolver : Solver of partially observable Markov decision problems with certified lower and upper
        bounds.
    ImportedPolicy : A policy that another solver wrote as .policyx, on a model of one's own.
    ConstantEscapement : The rule that leaves S* behind: best where the stock is known exactly.
    ConstantMortality : The rule that takes a share of F_MSY of the last survey: 0.8 for the total allowable
        catch, 1 for MSY.
    MdpPolicy : The optimum of the problem without survey error, which takes the survey for the stock.
    QuotaTable : A table of quotas of the user's own.
    fit_growth : Growth rate, carrying capacity and growth noise of a stock from its surveys and catches.
    convert : A model in a file format of other solvers.
    compare : Value, late stock and extinction of rules of thumb and of the solved policy.
    survey_value : What a better survey is worth: values over the survey error.

    References
    ----------
    .. [1] Milad Memarzadeh, Carl Boettiger, "Resolving the Measurement Uncertainty Paradox in Ecological
       Management", 2018, arXiv:1812.11184.

    Examples
    --------
    >>> from elinvar.decision import FisheryModel
    >>> found = FisheryModel().to_pomdp(**FisheryModel.example("to_pomdp"))
    """

    _method = "ecological-pomdp"

    def __init__(
        self,
        *,
        growth="gordon_schaefer",
        r=0.75,
        K=1.0,
        C=None,
        sigma_g=0.1,
        sigma_m=0.1,
        noise="normal",
        grid=(0.0, 2.0, 100),
        price=1.0,
        effort_cost=0.0,
        discount=0.95,
        order="observe-harvest-recruit",
        n_jobs=None,
        time_limit=None,
        mem_limit=None,
        verbose=False,
    ):
        self.growth = growth
        self.r = r
        self.K = K
        self.C = C
        self.sigma_g = sigma_g
        self.sigma_m = sigma_m
        self.noise = noise
        self.grid = grid
        self.price = price
        self.effort_cost = effort_cost
        self.discount = discount
        self.order = order
        self.n_jobs = n_jobs
        self.time_limit = time_limit
        self.mem_limit = mem_limit
        self.verbose = verbose

    def to_pomdp(self):
        """Reference points (S*, B, MSY, F_MSY) and the discrete model of a fishery.

        Returns
        -------
        findings : Findings
            With the attributes

            - `escapement`: Stock to leave behind (S*), in grid units.
            - `biomass`: Stock before the harvest in that steady state (B).
            - `msy`: Maximum sustainable yield.
            - `f_msy`: Share of the stock taken at MSY.
            - `grid`: Values of states, actions and observations (n,).
            - `transition`: Probability of the next state (n_actions, n_states, n_states).
            - `observation`: Probability of a survey (n_states, n_observations).
            - `reward`: Reward of an action in a state (n_states, n_actions).
        """
        return self._measure("describe", {})


class SarsopSolver(Estimator):
    """Solver of partially observable Markov decision problems with certified lower and upper bounds.

    Parameters
    ----------
    precision : float, default=0.001
        Gap between the bounds at the first belief at which the solver stops. Must be > 0.
    max_time : float or None, default=60.0
        Seconds after which it stops with what it has, a fifth of them for the initial bound at most; none
        means no limit of its own. Must be > 0.
    max_memory : float, default=2000000000.0
        Bytes at which it stops with what it has. Must be > 0.
    max_trials : int, default=None
        Trials after which it stops; none means no limit. Unlike a time limit this gives the same result on
        every machine. Must be >= 1.
    init_upper : {"mdp", "qmdp", "fib"}, default="fib"
        The upper bound to start from.
    epsilon : float, default=0.5
        Share of the gap that a trial tries to remove. Must be in (0, 1).
    kappa : float, default=0.5
        Share of a trial's slack at which a path ends. Must be > 0.
    delta : float, default=0.1
        Distance within which a vector that is nowhere the best is spared. Must be >= 0.
    binning : bool, default=True
        Whether paths end early where similar beliefs promise no improvement.
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
    history_ : Table
        Figures of every recorded step.
    status_ : {"converged", "iteration_limit", "time_limit"}
        How the fit ended.
    seed_ : int
        The seed of the fit, also where `random_state` is None.

    See Also
    --------
    FisheryModel : A stock under harvest with noisy growth and noisy surveys, on a grid.
    ImportedPolicy : A policy that another solver wrote as .policyx, on a model of one's own.
    ConstantEscapement : The rule that leaves S* behind: best where the stock is known exactly.
    ConstantMortality : The rule that takes a share of F_MSY of the last survey: 0.8 for the total allowable
        catch, 1 for MSY.
    MdpPolicy : The optimum of the problem without survey error, which takes the survey for the stock.
    QuotaTable : A table of quotas of the user's own.
    fit_growth : Growth rate, carrying capacity and growth noise of a stock from its surveys and catches.
    convert : A model in a file format of other solvers.
    compare : Value, late stock and extinction of rules of thumb and of the solved policy.
    survey_value : What a better survey is worth: values over the survey error.

    References
    ----------
    .. [1] Milad Memarzadeh, Carl Boettiger, "Resolving the Measurement Uncertainty Paradox in Ecological
       Management", 2018, arXiv:1812.11184.

    Examples
    --------
    >>> from elinvar.decision import SarsopSolver
    >>> fitted = SarsopSolver().solve(**SarsopSolver.example("solve"))
    >>> found = fitted.action(**SarsopSolver.example("action"))
    """

    _method = "ecological-pomdp"
    _fit_name = "solve"

    def __init__(
        self,
        *,
        precision=0.001,
        max_time=60.0,
        max_memory=2000000000.0,
        max_trials=None,
        init_upper="fib",
        epsilon=0.5,
        kappa=0.5,
        delta=0.1,
        binning=True,
        random_state=None,
        n_jobs=None,
        time_limit=None,
        mem_limit=None,
        verbose=False,
    ):
        self.precision = precision
        self.max_time = max_time
        self.max_memory = max_memory
        self.max_trials = max_trials
        self.init_upper = init_upper
        self.epsilon = epsilon
        self.kappa = kappa
        self.delta = delta
        self.binning = binning
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.time_limit = time_limit
        self.mem_limit = mem_limit
        self.verbose = verbose

    def solve(self, model=None, prior=None, transition=None, observation=None, reward=None, discount=None):
        """Solve a fishery model or any POMDP with certified bounds.

        Parameters
        ----------
        model : path, str or dict, default=None
            Fishery model (.toml; `problem = "tag"` for one of the literature), or any POMDP (.pomdp,
            .pomdpx); in Python a FisheryModel.
        prior : array-like, default=None
            Belief before the first survey (n_states,); uniform without it.
        transition : array-like, default=None
            In place of a model: probability of the next state (n_actions, n_states, n_states).
        observation : array-like, default=None
            With it: probability of a survey (n_actions or 1, n_states, n_observations).
        reward : array-like, default=None
            With it: reward of an action in a state (n_states, n_actions).
        discount : float, default=None
            With it: value of a unit of reward one step later, in (0, 1).

        Returns
        -------
        self : SarsopSolver
            The fitted object.
        """
        return self._fit(
            "solve",
            {
                "model": model,
                "prior": prior,
                "transition": transition,
                "observation": observation,
                "reward": reward,
                "discount": discount,
            },
        )

    def action(self, belief):
        """The best action at a belief, with bounds of its value.

        Parameters
        ----------
        belief : array-like
            Probability of each state (n_states,).

        Returns
        -------
        action : float
            Index of the best action.
        """
        return self._apply("act", {"belief": belief}, returns=("action",))

    def value(self, belief):
        """The best action at a belief, with bounds of its value.

        Parameters
        ----------
        belief : array-like
            Probability of each state (n_states,).

        Returns
        -------
        lower : float
            Lower bound of the value of the belief.
        """
        return self._apply("act", {"belief": belief}, returns=("lower",))

    def q(self, belief):
        """The best action at a belief, with bounds of its value.

        Parameters
        ----------
        belief : array-like
            Probability of each state (n_states,).

        Returns
        -------
        q : ndarray
            Lower bound of the value of each action (n_actions,).
        """
        return self._apply("act", {"belief": belief}, returns=("q",))

    def recommend(self, observations=None, actions=None, series=None, *, unit=1.0, clip=False):
        """The next quota from past surveys and catches, with certified bounds and reasons.

        Parameters
        ----------
        observations : array-like, default=None
            Surveyed stock of each year (n,), in the unit that `unit` states.
        actions : array-like, default=None
            Catch of each year (n,) or (n - 1,), in the same unit.
        series : dict, table or array-like, default=None
            Table with columns observation and action (or survey, biomass; catch, harvest) in their place.
        unit : float, default=1.0
            What 1 on the model's grid means in the unit of the series, for example the largest recorded
            biomass in tonnes. Must be > 0.
        clip : bool, default=False
            Whether numbers outside the grid are taken to its nearest end.

        Returns
        -------
        findings : Findings
            With the attributes

            - `quota`: Recommended quota, in the unit of the series.
            - `mean_stock`: Expected stock now, in the unit of the series.
            - `reason`: The recommendation in plain words.
            - `quotas`: Every quota with certified bounds: quota, lower, upper, loss_at_least, loss_at_most.
            - `influence`: What each survey contributes: time, quota_without, mean_without.
            - `belief`: Probability of each state now (n_states,).
        """
        return self._apply(
            "recommend",
            {"observations": observations, "actions": actions, "series": series},
            {"unit": unit, "clip": clip},
        )

    def hindcast(self, observations=None, actions=None, series=None, *, unit=1.0, clip=False):
        """What the policy would have recommended in each year of a record.

        Parameters
        ----------
        observations : array-like, default=None
            Surveyed stock of each year (n,), in the unit that `unit` states.
        actions : array-like, default=None
            Catch of each year (n,) or (n - 1,), in the same unit.
        series : dict, table or array-like, default=None
            Table with columns observation and action (or survey, biomass; catch, harvest) in their place.
        unit : float, default=1.0
            What 1 on the model's grid means in the unit of the series, for example the largest recorded
            biomass in tonnes. Must be > 0.
        clip : bool, default=False
            Whether numbers outside the grid are taken to its nearest end.

        Returns
        -------
        hindcast : Table
            Time, observation, action, recommended (missing in the first year).
        """
        return self._apply(
            "hindcast",
            {"observations": observations, "actions": actions, "series": series},
            {"unit": unit, "clip": clip},
            returns=("hindcast",),
        )

    def policy_given_observation(self, prior, previous_action=None):
        """The best action after every possible survey, from a belief before it.

        Parameters
        ----------
        prior : array-like
            Belief before the survey (n_states,).
        previous_action : float, default=None
            Index of the action that moves it first; none where it is the belief now.

        Returns
        -------
        policy : Table
            Observation and action of every survey (index; action missing where the survey cannot occur), and
            survey and quota in grid units.
        """
        return self._apply(
            "policy-given-observation",
            {"prior": prior, "previous_action": previous_action},
            returns=("policy",),
        )

    def simulate(self, true_model=None, *, x0=None, t_max=100, n_reps=100, paper_convention=False):
        """Simulate the policy on its own model, or with surveys that it misjudges.

        Parameters
        ----------
        true_model : path, str or dict, default=None
            Model whose surveys are drawn in place of those that the policy assumes (.toml, .pomdp, .pomdpx);
            in Python a FisheryModel.
        x0 : float, default=None
            State at the start, as a number on the grid; none for the lowest state. Must be >= 0.
        t_max : int, default=100
            Years; one decision fewer is taken, as in the paper's t = 1..99. Must be >= 2.
        n_reps : int, default=100
            Independent replicates. Must be >= 1.
        paper_convention : bool, default=False
            Start as published: the prior moves once before the first survey, and the first reward has the
            factor gamma.

        Returns
        -------
        findings : Findings
            With the attributes

            - `npv`: Discounted reward of each replicate (n_reps,).
            - `extinction`: Share of replicates in state 0 at each decision (t_max - 1,).
            - `late_stock`: Mean stock over the later half of the decisions, in grid units.
        """
        return self._apply(
            "simulate",
            {"true_model": true_model},
            {"x0": x0, "t_max": t_max, "n_reps": n_reps, "paper_convention": paper_convention},
        )

    def to_policyx(self):
        """Write the policy's vectors as .policyx, for other programs.

        Returns
        -------
        text : str
            The file's text.
        """
        return self._apply("export", {}, returns=("text",))


class ImportedPolicy(Estimator):
    """A policy that another solver wrote as .policyx, on a model of one's own.

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
    history_ : Table
        Figures of every recorded step.
    status_ : {"converged", "iteration_limit", "time_limit"}
        How the fit ended.
    seed_ : int
        The seed of the fit, also where `random_state` is None.

    See Also
    --------
    FisheryModel : A stock under harvest with noisy growth and noisy surveys, on a grid.
    SarsopSolver : Solver of partially observable Markov decision problems with certified lower and upper
        bounds.
    ConstantEscapement : The rule that leaves S* behind: best where the stock is known exactly.
    ConstantMortality : The rule that takes a share of F_MSY of the last survey: 0.8 for the total allowable
        catch, 1 for MSY.
    MdpPolicy : The optimum of the problem without survey error, which takes the survey for the stock.
    QuotaTable : A table of quotas of the user's own.
    fit_growth : Growth rate, carrying capacity and growth noise of a stock from its surveys and catches.
    convert : A model in a file format of other solvers.
    compare : Value, late stock and extinction of rules of thumb and of the solved policy.
    survey_value : What a better survey is worth: values over the survey error.

    References
    ----------
    .. [1] Milad Memarzadeh, Carl Boettiger, "Resolving the Measurement Uncertainty Paradox in Ecological
       Management", 2018, arXiv:1812.11184.

    Examples
    --------
    >>> from elinvar.decision import ImportedPolicy
    >>> fitted = ImportedPolicy().fit(**ImportedPolicy.example("fit"))
    >>> found = fitted.action(**ImportedPolicy.example("action"))
    """

    _method = "ecological-pomdp"

    def __init__(self, *, random_state=None, n_jobs=None, time_limit=None, mem_limit=None, verbose=False):
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.time_limit = time_limit
        self.mem_limit = mem_limit
        self.verbose = verbose

    def fit(self, model, policyx):
        """Take a policy that another solver wrote as .policyx; it has no upper bound.

        Parameters
        ----------
        model : path, str or dict
            Fishery model (.toml; `problem = "tag"` for one of the literature), or any POMDP (.pomdp,
            .pomdpx); in Python a FisheryModel.
        policyx : path, str or dict
            Policy of another solver (.policyx).

        Returns
        -------
        self : ImportedPolicy
            The fitted object.
        """
        return self._fit("import", {"model": model, "policyx": policyx})

    def action(self, belief):
        """The best action at a belief, with bounds of its value.

        Parameters
        ----------
        belief : array-like
            Probability of each state (n_states,).

        Returns
        -------
        action : float
            Index of the best action.
        """
        return self._apply("act", {"belief": belief}, returns=("action",))

    def value(self, belief):
        """The best action at a belief, with bounds of its value.

        Parameters
        ----------
        belief : array-like
            Probability of each state (n_states,).

        Returns
        -------
        lower : float
            Lower bound of the value of the belief.
        """
        return self._apply("act", {"belief": belief}, returns=("lower",))

    def recommend(self, observations=None, actions=None, series=None, *, unit=1.0, clip=False):
        """The next quota from past surveys and catches, with certified bounds and reasons.

        Parameters
        ----------
        observations : array-like, default=None
            Surveyed stock of each year (n,), in the unit that `unit` states.
        actions : array-like, default=None
            Catch of each year (n,) or (n - 1,), in the same unit.
        series : dict, table or array-like, default=None
            Table with columns observation and action (or survey, biomass; catch, harvest) in their place.
        unit : float, default=1.0
            What 1 on the model's grid means in the unit of the series, for example the largest recorded
            biomass in tonnes. Must be > 0.
        clip : bool, default=False
            Whether numbers outside the grid are taken to its nearest end.

        Returns
        -------
        findings : Findings
            With the attributes

            - `quota`: Recommended quota, in the unit of the series.
            - `mean_stock`: Expected stock now, in the unit of the series.
            - `reason`: The recommendation in plain words.
            - `quotas`: Every quota with certified bounds: quota, lower, upper, loss_at_least, loss_at_most.
            - `influence`: What each survey contributes: time, quota_without, mean_without.
            - `belief`: Probability of each state now (n_states,).
        """
        return self._apply(
            "recommend",
            {"observations": observations, "actions": actions, "series": series},
            {"unit": unit, "clip": clip},
        )

    def hindcast(self, observations=None, actions=None, series=None, *, unit=1.0, clip=False):
        """What the policy would have recommended in each year of a record.

        Parameters
        ----------
        observations : array-like, default=None
            Surveyed stock of each year (n,), in the unit that `unit` states.
        actions : array-like, default=None
            Catch of each year (n,) or (n - 1,), in the same unit.
        series : dict, table or array-like, default=None
            Table with columns observation and action (or survey, biomass; catch, harvest) in their place.
        unit : float, default=1.0
            What 1 on the model's grid means in the unit of the series, for example the largest recorded
            biomass in tonnes. Must be > 0.
        clip : bool, default=False
            Whether numbers outside the grid are taken to its nearest end.

        Returns
        -------
        hindcast : Table
            Time, observation, action, recommended (missing in the first year).
        """
        return self._apply(
            "hindcast",
            {"observations": observations, "actions": actions, "series": series},
            {"unit": unit, "clip": clip},
            returns=("hindcast",),
        )

    def simulate(self, true_model=None, *, x0=None, t_max=100, n_reps=100, paper_convention=False):
        """Simulate the policy on its own model, or with surveys that it misjudges.

        Parameters
        ----------
        true_model : path, str or dict, default=None
            Model whose surveys are drawn in place of those that the policy assumes (.toml, .pomdp, .pomdpx);
            in Python a FisheryModel.
        x0 : float, default=None
            State at the start, as a number on the grid; none for the lowest state. Must be >= 0.
        t_max : int, default=100
            Years; one decision fewer is taken, as in the paper's t = 1..99. Must be >= 2.
        n_reps : int, default=100
            Independent replicates. Must be >= 1.
        paper_convention : bool, default=False
            Start as published: the prior moves once before the first survey, and the first reward has the
            factor gamma.

        Returns
        -------
        findings : Findings
            With the attributes

            - `npv`: Discounted reward of each replicate (n_reps,).
            - `extinction`: Share of replicates in state 0 at each decision (t_max - 1,).
            - `late_stock`: Mean stock over the later half of the decisions, in grid units.
        """
        return self._apply(
            "simulate",
            {"true_model": true_model},
            {"x0": x0, "t_max": t_max, "n_reps": n_reps, "paper_convention": paper_convention},
        )


class ConstantEscapement(Bound):
    """The rule that leaves S* behind: best where the stock is known exactly.

    Parameters
    ----------
    x0 : float, default=None
        Stock at the start in grid units; none for a sixth of the carrying capacity. Must be >= 0.
    t_max : int, default=100
        Years; one decision fewer is taken. Must be >= 2.
    paper_convention : bool, default=False
        Value as published: `t_max - 1` rewards, the first with the factor gamma; otherwise over an infinite
        time.
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
    npv_
        Expected discounted reward from x0, exact.
    late_stock_
        Expected stock over the later half of the decisions, in grid units.
    survival_
        Probability that the stock is not extinct at the last decision.
    rule_
        Observation and quota of every grid point, in grid units.
    path_
        Time, expected stock (grid units) and extinction probability at each decision.
    values_
        Expected discounted reward from every state over an infinite time (n_states,).

    See Also
    --------
    FisheryModel : A stock under harvest with noisy growth and noisy surveys, on a grid.
    SarsopSolver : Solver of partially observable Markov decision problems with certified lower and upper
        bounds.
    ImportedPolicy : A policy that another solver wrote as .policyx, on a model of one's own.
    ConstantMortality : The rule that takes a share of F_MSY of the last survey: 0.8 for the total allowable
        catch, 1 for MSY.
    MdpPolicy : The optimum of the problem without survey error, which takes the survey for the stock.
    QuotaTable : A table of quotas of the user's own.
    fit_growth : Growth rate, carrying capacity and growth noise of a stock from its surveys and catches.
    convert : A model in a file format of other solvers.
    compare : Value, late stock and extinction of rules of thumb and of the solved policy.
    survey_value : What a better survey is worth: values over the survey error.

    References
    ----------
    .. [1] Milad Memarzadeh, Carl Boettiger, "Resolving the Measurement Uncertainty Paradox in Ecological
       Management", 2018, arXiv:1812.11184.

    Examples
    --------
    >>> from elinvar.decision import ConstantEscapement
    >>> fitted = ConstantEscapement().fit(**ConstantEscapement.example("fit"))
    >>> found = fitted.predict(**ConstantEscapement.example("predict"))
    """

    _method = "ecological-pomdp"
    _fixed = {"rule": "constant_escapement", "factor": 0.8}

    def __init__(
        self,
        *,
        x0=None,
        t_max=100,
        paper_convention=False,
        n_jobs=None,
        time_limit=None,
        mem_limit=None,
        verbose=False,
    ):
        self.x0 = x0
        self.t_max = t_max
        self.paper_convention = paper_convention
        self.n_jobs = n_jobs
        self.time_limit = time_limit
        self.mem_limit = mem_limit
        self.verbose = verbose

    def fit(self, model):
        """Quotas of a rule on the last survey, and its exact value, stock path and survival without
        simulation.

        Parameters
        ----------
        model : path, str or dict
            Fishery model (.toml; `problem = "tag"` for one of the literature), or any POMDP (.pomdp,
            .pomdpx); in Python a FisheryModel.

        Returns
        -------
        self : ConstantEscapement
            The fitted object.
        """
        return self._bind("rule", {"model": model})

    def predict(self, observations=None):
        """Quotas of a rule on the last survey, and its exact value, stock path and survival without
        simulation.

        Parameters
        ----------
        observations : array-like, default=None
            Surveys to answer with a quota (n,), in grid units.

        Returns
        -------
        quotas : ndarray or None
            Quota after each of the surveys given (n,), in grid units.
        """
        return self._measure("rule", {"observations": observations}, returns=("quotas",))


class ConstantMortality(Bound):
    """The rule that takes a share of F_MSY of the last survey: 0.8 for the total allowable catch, 1 for MSY.

    Parameters
    ----------
    factor : float, default=0.8
        Share of F_MSY that constant mortality takes: 0.8 for the total allowable catch, 1 for MSY. Must be >
        0.
    x0 : float, default=None
        Stock at the start in grid units; none for a sixth of the carrying capacity. Must be >= 0.
    t_max : int, default=100
        Years; one decision fewer is taken. Must be >= 2.
    paper_convention : bool, default=False
        Value as published: `t_max - 1` rewards, the first with the factor gamma; otherwise over an infinite
        time.
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
    npv_
        Expected discounted reward from x0, exact.
    late_stock_
        Expected stock over the later half of the decisions, in grid units.
    survival_
        Probability that the stock is not extinct at the last decision.
    rule_
        Observation and quota of every grid point, in grid units.
    path_
        Time, expected stock (grid units) and extinction probability at each decision.
    values_
        Expected discounted reward from every state over an infinite time (n_states,).

    See Also
    --------
    FisheryModel : A stock under harvest with noisy growth and noisy surveys, on a grid.
    SarsopSolver : Solver of partially observable Markov decision problems with certified lower and upper
        bounds.
    ImportedPolicy : A policy that another solver wrote as .policyx, on a model of one's own.
    ConstantEscapement : The rule that leaves S* behind: best where the stock is known exactly.
    MdpPolicy : The optimum of the problem without survey error, which takes the survey for the stock.
    QuotaTable : A table of quotas of the user's own.
    fit_growth : Growth rate, carrying capacity and growth noise of a stock from its surveys and catches.
    convert : A model in a file format of other solvers.
    compare : Value, late stock and extinction of rules of thumb and of the solved policy.
    survey_value : What a better survey is worth: values over the survey error.

    References
    ----------
    .. [1] Milad Memarzadeh, Carl Boettiger, "Resolving the Measurement Uncertainty Paradox in Ecological
       Management", 2018, arXiv:1812.11184.

    Examples
    --------
    >>> from elinvar.decision import ConstantMortality
    >>> fitted = ConstantMortality().fit(**ConstantMortality.example("fit"))
    >>> found = fitted.predict(**ConstantMortality.example("predict"))
    """

    _method = "ecological-pomdp"
    _fixed = {"rule": "constant_mortality"}

    def __init__(
        self,
        *,
        factor=0.8,
        x0=None,
        t_max=100,
        paper_convention=False,
        n_jobs=None,
        time_limit=None,
        mem_limit=None,
        verbose=False,
    ):
        self.factor = factor
        self.x0 = x0
        self.t_max = t_max
        self.paper_convention = paper_convention
        self.n_jobs = n_jobs
        self.time_limit = time_limit
        self.mem_limit = mem_limit
        self.verbose = verbose

    def fit(self, model):
        """Quotas of a rule on the last survey, and its exact value, stock path and survival without
        simulation.

        Parameters
        ----------
        model : path, str or dict
            Fishery model (.toml; `problem = "tag"` for one of the literature), or any POMDP (.pomdp,
            .pomdpx); in Python a FisheryModel.

        Returns
        -------
        self : ConstantMortality
            The fitted object.
        """
        return self._bind("rule", {"model": model})

    def predict(self, observations=None):
        """Quotas of a rule on the last survey, and its exact value, stock path and survival without
        simulation.

        Parameters
        ----------
        observations : array-like, default=None
            Surveys to answer with a quota (n,), in grid units.

        Returns
        -------
        quotas : ndarray or None
            Quota after each of the surveys given (n,), in grid units.
        """
        return self._measure("rule", {"observations": observations}, returns=("quotas",))


class MdpPolicy(Bound):
    """The optimum of the problem without survey error, which takes the survey for the stock.

    Parameters
    ----------
    x0 : float, default=None
        Stock at the start in grid units; none for a sixth of the carrying capacity. Must be >= 0.
    t_max : int, default=100
        Years; one decision fewer is taken. Must be >= 2.
    paper_convention : bool, default=False
        Value as published: `t_max - 1` rewards, the first with the factor gamma; otherwise over an infinite
        time.
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
    npv_
        Expected discounted reward from x0, exact.
    late_stock_
        Expected stock over the later half of the decisions, in grid units.
    survival_
        Probability that the stock is not extinct at the last decision.
    rule_
        Observation and quota of every grid point, in grid units.
    path_
        Time, expected stock (grid units) and extinction probability at each decision.
    values_
        Expected discounted reward from every state over an infinite time (n_states,).

    See Also
    --------
    FisheryModel : A stock under harvest with noisy growth and noisy surveys, on a grid.
    SarsopSolver : Solver of partially observable Markov decision problems with certified lower and upper
        bounds.
    ImportedPolicy : A policy that another solver wrote as .policyx, on a model of one's own.
    ConstantEscapement : The rule that leaves S* behind: best where the stock is known exactly.
    ConstantMortality : The rule that takes a share of F_MSY of the last survey: 0.8 for the total allowable
        catch, 1 for MSY.
    QuotaTable : A table of quotas of the user's own.
    fit_growth : Growth rate, carrying capacity and growth noise of a stock from its surveys and catches.
    convert : A model in a file format of other solvers.
    compare : Value, late stock and extinction of rules of thumb and of the solved policy.
    survey_value : What a better survey is worth: values over the survey error.

    References
    ----------
    .. [1] Milad Memarzadeh, Carl Boettiger, "Resolving the Measurement Uncertainty Paradox in Ecological
       Management", 2018, arXiv:1812.11184.

    Examples
    --------
    >>> from elinvar.decision import MdpPolicy
    >>> fitted = MdpPolicy().fit(**MdpPolicy.example("fit"))
    >>> found = fitted.predict(**MdpPolicy.example("predict"))
    """

    _method = "ecological-pomdp"
    _fixed = {"rule": "mdp", "factor": 0.8}

    def __init__(
        self,
        *,
        x0=None,
        t_max=100,
        paper_convention=False,
        n_jobs=None,
        time_limit=None,
        mem_limit=None,
        verbose=False,
    ):
        self.x0 = x0
        self.t_max = t_max
        self.paper_convention = paper_convention
        self.n_jobs = n_jobs
        self.time_limit = time_limit
        self.mem_limit = mem_limit
        self.verbose = verbose

    def fit(self, model):
        """Quotas of a rule on the last survey, and its exact value, stock path and survival without
        simulation.

        Parameters
        ----------
        model : path, str or dict
            Fishery model (.toml; `problem = "tag"` for one of the literature), or any POMDP (.pomdp,
            .pomdpx); in Python a FisheryModel.

        Returns
        -------
        self : MdpPolicy
            The fitted object.
        """
        return self._bind("rule", {"model": model})

    def predict(self, observations=None):
        """Quotas of a rule on the last survey, and its exact value, stock path and survival without
        simulation.

        Parameters
        ----------
        observations : array-like, default=None
            Surveys to answer with a quota (n,), in grid units.

        Returns
        -------
        quotas : ndarray or None
            Quota after each of the surveys given (n,), in grid units.
        """
        return self._measure("rule", {"observations": observations}, returns=("quotas",))


class QuotaTable(Bound):
    """A table of quotas of the user's own.

    Parameters
    ----------
    x0 : float, default=None
        Stock at the start in grid units; none for a sixth of the carrying capacity. Must be >= 0.
    t_max : int, default=100
        Years; one decision fewer is taken. Must be >= 2.
    paper_convention : bool, default=False
        Value as published: `t_max - 1` rewards, the first with the factor gamma; otherwise over an infinite
        time.
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
    npv_
        Expected discounted reward from x0, exact.
    late_stock_
        Expected stock over the later half of the decisions, in grid units.
    survival_
        Probability that the stock is not extinct at the last decision.
    rule_
        Observation and quota of every grid point, in grid units.
    path_
        Time, expected stock (grid units) and extinction probability at each decision.
    values_
        Expected discounted reward from every state over an infinite time (n_states,).

    See Also
    --------
    FisheryModel : A stock under harvest with noisy growth and noisy surveys, on a grid.
    SarsopSolver : Solver of partially observable Markov decision problems with certified lower and upper
        bounds.
    ImportedPolicy : A policy that another solver wrote as .policyx, on a model of one's own.
    ConstantEscapement : The rule that leaves S* behind: best where the stock is known exactly.
    ConstantMortality : The rule that takes a share of F_MSY of the last survey: 0.8 for the total allowable
        catch, 1 for MSY.
    MdpPolicy : The optimum of the problem without survey error, which takes the survey for the stock.
    fit_growth : Growth rate, carrying capacity and growth noise of a stock from its surveys and catches.
    convert : A model in a file format of other solvers.
    compare : Value, late stock and extinction of rules of thumb and of the solved policy.
    survey_value : What a better survey is worth: values over the survey error.

    References
    ----------
    .. [1] Milad Memarzadeh, Carl Boettiger, "Resolving the Measurement Uncertainty Paradox in Ecological
       Management", 2018, arXiv:1812.11184.

    Examples
    --------
    >>> from elinvar.decision import QuotaTable
    >>> fitted = QuotaTable().fit(**QuotaTable.example("fit"))
    >>> found = fitted.predict(**QuotaTable.example("predict"))
    """

    _method = "ecological-pomdp"
    _fixed = {"rule": "table", "factor": 0.8}

    def __init__(
        self,
        *,
        x0=None,
        t_max=100,
        paper_convention=False,
        n_jobs=None,
        time_limit=None,
        mem_limit=None,
        verbose=False,
    ):
        self.x0 = x0
        self.t_max = t_max
        self.paper_convention = paper_convention
        self.n_jobs = n_jobs
        self.time_limit = time_limit
        self.mem_limit = mem_limit
        self.verbose = verbose

    def fit(self, model, quota_table=None):
        """Quotas of a rule on the last survey, and its exact value, stock path and survival without
        simulation.

        Parameters
        ----------
        model : path, str or dict
            Fishery model (.toml; `problem = "tag"` for one of the literature), or any POMDP (.pomdp,
            .pomdpx); in Python a FisheryModel.
        quota_table : dict, table or array-like, default=None
            For the rule 'table': columns observation and quota, in grid units.

        Returns
        -------
        self : QuotaTable
            The fitted object.
        """
        return self._bind("rule", {"model": model, "quota_table": quota_table})

    def predict(self, observations=None):
        """Quotas of a rule on the last survey, and its exact value, stock path and survival without
        simulation.

        Parameters
        ----------
        observations : array-like, default=None
            Surveys to answer with a quota (n,), in grid units.

        Returns
        -------
        quotas : ndarray or None
            Quota after each of the surveys given (n,), in grid units.
        """
        return self._measure("rule", {"observations": observations}, returns=("quotas",))


def fit_growth(
    observations=None,
    actions=None,
    series=None,
    *,
    order="observe-harvest-recruit",
    sigma_m=0.1,
    grid=(0.0, 2.0, 100),
    discount=0.95,
    n_jobs=None,
    time_limit=None,
    mem_limit=None,
    verbose=False,
):
    """Growth rate, carrying capacity and growth noise of a stock from its surveys and catches.

    Parameters
    ----------
    observations : array-like, default=None
        Surveyed stock of each year (n,), in the unit that `unit` states.
    actions : array-like, default=None
        Catch of each year (n,) or (n - 1,), in the same unit.
    series : dict, table or array-like, default=None
        Table with columns observation and action (or survey, biomass; catch, harvest) in their place.
    order : {"observe-harvest-recruit", "recruit-first"}, default="observe-harvest-recruit"
        Whether the catch is taken before the stock grows or after.
    sigma_m : float, default=0.1
        Standard deviation of the survey error of the model, in units of the largest survey. Must be >= 0.
    grid : sequence of object, default=(0.0, 2.0, 100)
        Grid of the model: 0, upper end and number of points, in units of the largest survey.
    discount : float, default=0.95
        Value of a unit of reward one year later, in (0, 1). Must be in (0, 1).
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

        - `model`: Fishery model to solve, in units of the largest survey.
        - `unit`: What 1 on its grid means in the record's unit: give it to recommend and hindcast.
        - `estimates`: r, K and sigma_g with standard errors.
        - `residuals`: Observed minus expected next stock of each step (n - 1,), in grid units.

    See Also
    --------
    FisheryModel : A stock under harvest with noisy growth and noisy surveys, on a grid.
    SarsopSolver : Solver of partially observable Markov decision problems with certified lower and upper
        bounds.
    ImportedPolicy : A policy that another solver wrote as .policyx, on a model of one's own.
    ConstantEscapement : The rule that leaves S* behind: best where the stock is known exactly.
    ConstantMortality : The rule that takes a share of F_MSY of the last survey: 0.8 for the total allowable
        catch, 1 for MSY.
    MdpPolicy : The optimum of the problem without survey error, which takes the survey for the stock.
    QuotaTable : A table of quotas of the user's own.
    convert : A model in a file format of other solvers.
    compare : Value, late stock and extinction of rules of thumb and of the solved policy.
    survey_value : What a better survey is worth: values over the survey error.

    References
    ----------
    .. [1] Milad Memarzadeh, Carl Boettiger, "Resolving the Measurement Uncertainty Paradox in Ecological
       Management", 2018, arXiv:1812.11184.
    """
    return call_function(
        "ecological-pomdp",
        "fit-growth",
        {"observations": observations, "actions": actions, "series": series},
        {"order": order, "sigma_m": sigma_m, "grid": grid, "discount": discount},
        n_jobs=n_jobs,
        time_limit=time_limit,
        mem_limit=mem_limit,
        verbose=verbose,
    )


def convert(model, *, format="pomdpx", n_jobs=None, time_limit=None, mem_limit=None, verbose=False):
    """A model in a file format of other solvers.

    Parameters
    ----------
    model : path, str or dict
        Fishery model (.toml; `problem = "tag"` for one of the literature), or any POMDP (.pomdp, .pomdpx); in
        Python a FisheryModel.
    format : {"pomdp", "pomdpx"}, default="pomdpx"
        File format to write.
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
    text : str
        The file's text.

    See Also
    --------
    FisheryModel : A stock under harvest with noisy growth and noisy surveys, on a grid.
    SarsopSolver : Solver of partially observable Markov decision problems with certified lower and upper
        bounds.
    ImportedPolicy : A policy that another solver wrote as .policyx, on a model of one's own.
    ConstantEscapement : The rule that leaves S* behind: best where the stock is known exactly.
    ConstantMortality : The rule that takes a share of F_MSY of the last survey: 0.8 for the total allowable
        catch, 1 for MSY.
    MdpPolicy : The optimum of the problem without survey error, which takes the survey for the stock.
    QuotaTable : A table of quotas of the user's own.
    fit_growth : Growth rate, carrying capacity and growth noise of a stock from its surveys and catches.
    compare : Value, late stock and extinction of rules of thumb and of the solved policy.
    survey_value : What a better survey is worth: values over the survey error.

    References
    ----------
    .. [1] Milad Memarzadeh, Carl Boettiger, "Resolving the Measurement Uncertainty Paradox in Ecological
       Management", 2018, arXiv:1812.11184.
    """
    return call_function(
        "ecological-pomdp",
        "convert",
        {"model": model},
        {"format": format},
        returns=("text",),
        n_jobs=n_jobs,
        time_limit=time_limit,
        mem_limit=mem_limit,
        verbose=verbose,
    )


def compare(
    model,
    *,
    policies=("ce", "tac", "msy", "pomdp"),
    x0=None,
    t_max=100,
    n_reps=1000,
    precision=0.02,
    max_time=60.0,
    paper_convention=False,
    random_state=None,
    n_jobs=None,
    time_limit=None,
    mem_limit=None,
    verbose=False,
):
    """Value, late stock and extinction of rules of thumb and of the solved policy.

    Parameters
    ----------
    model : path, str or dict
        Fishery model (.toml; `problem = "tag"` for one of the literature), or any POMDP (.pomdp, .pomdpx); in
        Python a FisheryModel.
    policies : sequence of {"ce", "tac", "msy", "mdp", "pomdp"}, default=("ce", "tac", "msy", "pomdp")
        Rules to compare.
    x0 : float, default=None
        Stock at the start in grid units; none for a sixth of the carrying capacity. Must be >= 0.
    t_max : int, default=100
        Years; one decision fewer is taken. Must be >= 2.
    n_reps : int, default=1000
        Replicates of the simulated policy; static rules are evaluated exactly. Must be >= 2.
    precision : float, default=0.02
        Gap between the bounds at which the solver stops. Must be > 0.
    max_time : float or None, default=60.0
        Seconds after which the solver stops; none for no limit. Must be > 0.
    paper_convention : bool, default=False
        Start as published: the prior moves once before the first survey, and the first reward has the factor
        gamma.
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
    comparison : Table
        Policy, npv, npv_sd, late_stock, extinction, evaluation (exact or simulated).

    See Also
    --------
    FisheryModel : A stock under harvest with noisy growth and noisy surveys, on a grid.
    SarsopSolver : Solver of partially observable Markov decision problems with certified lower and upper
        bounds.
    ImportedPolicy : A policy that another solver wrote as .policyx, on a model of one's own.
    ConstantEscapement : The rule that leaves S* behind: best where the stock is known exactly.
    ConstantMortality : The rule that takes a share of F_MSY of the last survey: 0.8 for the total allowable
        catch, 1 for MSY.
    MdpPolicy : The optimum of the problem without survey error, which takes the survey for the stock.
    QuotaTable : A table of quotas of the user's own.
    fit_growth : Growth rate, carrying capacity and growth noise of a stock from its surveys and catches.
    convert : A model in a file format of other solvers.
    survey_value : What a better survey is worth: values over the survey error.

    References
    ----------
    .. [1] Milad Memarzadeh, Carl Boettiger, "Resolving the Measurement Uncertainty Paradox in Ecological
       Management", 2018, arXiv:1812.11184.
    """
    return call_function(
        "ecological-pomdp",
        "compare",
        {"model": model},
        {
            "policies": policies,
            "x0": x0,
            "t_max": t_max,
            "n_reps": n_reps,
            "precision": precision,
            "max_time": max_time,
            "paper_convention": paper_convention,
        },
        returns=("comparison",),
        random_state=random_state,
        n_jobs=n_jobs,
        time_limit=time_limit,
        mem_limit=mem_limit,
        verbose=verbose,
    )


def survey_value(
    model,
    *,
    sigmas=(0.0, 0.05, 0.1, 0.15, 0.2),
    precision=0.05,
    max_time=60.0,
    n_jobs=None,
    time_limit=None,
    mem_limit=None,
    verbose=False,
):
    """What a better survey is worth: values over the survey error.

    Parameters
    ----------
    model : path, str or dict
        Fishery model (.toml; `problem = "tag"` for one of the literature), or any POMDP (.pomdp, .pomdpx); in
        Python a FisheryModel.
    sigmas : sequence of float, default=(0.0, 0.05, 0.1, 0.15, 0.2)
        Standard deviations of the survey error to price. Must be >= 0.
    precision : float, default=0.05
        Gap between the bounds at which the solver stops. Must be > 0.
    max_time : float or None, default=60.0
        Seconds a solve; none for no limit. Must be > 0.
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
    survey_value : Table
        Sigma_m, lower, upper (bounds of the best value), constant_escapement, tac (exact).

    See Also
    --------
    FisheryModel : A stock under harvest with noisy growth and noisy surveys, on a grid.
    SarsopSolver : Solver of partially observable Markov decision problems with certified lower and upper
        bounds.
    ImportedPolicy : A policy that another solver wrote as .policyx, on a model of one's own.
    ConstantEscapement : The rule that leaves S* behind: best where the stock is known exactly.
    ConstantMortality : The rule that takes a share of F_MSY of the last survey: 0.8 for the total allowable
        catch, 1 for MSY.
    MdpPolicy : The optimum of the problem without survey error, which takes the survey for the stock.
    QuotaTable : A table of quotas of the user's own.
    fit_growth : Growth rate, carrying capacity and growth noise of a stock from its surveys and catches.
    convert : A model in a file format of other solvers.
    compare : Value, late stock and extinction of rules of thumb and of the solved policy.

    References
    ----------
    .. [1] Milad Memarzadeh, Carl Boettiger, "Resolving the Measurement Uncertainty Paradox in Ecological
       Management", 2018, arXiv:1812.11184.
    """
    return call_function(
        "ecological-pomdp",
        "survey-value",
        {"model": model},
        {"sigmas": sigmas, "precision": precision, "max_time": max_time},
        returns=("survey_value",),
        n_jobs=n_jobs,
        time_limit=time_limit,
        mem_limit=mem_limit,
        verbose=verbose,
    )
