"""Methods of the family learning: Self-normalising networks.

Written by `cargo xtask gen` from the registry: do not edit.
"""

from ._base import Estimator, MultiClassifier, Regressor, call_function

__all__ = ["SnnClassifier", "SnnGridSearch", "SnnMultiTask", "SnnRegressor", "fixed_point", "moment_map", "selu_for_fixed_point"]


class SnnClassifier(MultiClassifier):
    """Classifier of rows by a deep self-normalising network.

    Parameters
    ----------
    hidden_layers : int, default=8
        Number of hidden layers. Must be in [1, 512].
    units : int, default=256
        Width of the hidden layers, of the first where the form is conic. Must be >= 1.
    form : {"rectangular", "conic"}, default="rectangular"
        Widths of the hidden layers.
    dropout : float, default=0.05
        Share of hidden values dropped while training. Must be in [0, 1).
    lr : float, default=0.01
        Step size of stochastic gradient descent. Must be > 0.
    batch_size : int, default=None
        Rows of a minibatch; none for 128, or all rows where there are fewer. Must be >= 1.
    max_epochs : int, default=100
        Passes over the data. Must be >= 1.
    l2 : float, default=0.0
        Weight of half the sum of squared weights in the loss. Must be >= 0.
    validation_fraction : float, default=0.15
        Share of the rows held out to choose the epoch. Must be in [0, 0.9].
    early_stopping : bool, default=True
        Whether the weights of the best epoch on the held-out rows are taken; else those of the last epoch of
        a fit to all rows.
    smoothing : int, default=10
        Epochs over which the held-out loss is averaged before the best epoch is chosen. Must be >= 1.
    activation : {"selu", "relu", "tanh", "elu"}, default="selu"
        Non-linearity of the hidden layers.
    norm : {"batch", "layer", "weight"}, default=None
        Normalisation of the hidden layers; none needs SELU to be more than a few layers deep.
    architecture : {"plain", "highway", "residual", "bottleneck"}, default="plain"
        How hidden layers are joined.
    standardize : bool, default=True
        Whether features (and the target of a regression) are brought to mean 0 and variance 1 first.
    exact_moments : bool, default=False
        Whether the weights of every unit start with a sum of exactly 0 and a sum of squares of exactly 1 (2
        for ReLU).
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
    n_layers_
        Hidden layers.
    n_parameters_
        Trained numbers.
    best_epoch_
        Epoch whose weights were taken.
    best_loss_
        Its smoothed held-out loss, or the training loss where no rows were held out.
    feature_names_
        Columns that the network sees.
    moments_
        Mean and variance of every hidden layer on training rows.
    n_features_in_ : int
        Number of features seen in `fit`.
    feature_names_in_ : ndarray of str
        Names of the features, where `fit` saw a table.
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
    SnnRegressor : Regression of a number by a deep self-normalising network.
    SnnGridSearch : Classifier with the network of a grid that loses least on rows held out; ties go to deeper
        networks, lower rates, more dropout.
    SnnMultiTask : Several yes-or-no answers about each row at once, any of which may be missing in training.
    moment_map : Mean and variance after a SELU layer.
    fixed_point : Mean and variance that SELU layers keep.
    selu_for_fixed_point : The SELU and alpha dropout of a given fixed point.

    References
    ----------
    .. [1] Günter Klambauer, Thomas Unterthiner, Andreas Mayr, Sepp Hochreiter, "Self-Normalizing Neural
       Networks", 2017, arXiv:1706.02515.

    Examples
    --------
    >>> from elinvar.learning import SnnClassifier
    >>> fitted = SnnClassifier().fit(**SnnClassifier.example("fit"))
    >>> found = fitted.predict(**SnnClassifier.example("predict"))
    """

    _method = "self-normalizing"
    _fixed = {"task": "classification"}

    def __init__(
        self,
        *,
        hidden_layers=8,
        units=256,
        form="rectangular",
        dropout=0.05,
        lr=0.01,
        batch_size=None,
        max_epochs=100,
        l2=0.0,
        validation_fraction=0.15,
        early_stopping=True,
        smoothing=10,
        activation="selu",
        norm=None,
        architecture="plain",
        standardize=True,
        exact_moments=False,
        random_state=None,
        n_jobs=None,
        time_limit=None,
        mem_limit=None,
        verbose=False,
        device="cpu",
    ):
        self.hidden_layers = hidden_layers
        self.units = units
        self.form = form
        self.dropout = dropout
        self.lr = lr
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.l2 = l2
        self.validation_fraction = validation_fraction
        self.early_stopping = early_stopping
        self.smoothing = smoothing
        self.activation = activation
        self.norm = norm
        self.architecture = architecture
        self.standardize = standardize
        self.exact_moments = exact_moments
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.time_limit = time_limit
        self.mem_limit = mem_limit
        self.verbose = verbose
        self.device = device

    def fit(self, X, y):
        """Fit a self-normalising network (or one of its competitors) to a table.

        Parameters
        ----------
        X : array-like
            Features (n, d); text columns of a table become one-hot.
        y : dict, table or array-like
            Class or number of each row (n,); for `multitask` columns of 0, 1 and missing cells (n, tasks).

        Returns
        -------
        self : SnnClassifier
            The fitted object.
        """
        return self._fit("fit", {"X": X, "y": y})

    def predict(self, X):
        """The more probable class of each row.

        Parameters
        ----------
        X : array-like
            Features (n, d), the columns of the fit.

        Returns
        -------
        labels : ndarray of shape (n,)
            Labels out of `classes_`.
        """
        return self._labels("predict", {"X": X}, returns=("code",))

    def predict_proba(self, X):
        """The probability of each class.

        Parameters
        ----------
        X : array-like
            Features (n, d), the columns of the fit.

        Returns
        -------
        probabilities : ndarray or None
            Probability of each class or answer (n, outputs).
        """
        return self._apply("predict", {"X": X}, returns=("probabilities",))

    def report(self, X):
        """Mean and variance of every hidden layer as measured, as predicted and as proven.

        Parameters
        ----------
        X : array-like
            Features (n, d), the columns of the fit.

        Returns
        -------
        findings : Findings
            With the attributes

            - `verdict`: One sentence.
            - `layers`: One row a hidden layer: units; mean and variance as measured and as predicted; share
              of units within Theorem 1; ranges of the sums of weights (omega) and of their squares (tau);
              proven ends of mean and variance, empty behind biases.
            - `first_leaving`: First layer that is not proven to stay in the domain of Theorem 1, none where
              all are.
        """
        return self._apply("report", {"X": X})


class SnnRegressor(Regressor):
    """Regression of a number by a deep self-normalising network.

    Parameters
    ----------
    hidden_layers : int, default=8
        Number of hidden layers. Must be in [1, 512].
    units : int, default=256
        Width of the hidden layers, of the first where the form is conic. Must be >= 1.
    form : {"rectangular", "conic"}, default="rectangular"
        Widths of the hidden layers.
    dropout : float, default=0.05
        Share of hidden values dropped while training. Must be in [0, 1).
    lr : float, default=0.01
        Step size of stochastic gradient descent. Must be > 0.
    batch_size : int, default=None
        Rows of a minibatch; none for 128, or all rows where there are fewer. Must be >= 1.
    max_epochs : int, default=100
        Passes over the data. Must be >= 1.
    l2 : float, default=0.0
        Weight of half the sum of squared weights in the loss. Must be >= 0.
    validation_fraction : float, default=0.15
        Share of the rows held out to choose the epoch. Must be in [0, 0.9].
    early_stopping : bool, default=True
        Whether the weights of the best epoch on the held-out rows are taken; else those of the last epoch of
        a fit to all rows.
    smoothing : int, default=10
        Epochs over which the held-out loss is averaged before the best epoch is chosen. Must be >= 1.
    activation : {"selu", "relu", "tanh", "elu"}, default="selu"
        Non-linearity of the hidden layers.
    norm : {"batch", "layer", "weight"}, default=None
        Normalisation of the hidden layers; none needs SELU to be more than a few layers deep.
    architecture : {"plain", "highway", "residual", "bottleneck"}, default="plain"
        How hidden layers are joined.
    standardize : bool, default=True
        Whether features (and the target of a regression) are brought to mean 0 and variance 1 first.
    exact_moments : bool, default=False
        Whether the weights of every unit start with a sum of exactly 0 and a sum of squares of exactly 1 (2
        for ReLU).
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
    n_layers_
        Hidden layers.
    n_parameters_
        Trained numbers.
    best_epoch_
        Epoch whose weights were taken.
    best_loss_
        Its smoothed held-out loss, or the training loss where no rows were held out.
    feature_names_
        Columns that the network sees.
    moments_
        Mean and variance of every hidden layer on training rows.
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
    SnnClassifier : Classifier of rows by a deep self-normalising network.
    SnnGridSearch : Classifier with the network of a grid that loses least on rows held out; ties go to deeper
        networks, lower rates, more dropout.
    SnnMultiTask : Several yes-or-no answers about each row at once, any of which may be missing in training.
    moment_map : Mean and variance after a SELU layer.
    fixed_point : Mean and variance that SELU layers keep.
    selu_for_fixed_point : The SELU and alpha dropout of a given fixed point.

    References
    ----------
    .. [1] Günter Klambauer, Thomas Unterthiner, Andreas Mayr, Sepp Hochreiter, "Self-Normalizing Neural
       Networks", 2017, arXiv:1706.02515.

    Examples
    --------
    >>> from elinvar.learning import SnnRegressor
    >>> fitted = SnnRegressor().fit(**SnnRegressor.example("fit"))
    >>> found = fitted.predict(**SnnRegressor.example("predict"))
    """

    _method = "self-normalizing"
    _fixed = {"task": "regression"}

    def __init__(
        self,
        *,
        hidden_layers=8,
        units=256,
        form="rectangular",
        dropout=0.05,
        lr=0.01,
        batch_size=None,
        max_epochs=100,
        l2=0.0,
        validation_fraction=0.15,
        early_stopping=True,
        smoothing=10,
        activation="selu",
        norm=None,
        architecture="plain",
        standardize=True,
        exact_moments=False,
        random_state=None,
        n_jobs=None,
        time_limit=None,
        mem_limit=None,
        verbose=False,
        device="cpu",
    ):
        self.hidden_layers = hidden_layers
        self.units = units
        self.form = form
        self.dropout = dropout
        self.lr = lr
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.l2 = l2
        self.validation_fraction = validation_fraction
        self.early_stopping = early_stopping
        self.smoothing = smoothing
        self.activation = activation
        self.norm = norm
        self.architecture = architecture
        self.standardize = standardize
        self.exact_moments = exact_moments
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.time_limit = time_limit
        self.mem_limit = mem_limit
        self.verbose = verbose
        self.device = device

    def fit(self, X, y):
        """Fit a self-normalising network (or one of its competitors) to a table.

        Parameters
        ----------
        X : array-like
            Features (n, d); text columns of a table become one-hot.
        y : dict, table or array-like
            Class or number of each row (n,); for `multitask` columns of 0, 1 and missing cells (n, tasks).

        Returns
        -------
        self : SnnRegressor
            The fitted object.
        """
        return self._fit("fit", {"X": X, "y": y})

    def predict(self, X):
        """Predict classes, numbers or answers with a fitted network.

        Parameters
        ----------
        X : array-like
            Features (n, d), the columns of the fit.

        Returns
        -------
        prediction : ndarray or None
            Predicted number of each row (n,), of a regression.
        """
        return self._apply("predict", {"X": X}, returns=("prediction",))

    def report(self, X):
        """Mean and variance of every hidden layer as measured, as predicted and as proven.

        Parameters
        ----------
        X : array-like
            Features (n, d), the columns of the fit.

        Returns
        -------
        findings : Findings
            With the attributes

            - `verdict`: One sentence.
            - `layers`: One row a hidden layer: units; mean and variance as measured and as predicted; share
              of units within Theorem 1; ranges of the sums of weights (omega) and of their squares (tau);
              proven ends of mean and variance, empty behind biases.
            - `first_leaving`: First layer that is not proven to stay in the domain of Theorem 1, none where
              all are.
        """
        return self._apply("report", {"X": X})


class SnnGridSearch(MultiClassifier):
    """Classifier with the network of a grid that loses least on rows held out; ties go to deeper networks,
    lower rates, more dropout.

    Parameters
    ----------
    grid : {"small", "uci", "tox21", "htru2"}, default="small"
        The grid; its lists can be replaced one by one.
    hidden_layers : sequence of int, default=None
        Numbers of hidden layers to try; none for those of the grid. Must be in [1, 512].
    units : sequence of int, default=None
        Widths to try; none for those of the grid. Must be >= 1.
    forms : sequence of {"rectangular", "conic"}, default=None
        Forms to try; none for those of the grid.
    dropout : sequence of float, default=None
        Dropout rates to try; none for those of the grid. Must be >= 0.
    lr : sequence of float, default=None
        Step sizes to try; none for those of the grid. Must be >= 0.
    batch_size : int, default=None
        Rows of a minibatch; none for 128, or all rows where there are fewer. Must be >= 1.
    max_epochs : int, default=100
        Passes over the data. Must be >= 1.
    l2 : float, default=0.0
        Weight of half the sum of squared weights in the loss. Must be >= 0.
    validation_fraction : float, default=0.15
        Share of the rows held out to choose the epoch. Must be in [0, 0.9].
    early_stopping : bool, default=True
        Whether the weights of the best epoch on the held-out rows are taken; else those of the last epoch of
        a fit to all rows.
    smoothing : int, default=10
        Epochs over which the held-out loss is averaged before the best epoch is chosen. Must be >= 1.
    activation : {"selu", "relu", "tanh", "elu"}, default="selu"
        Non-linearity of the hidden layers.
    norm : {"batch", "layer", "weight"}, default=None
        Normalisation of the hidden layers; none needs SELU to be more than a few layers deep.
    architecture : {"plain", "highway", "residual", "bottleneck"}, default="plain"
        How hidden layers are joined.
    standardize : bool, default=True
        Whether features (and the target of a regression) are brought to mean 0 and variance 1 first.
    exact_moments : bool, default=False
        Whether the weights of every unit start with a sum of exactly 0 and a sum of squares of exactly 1 (2
        for ReLU).
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
    n_layers_
        Hidden layers.
    n_parameters_
        Trained numbers.
    best_epoch_
        Epoch whose weights were taken.
    best_loss_
        Its smoothed held-out loss, or the training loss where no rows were held out.
    feature_names_
        Columns that the network sees.
    moments_
        Mean and variance of every hidden layer on training rows.
    n_features_in_ : int
        Number of features seen in `fit`.
    feature_names_in_ : ndarray of str
        Names of the features, where `fit` saw a table.
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
    SnnClassifier : Classifier of rows by a deep self-normalising network.
    SnnRegressor : Regression of a number by a deep self-normalising network.
    SnnMultiTask : Several yes-or-no answers about each row at once, any of which may be missing in training.
    moment_map : Mean and variance after a SELU layer.
    fixed_point : Mean and variance that SELU layers keep.
    selu_for_fixed_point : The SELU and alpha dropout of a given fixed point.

    References
    ----------
    .. [1] Günter Klambauer, Thomas Unterthiner, Andreas Mayr, Sepp Hochreiter, "Self-Normalizing Neural
       Networks", 2017, arXiv:1706.02515.

    Examples
    --------
    >>> from elinvar.learning import SnnGridSearch
    >>> fitted = SnnGridSearch().fit(**SnnGridSearch.example("fit"))
    >>> found = fitted.predict(**SnnGridSearch.example("predict"))
    """

    _method = "self-normalizing"
    _fixed = {"task": "classification"}

    def __init__(
        self,
        *,
        grid="small",
        hidden_layers=None,
        units=None,
        forms=None,
        dropout=None,
        lr=None,
        batch_size=None,
        max_epochs=100,
        l2=0.0,
        validation_fraction=0.15,
        early_stopping=True,
        smoothing=10,
        activation="selu",
        norm=None,
        architecture="plain",
        standardize=True,
        exact_moments=False,
        random_state=None,
        n_jobs=None,
        time_limit=None,
        mem_limit=None,
        verbose=False,
        device="cpu",
    ):
        self.grid = grid
        self.hidden_layers = hidden_layers
        self.units = units
        self.forms = forms
        self.dropout = dropout
        self.lr = lr
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.l2 = l2
        self.validation_fraction = validation_fraction
        self.early_stopping = early_stopping
        self.smoothing = smoothing
        self.activation = activation
        self.norm = norm
        self.architecture = architecture
        self.standardize = standardize
        self.exact_moments = exact_moments
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.time_limit = time_limit
        self.mem_limit = mem_limit
        self.verbose = verbose
        self.device = device

    def fit(self, X, y):
        """Fit every network of a grid and keep the one with the least held-out loss.

        Parameters
        ----------
        X : array-like
            Features (n, d); text columns of a table become one-hot.
        y : dict, table or array-like
            Class or number of each row (n,); for `multitask` columns of 0, 1 and missing cells (n, tasks).

        Returns
        -------
        self : SnnGridSearch
            The fitted object.
        """
        return self._fit("search", {"X": X, "y": y})

    def predict(self, X):
        """The more probable class of each row.

        Parameters
        ----------
        X : array-like
            Features (n, d), the columns of the fit.

        Returns
        -------
        labels : ndarray of shape (n,)
            Labels out of `classes_`.
        """
        return self._labels("predict", {"X": X}, returns=("code",))

    def predict_proba(self, X):
        """The probability of each class.

        Parameters
        ----------
        X : array-like
            Features (n, d), the columns of the fit.

        Returns
        -------
        probabilities : ndarray or None
            Probability of each class or answer (n, outputs).
        """
        return self._apply("predict", {"X": X}, returns=("probabilities",))

    def report(self, X):
        """Mean and variance of every hidden layer as measured, as predicted and as proven.

        Parameters
        ----------
        X : array-like
            Features (n, d), the columns of the fit.

        Returns
        -------
        findings : Findings
            With the attributes

            - `verdict`: One sentence.
            - `layers`: One row a hidden layer: units; mean and variance as measured and as predicted; share
              of units within Theorem 1; ranges of the sums of weights (omega) and of their squares (tau);
              proven ends of mean and variance, empty behind biases.
            - `first_leaving`: First layer that is not proven to stay in the domain of Theorem 1, none where
              all are.
        """
        return self._apply("report", {"X": X})


class SnnMultiTask(Estimator):
    """Several yes-or-no answers about each row at once, any of which may be missing in training.

    Parameters
    ----------
    hidden_layers : int, default=8
        Number of hidden layers. Must be in [1, 512].
    units : int, default=256
        Width of the hidden layers, of the first where the form is conic. Must be >= 1.
    form : {"rectangular", "conic"}, default="rectangular"
        Widths of the hidden layers.
    dropout : float, default=0.05
        Share of hidden values dropped while training. Must be in [0, 1).
    lr : float, default=0.01
        Step size of stochastic gradient descent. Must be > 0.
    batch_size : int, default=None
        Rows of a minibatch; none for 128, or all rows where there are fewer. Must be >= 1.
    max_epochs : int, default=100
        Passes over the data. Must be >= 1.
    l2 : float, default=0.0
        Weight of half the sum of squared weights in the loss. Must be >= 0.
    validation_fraction : float, default=0.15
        Share of the rows held out to choose the epoch. Must be in [0, 0.9].
    early_stopping : bool, default=True
        Whether the weights of the best epoch on the held-out rows are taken; else those of the last epoch of
        a fit to all rows.
    smoothing : int, default=10
        Epochs over which the held-out loss is averaged before the best epoch is chosen. Must be >= 1.
    activation : {"selu", "relu", "tanh", "elu"}, default="selu"
        Non-linearity of the hidden layers.
    norm : {"batch", "layer", "weight"}, default=None
        Normalisation of the hidden layers; none needs SELU to be more than a few layers deep.
    architecture : {"plain", "highway", "residual", "bottleneck"}, default="plain"
        How hidden layers are joined.
    standardize : bool, default=True
        Whether features (and the target of a regression) are brought to mean 0 and variance 1 first.
    exact_moments : bool, default=False
        Whether the weights of every unit start with a sum of exactly 0 and a sum of squares of exactly 1 (2
        for ReLU).
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
    n_layers_
        Hidden layers.
    n_parameters_
        Trained numbers.
    best_epoch_
        Epoch whose weights were taken.
    best_loss_
        Its smoothed held-out loss, or the training loss where no rows were held out.
    feature_names_
        Columns that the network sees.
    moments_
        Mean and variance of every hidden layer on training rows.
    history_ : Table
        Figures of every recorded step.
    status_ : {"converged", "iteration_limit", "time_limit"}
        How the fit ended.
    seed_ : int
        The seed of the fit, also where `random_state` is None.

    See Also
    --------
    SnnClassifier : Classifier of rows by a deep self-normalising network.
    SnnRegressor : Regression of a number by a deep self-normalising network.
    SnnGridSearch : Classifier with the network of a grid that loses least on rows held out; ties go to deeper
        networks, lower rates, more dropout.
    moment_map : Mean and variance after a SELU layer.
    fixed_point : Mean and variance that SELU layers keep.
    selu_for_fixed_point : The SELU and alpha dropout of a given fixed point.

    References
    ----------
    .. [1] Günter Klambauer, Thomas Unterthiner, Andreas Mayr, Sepp Hochreiter, "Self-Normalizing Neural
       Networks", 2017, arXiv:1706.02515.

    Examples
    --------
    >>> from elinvar.learning import SnnMultiTask
    >>> fitted = SnnMultiTask().fit(**SnnMultiTask.example("fit"))
    >>> found = fitted.predict_proba(**SnnMultiTask.example("predict_proba"))
    """

    _method = "self-normalizing"
    _fixed = {"task": "multitask"}

    def __init__(
        self,
        *,
        hidden_layers=8,
        units=256,
        form="rectangular",
        dropout=0.05,
        lr=0.01,
        batch_size=None,
        max_epochs=100,
        l2=0.0,
        validation_fraction=0.15,
        early_stopping=True,
        smoothing=10,
        activation="selu",
        norm=None,
        architecture="plain",
        standardize=True,
        exact_moments=False,
        random_state=None,
        n_jobs=None,
        time_limit=None,
        mem_limit=None,
        verbose=False,
        device="cpu",
    ):
        self.hidden_layers = hidden_layers
        self.units = units
        self.form = form
        self.dropout = dropout
        self.lr = lr
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.l2 = l2
        self.validation_fraction = validation_fraction
        self.early_stopping = early_stopping
        self.smoothing = smoothing
        self.activation = activation
        self.norm = norm
        self.architecture = architecture
        self.standardize = standardize
        self.exact_moments = exact_moments
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.time_limit = time_limit
        self.mem_limit = mem_limit
        self.verbose = verbose
        self.device = device

    def fit(self, X, y):
        """Fit a self-normalising network (or one of its competitors) to a table.

        Parameters
        ----------
        X : array-like
            Features (n, d); text columns of a table become one-hot.
        y : dict, table or array-like
            Class or number of each row (n,); for `multitask` columns of 0, 1 and missing cells (n, tasks).

        Returns
        -------
        self : SnnMultiTask
            The fitted object.
        """
        return self._fit("fit", {"X": X, "y": y})

    def predict_proba(self, X):
        """The probability of each class.

        Parameters
        ----------
        X : array-like
            Features (n, d), the columns of the fit.

        Returns
        -------
        probabilities : ndarray or None
            Probability of each class or answer (n, outputs).
        """
        return self._apply("predict", {"X": X}, returns=("probabilities",))

    def predict(self, X):
        """Predict classes, numbers or answers with a fitted network.

        Parameters
        ----------
        X : array-like
            Features (n, d), the columns of the fit.

        Returns
        -------
        labels : Table or None
            Class of each row, or its answers (n rows).
        """
        return self._apply("predict", {"X": X}, returns=("labels",))

    def report(self, X):
        """Mean and variance of every hidden layer as measured, as predicted and as proven.

        Parameters
        ----------
        X : array-like
            Features (n, d), the columns of the fit.

        Returns
        -------
        findings : Findings
            With the attributes

            - `verdict`: One sentence.
            - `layers`: One row a hidden layer: units; mean and variance as measured and as predicted; share
              of units within Theorem 1; ranges of the sums of weights (omega) and of their squares (tau);
              proven ends of mean and variance, empty behind biases.
            - `first_leaving`: First layer that is not proven to stay in the domain of Theorem 1, none where
              all are.
        """
        return self._apply("report", {"X": X})


def moment_map(
    mu,
    omega,
    nu,
    tau,
    *,
    alpha=1.6732632423543772,
    scale=1.0507009873554805,
    n_jobs=None,
    time_limit=None,
    mem_limit=None,
    verbose=False,
):
    """Mean and variance after a SELU layer.

    Parameters
    ----------
    mu : array-like
        Mean of the inputs (n,).
    omega : array-like
        Sum of the weights (n,).
    nu : array-like
        Variance of the inputs (n,), >= 0.
    tau : array-like
        Sum of the squared weights (n,), >= 0.
    alpha : float, default=1.6732632423543772
        Slope below zero over slope above, at zero. Must be > 0.
    scale : float, default=1.0507009873554805
        Slope above zero (λ of the paper). Must be > 0.
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
        Mean after the layer (n,).
    variance : ndarray
        Variance after the layer (n,).

    See Also
    --------
    SnnClassifier : Classifier of rows by a deep self-normalising network.
    SnnRegressor : Regression of a number by a deep self-normalising network.
    SnnGridSearch : Classifier with the network of a grid that loses least on rows held out; ties go to deeper
        networks, lower rates, more dropout.
    SnnMultiTask : Several yes-or-no answers about each row at once, any of which may be missing in training.
    fixed_point : Mean and variance that SELU layers keep.
    selu_for_fixed_point : The SELU and alpha dropout of a given fixed point.

    References
    ----------
    .. [1] Günter Klambauer, Thomas Unterthiner, Andreas Mayr, Sepp Hochreiter, "Self-Normalizing Neural
       Networks", 2017, arXiv:1706.02515.
    """
    return call_function(
        "self-normalizing",
        "moment-map",
        {"mu": mu, "omega": omega, "nu": nu, "tau": tau},
        {"alpha": alpha, "scale": scale},
        returns=("mean", "variance"),
        n_jobs=n_jobs,
        time_limit=time_limit,
        mem_limit=mem_limit,
        verbose=verbose,
    )


def fixed_point(
    *,
    omega=0.0,
    tau=1.0,
    alpha=1.6732632423543772,
    scale=1.0507009873554805,
    tol=1e-12,
    max_iter=1000,
    n_jobs=None,
    time_limit=None,
    mem_limit=None,
    verbose=False,
):
    """Mean and variance that SELU layers keep.

    Parameters
    ----------
    omega : float, default=0.0
        Sum of a unit's incoming weights (ω of the paper).
    tau : float, default=1.0
        Sum of their squares (τ of the paper). Must be >= 0.
    alpha : float, default=1.6732632423543772
        Slope below zero over slope above, at zero. Must be > 0.
    scale : float, default=1.0507009873554805
        Slope above zero (λ of the paper). Must be > 0.
    tol : float, default=1e-12
        Distance from the fixed point at which it counts as found. Must be > 0.
    max_iter : int, default=1000
        Greatest number of layers. Must be >= 1.
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

        - `mean`: Mean that layers keep.
        - `variance`: Variance that layers keep.
        - `contraction`: Largest singular value of the map's derivative there; layers draw near it where it is
          below 1.
        - `iterations`: Layers until it was reached from mean 0 and variance 1.

    See Also
    --------
    SnnClassifier : Classifier of rows by a deep self-normalising network.
    SnnRegressor : Regression of a number by a deep self-normalising network.
    SnnGridSearch : Classifier with the network of a grid that loses least on rows held out; ties go to deeper
        networks, lower rates, more dropout.
    SnnMultiTask : Several yes-or-no answers about each row at once, any of which may be missing in training.
    moment_map : Mean and variance after a SELU layer.
    selu_for_fixed_point : The SELU and alpha dropout of a given fixed point.

    References
    ----------
    .. [1] Günter Klambauer, Thomas Unterthiner, Andreas Mayr, Sepp Hochreiter, "Self-Normalizing Neural
       Networks", 2017, arXiv:1706.02515.
    """
    return call_function(
        "self-normalizing",
        "fixed-point",
        {},
        {"omega": omega, "tau": tau, "alpha": alpha, "scale": scale, "tol": tol, "max_iter": max_iter},
        n_jobs=n_jobs,
        time_limit=time_limit,
        mem_limit=mem_limit,
        verbose=verbose,
    )


def selu_for_fixed_point(
    *,
    mean=0.0,
    variance=1.0,
    dropout=0.05,
    n_jobs=None,
    time_limit=None,
    mem_limit=None,
    verbose=False,
):
    """The SELU and alpha dropout of a given fixed point.

    Parameters
    ----------
    mean : float, default=0.0
        Mean that layers shall keep.
    variance : float, default=1.0
        Variance that layers shall keep. Must be > 0.
    dropout : float, default=0.05
        Dropout rate for which the matching affine map is given. Must be in [0, 1).
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

        - `alpha`: Slope below zero over slope above, at zero.
        - `scale`: Slope above zero (λ of the paper).
        - `saturation`: What dropped values become, -lambda alpha.
        - `dropout_scale`: Factor of alpha dropout (a of the paper).
        - `dropout_shift`: Shift of alpha dropout (b of the paper).

    See Also
    --------
    SnnClassifier : Classifier of rows by a deep self-normalising network.
    SnnRegressor : Regression of a number by a deep self-normalising network.
    SnnGridSearch : Classifier with the network of a grid that loses least on rows held out; ties go to deeper
        networks, lower rates, more dropout.
    SnnMultiTask : Several yes-or-no answers about each row at once, any of which may be missing in training.
    moment_map : Mean and variance after a SELU layer.
    fixed_point : Mean and variance that SELU layers keep.

    References
    ----------
    .. [1] Günter Klambauer, Thomas Unterthiner, Andreas Mayr, Sepp Hochreiter, "Self-Normalizing Neural
       Networks", 2017, arXiv:1706.02515.
    """
    return call_function(
        "self-normalizing",
        "constants",
        {},
        {"mean": mean, "variance": variance, "dropout": dropout},
        n_jobs=n_jobs,
        time_limit=time_limit,
        mem_limit=mem_limit,
        verbose=verbose,
    )
