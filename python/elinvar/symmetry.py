"""Methods of the family symmetry: Polyphase anchoring for vision transformers.

Written by `cargo xtask gen` from the registry: do not edit.
"""

from ._base import ImageClassifier, call_function

__all__ = ["PolyTwinsClassifier", "PolyViTClassifier", "TimmClassifier", "polyphase_anchor", "restore"]


class PolyViTClassifier(ImageClassifier):
    """Vision transformer whose classes do not depend on circular shifts of an image.

    Parameters
    ----------
    variant : {"vit_s16", "vit_b16"}, default=None
        A network of the literature; it replaces patch_size, dim, depth, heads and mlp_ratio.
    patch_size : int, default=4
        Rows and columns of a patch, which is also the stride of the anchor. Must be >= 1.
    patch_norm : bool, default=True
        Whether tokens are normed as they come from their patches.
    dim : int, default=32
        Width of a token, a multiple of heads. Must be >= 1.
    depth : int, default=2
        Number of blocks. Must be in [1, 256].
    heads : int, default=2
        Heads of the attention. Must be >= 1.
    mlp_ratio : float, default=2.0
        Width of a block's perceptron over dim. Must be > 0.
    position : {"absolute", "circular_convolution", "none"}, default="circular_convolution"
        How tokens learn where they are; only the circular convolution and none commute with shifts.
    pool : {"token", "mean"}, default="token"
        What the head sees.
    anchor : bool, default=True
        Whether images, and inside PolyTwins maps of tokens, are rolled by their polyphase anchor: classes
        then do not depend on circular shifts.
    full_anchor : bool, default=False
        Whether images are rolled to their strongest pixel: shifted copies are then the same image to the
        network.
    norm : {"l2", "l1", "linf"}, default="l2"
        Norm by which polyphase components are compared.
    tie_break : {"keys", "none"}, default="keys"
        What decides between components of equal norm.
    image_size : int, default=None
        Rows and columns that images must have; none for those of the images given. Must be >= 1.
    standardize : bool, default=True
        Whether every channel is brought to mean 0 and variance 1 over the training images.
    lr : float, default=0.002
        Greatest step size. Must be > 0.
    weight_decay : float, default=0.05
        Part of itself, times the step size, that every weight matrix loses a step. Must be >= 0.
    warmup : float, default=0.1
        Share of the steps in which the step size rises; it then falls along half a cosine. Must be in [0, 1).
    epochs : int, default=20
        Passes over the images; 0 leaves the network as it starts.
    batch_size : int, default=64
        Images of a minibatch. Must be >= 1.
    clip_norm : float, default=None
        Greatest norm of the gradient; none for no limit. Must be > 0.
    label_smoothing : float, default=0.0
        Part of the target that is spread evenly over all classes. Must be in [0, 1).
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
    n_parameters_
        Trained numbers.
    image_shape_
        Channels, rows and columns of the images of the fit.
    anchor_stride_
        Stride of the anchor, None where there is none.
    ambiguous_
        Training images whose anchor nothing decides.
    loss_curve_
        Mean loss of every epoch.
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
    PolyTwinsClassifier : Vision transformer in stages (Twins) whose classes do not depend on circular shifts
        of an image.
    TimmClassifier : Network that timm trained, with anchors in front of it.
    polyphase_anchor : Rolls images so that their strongest polyphase component comes first.
    restore : Undoes the roll of an anchor.

    References
    ----------
    .. [1] Peijian Ding, Davit Soselia, Thomas Armstrong, Jiahao Su, Furong Huang, "Reviving Shift
       Equivariance in Vision Transformers", 2023, arXiv:2306.07470.

    Examples
    --------
    >>> from elinvar.symmetry import PolyViTClassifier
    >>> fitted = PolyViTClassifier().fit(**PolyViTClassifier.example("fit"))
    >>> found = fitted.predict(**PolyViTClassifier.example("predict"))
    """

    _method = "polyphase-vit"

    def __init__(
        self,
        *,
        variant=None,
        patch_size=4,
        patch_norm=True,
        dim=32,
        depth=2,
        heads=2,
        mlp_ratio=2.0,
        position="circular_convolution",
        pool="token",
        anchor=True,
        full_anchor=False,
        norm="l2",
        tie_break="keys",
        image_size=None,
        standardize=True,
        lr=0.002,
        weight_decay=0.05,
        warmup=0.1,
        epochs=20,
        batch_size=64,
        clip_norm=None,
        label_smoothing=0.0,
        random_state=None,
        n_jobs=None,
        time_limit=None,
        mem_limit=None,
        verbose=False,
        device="cpu",
    ):
        self.variant = variant
        self.patch_size = patch_size
        self.patch_norm = patch_norm
        self.dim = dim
        self.depth = depth
        self.heads = heads
        self.mlp_ratio = mlp_ratio
        self.position = position
        self.pool = pool
        self.anchor = anchor
        self.full_anchor = full_anchor
        self.norm = norm
        self.tie_break = tie_break
        self.image_size = image_size
        self.standardize = standardize
        self.lr = lr
        self.weight_decay = weight_decay
        self.warmup = warmup
        self.epochs = epochs
        self.batch_size = batch_size
        self.clip_norm = clip_norm
        self.label_smoothing = label_smoothing
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.time_limit = time_limit
        self.mem_limit = mem_limit
        self.verbose = verbose
        self.device = device

    def fit(self, X, y, weights=None):
        """Train a vision transformer whose classes do not depend on circular shifts.

        Parameters
        ----------
        X : array-like
            Images (n, channels, height, width), or grey ones (n, height, width).
        y : dict, table or array-like
            Label of each image (n,): whole numbers or text.
        weights : path, default=None
            Arrays to start from where names (of timm) and shapes are the same (.safetensors, .npz).

        Returns
        -------
        self : PolyViTClassifier
            The fitted object.
        """
        return self._fit("fit", {"X": X, "y": y, "weights": weights})

    def predict(self, X):
        """The more probable class of each row.

        Parameters
        ----------
        X : array-like
            Images (n, channels, height, width), or grey ones (n, height, width).

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
            Images (n, channels, height, width), or grey ones (n, height, width).

        Returns
        -------
        probabilities : ndarray
            Probability of each class (n, classes).
        """
        return self._apply("predict", {"X": X}, returns=("probabilities",))

    def consistency(self, X, *, n_shifts=2, max_shift=15, random_state=None):
        """Share of images whose class does not change under random circular shifts.

        Parameters
        ----------
        X : array-like
            Images (n, channels, height, width), or grey ones (n, height, width).
        n_shifts : int, default=2
            Random shifts of every image that must give one class. Must be >= 2.
        max_shift : int, default=15
            Rows and columns of a shift are uniform on 0, 1, ..., max_shift - 1. Must be >= 1.
        random_state : int, RandomState, Generator or None, default=None
            Seed of the random numbers; None draws a new one each time.

        Returns
        -------
        consistency : float
            Share of images whose class is the same under all of the random circular shifts.
        """
        return self._apply(
            "consistency",
            {"X": X},
            {"n_shifts": n_shifts, "max_shift": max_shift},
            returns=("consistency",),
            random_state=random_state,
        )

    def shift_report(self, X, y, *, n_shifts=10, max_shift=15, random_state=None):
        """Accuracy and agreement of classes when images are shifted.

        Parameters
        ----------
        X : array-like
            Images (n, channels, height, width), or grey ones (n, height, width).
        y : dict, table or array-like
            Label of each image (n,): whole numbers or text.
        n_shifts : int, default=10
            Random shifts of every image among which the worst counts. Must be >= 2.
        max_shift : int, default=15
            Rows and columns of a shift are uniform on 0, 1, ..., max_shift - 1. Must be >= 1.
        random_state : int, RandomState, Generator or None, default=None
            Seed of the random numbers; None draws a new one each time.

        Returns
        -------
        findings : Findings
            With the attributes

            - `accuracy`: Share of images whose class is right.
            - `shifted_accuracy`: The same after one random circular shift of each image.
            - `worst_accuracy`: Share of images whose class is right after each of the random shifts.
            - `consistency`: Share of images with one class after two of the random shifts.
            - `filled_consistency`: The same where zeros come in, not what left on the other side.
            - `logit_variance`: Variance of the right class's logit over diagonal shifts of -5 to 4 pixels,
              averaged over images.
            - `ambiguous`: Images whose anchor nothing decides.
        """
        return self._apply(
            "shift-report",
            {"X": X, "y": y},
            {"n_shifts": n_shifts, "max_shift": max_shift},
            random_state=random_state,
        )


class PolyTwinsClassifier(ImageClassifier):
    """Vision transformer in stages (Twins) whose classes do not depend on circular shifts of an image.

    Parameters
    ----------
    variant : {"svt_s", "svt_b"}, default=None
        A network of the literature; it replaces the eight parameters below.
    patches : sequence of int, default=(2, 2)
        Rows and columns of the patches of each stage: of pixels, then of tokens. Must be >= 1.
    dims : sequence of int, default=(16, 32)
        Widths of a token, multiples of heads. Must be >= 1.
    heads : sequence of int, default=(2, 4)
        Heads of the attention. Must be >= 1.
    depths : sequence of int, default=(2, 2)
        Numbers of blocks: attention in windows and to the whole map in turn. Must be >= 1.
    reductions : sequence of int, default=(2, 1)
        Rows and columns of the tokens that become one key and value of the whole map. Must be >= 1.
    window : int, default=2
        Rows and columns of a window of tokens. Must be >= 1.
    mlp_ratio : float, default=2.0
        Width of a block's perceptron over that of a token. Must be > 0.
    anchor : bool, default=True
        Whether images, and inside PolyTwins maps of tokens, are rolled by their polyphase anchor: classes
        then do not depend on circular shifts.
    full_anchor : bool, default=False
        Whether images are rolled to their strongest pixel: shifted copies are then the same image to the
        network.
    norm : {"l2", "l1", "linf"}, default="l2"
        Norm by which polyphase components are compared.
    tie_break : {"keys", "none"}, default="keys"
        What decides between components of equal norm.
    image_size : int, default=None
        Rows and columns that images must have; none for those of the images given. Must be >= 1.
    standardize : bool, default=True
        Whether every channel is brought to mean 0 and variance 1 over the training images.
    lr : float, default=0.002
        Greatest step size. Must be > 0.
    weight_decay : float, default=0.05
        Part of itself, times the step size, that every weight matrix loses a step. Must be >= 0.
    warmup : float, default=0.1
        Share of the steps in which the step size rises; it then falls along half a cosine. Must be in [0, 1).
    epochs : int, default=20
        Passes over the images; 0 leaves the network as it starts.
    batch_size : int, default=64
        Images of a minibatch. Must be >= 1.
    clip_norm : float, default=None
        Greatest norm of the gradient; none for no limit. Must be > 0.
    label_smoothing : float, default=0.0
        Part of the target that is spread evenly over all classes. Must be in [0, 1).
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
    n_parameters_
        Trained numbers.
    image_shape_
        Channels, rows and columns of the images of the fit.
    anchor_stride_
        Stride of the anchor, None where there is none.
    ambiguous_
        Training images whose anchor nothing decides.
    loss_curve_
        Mean loss of every epoch.
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
    PolyViTClassifier : Vision transformer whose classes do not depend on circular shifts of an image.
    TimmClassifier : Network that timm trained, with anchors in front of it.
    polyphase_anchor : Rolls images so that their strongest polyphase component comes first.
    restore : Undoes the roll of an anchor.

    References
    ----------
    .. [1] Peijian Ding, Davit Soselia, Thomas Armstrong, Jiahao Su, Furong Huang, "Reviving Shift
       Equivariance in Vision Transformers", 2023, arXiv:2306.07470.

    Examples
    --------
    >>> from elinvar.symmetry import PolyTwinsClassifier
    >>> fitted = PolyTwinsClassifier().fit(**PolyTwinsClassifier.example("fit"))
    >>> found = fitted.predict(**PolyTwinsClassifier.example("predict"))
    """

    _method = "polyphase-vit"

    def __init__(
        self,
        *,
        variant=None,
        patches=(2, 2),
        dims=(16, 32),
        heads=(2, 4),
        depths=(2, 2),
        reductions=(2, 1),
        window=2,
        mlp_ratio=2.0,
        anchor=True,
        full_anchor=False,
        norm="l2",
        tie_break="keys",
        image_size=None,
        standardize=True,
        lr=0.002,
        weight_decay=0.05,
        warmup=0.1,
        epochs=20,
        batch_size=64,
        clip_norm=None,
        label_smoothing=0.0,
        random_state=None,
        n_jobs=None,
        time_limit=None,
        mem_limit=None,
        verbose=False,
        device="cpu",
    ):
        self.variant = variant
        self.patches = patches
        self.dims = dims
        self.heads = heads
        self.depths = depths
        self.reductions = reductions
        self.window = window
        self.mlp_ratio = mlp_ratio
        self.anchor = anchor
        self.full_anchor = full_anchor
        self.norm = norm
        self.tie_break = tie_break
        self.image_size = image_size
        self.standardize = standardize
        self.lr = lr
        self.weight_decay = weight_decay
        self.warmup = warmup
        self.epochs = epochs
        self.batch_size = batch_size
        self.clip_norm = clip_norm
        self.label_smoothing = label_smoothing
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.time_limit = time_limit
        self.mem_limit = mem_limit
        self.verbose = verbose
        self.device = device

    def fit(self, X, y, weights=None):
        """Train a vision transformer in stages (Twins) whose classes do not depend on circular shifts.

        Parameters
        ----------
        X : array-like
            Images (n, channels, height, width), or grey ones (n, height, width).
        y : dict, table or array-like
            Label of each image (n,): whole numbers or text.
        weights : path, default=None
            Arrays to start from where names (of timm) and shapes are the same (.safetensors, .npz).

        Returns
        -------
        self : PolyTwinsClassifier
            The fitted object.
        """
        return self._fit("fit-twins", {"X": X, "y": y, "weights": weights})

    def predict(self, X):
        """The more probable class of each row.

        Parameters
        ----------
        X : array-like
            Images (n, channels, height, width), or grey ones (n, height, width).

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
            Images (n, channels, height, width), or grey ones (n, height, width).

        Returns
        -------
        probabilities : ndarray
            Probability of each class (n, classes).
        """
        return self._apply("predict", {"X": X}, returns=("probabilities",))

    def consistency(self, X, *, n_shifts=2, max_shift=15, random_state=None):
        """Share of images whose class does not change under random circular shifts.

        Parameters
        ----------
        X : array-like
            Images (n, channels, height, width), or grey ones (n, height, width).
        n_shifts : int, default=2
            Random shifts of every image that must give one class. Must be >= 2.
        max_shift : int, default=15
            Rows and columns of a shift are uniform on 0, 1, ..., max_shift - 1. Must be >= 1.
        random_state : int, RandomState, Generator or None, default=None
            Seed of the random numbers; None draws a new one each time.

        Returns
        -------
        consistency : float
            Share of images whose class is the same under all of the random circular shifts.
        """
        return self._apply(
            "consistency",
            {"X": X},
            {"n_shifts": n_shifts, "max_shift": max_shift},
            returns=("consistency",),
            random_state=random_state,
        )

    def shift_report(self, X, y, *, n_shifts=10, max_shift=15, random_state=None):
        """Accuracy and agreement of classes when images are shifted.

        Parameters
        ----------
        X : array-like
            Images (n, channels, height, width), or grey ones (n, height, width).
        y : dict, table or array-like
            Label of each image (n,): whole numbers or text.
        n_shifts : int, default=10
            Random shifts of every image among which the worst counts. Must be >= 2.
        max_shift : int, default=15
            Rows and columns of a shift are uniform on 0, 1, ..., max_shift - 1. Must be >= 1.
        random_state : int, RandomState, Generator or None, default=None
            Seed of the random numbers; None draws a new one each time.

        Returns
        -------
        findings : Findings
            With the attributes

            - `accuracy`: Share of images whose class is right.
            - `shifted_accuracy`: The same after one random circular shift of each image.
            - `worst_accuracy`: Share of images whose class is right after each of the random shifts.
            - `consistency`: Share of images with one class after two of the random shifts.
            - `filled_consistency`: The same where zeros come in, not what left on the other side.
            - `logit_variance`: Variance of the right class's logit over diagonal shifts of -5 to 4 pixels,
              averaged over images.
            - `ambiguous`: Images whose anchor nothing decides.
        """
        return self._apply(
            "shift-report",
            {"X": X, "y": y},
            {"n_shifts": n_shifts, "max_shift": max_shift},
            random_state=random_state,
        )


class TimmClassifier(ImageClassifier):
    """Network that timm trained, with anchors in front of it.

    Parameters
    ----------
    heads : sequence of int, default=None
        Heads of the attention, one number for a vision transformer and one a stage for Twins; none for heads
        of 64 and of 32 numbers. Must be >= 1.
    image_size : int, default=224
        Rows and columns of images, where the arrays do not tell. Must be >= 1.
    mean : sequence of float, default=(127.5,)
        Subtracted from pixels: one number, or one a channel.
    std : sequence of float, default=(127.5,)
        What they are divided by then.
    anchor : bool, default=True
        Whether images, and inside PolyTwins maps of tokens, are rolled by their polyphase anchor.
    full_anchor : bool, default=False
        Whether images are rolled to their strongest pixel: any network then gives shifted copies one class.
    norm : {"l2", "l1", "linf"}, default="l2"
        Norm by which polyphase components are compared.
    tie_break : {"keys", "none"}, default="keys"
        What decides between components of equal norm.
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
    n_parameters_
        Trained numbers.
    image_shape_
        Channels, rows and columns of the images of the fit.
    anchor_stride_
        Stride of the anchor, None where there is none.
    ambiguous_
        Training images whose anchor nothing decides.
    loss_curve_
        Mean loss of every epoch.
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
    PolyViTClassifier : Vision transformer whose classes do not depend on circular shifts of an image.
    PolyTwinsClassifier : Vision transformer in stages (Twins) whose classes do not depend on circular shifts
        of an image.
    polyphase_anchor : Rolls images so that their strongest polyphase component comes first.
    restore : Undoes the roll of an anchor.

    References
    ----------
    .. [1] Peijian Ding, Davit Soselia, Thomas Armstrong, Jiahao Su, Furong Huang, "Reviving Shift
       Equivariance in Vision Transformers", 2023, arXiv:2306.07470.

    Examples
    --------
    >>> from elinvar.symmetry import TimmClassifier
    >>> fitted = TimmClassifier().fit(**TimmClassifier.example("fit"))
    >>> found = fitted.predict(**TimmClassifier.example("predict"))
    """

    _method = "polyphase-vit"

    def __init__(
        self,
        *,
        heads=None,
        image_size=224,
        mean=(127.5,),
        std=(127.5,),
        anchor=True,
        full_anchor=False,
        norm="l2",
        tie_break="keys",
        random_state=None,
        n_jobs=None,
        time_limit=None,
        mem_limit=None,
        verbose=False,
        device="cpu",
    ):
        self.heads = heads
        self.image_size = image_size
        self.mean = mean
        self.std = std
        self.anchor = anchor
        self.full_anchor = full_anchor
        self.norm = norm
        self.tie_break = tie_break
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.time_limit = time_limit
        self.mem_limit = mem_limit
        self.verbose = verbose
        self.device = device

    def fit(self, weights):
        """Read a network that timm trained, and put anchors in front of it.

        Parameters
        ----------
        weights : path
            State dictionary of timm's VisionTransformer or Twins (.safetensors, .npz).

        Returns
        -------
        self : TimmClassifier
            The fitted object.
        """
        return self._fit("import", {"weights": weights})

    def predict(self, X):
        """The more probable class of each row.

        Parameters
        ----------
        X : array-like
            Images (n, channels, height, width), or grey ones (n, height, width).

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
            Images (n, channels, height, width), or grey ones (n, height, width).

        Returns
        -------
        probabilities : ndarray
            Probability of each class (n, classes).
        """
        return self._apply("predict", {"X": X}, returns=("probabilities",))

    def consistency(self, X, *, n_shifts=2, max_shift=15, random_state=None):
        """Share of images whose class does not change under random circular shifts.

        Parameters
        ----------
        X : array-like
            Images (n, channels, height, width), or grey ones (n, height, width).
        n_shifts : int, default=2
            Random shifts of every image that must give one class. Must be >= 2.
        max_shift : int, default=15
            Rows and columns of a shift are uniform on 0, 1, ..., max_shift - 1. Must be >= 1.
        random_state : int, RandomState, Generator or None, default=None
            Seed of the random numbers; None draws a new one each time.

        Returns
        -------
        consistency : float
            Share of images whose class is the same under all of the random circular shifts.
        """
        return self._apply(
            "consistency",
            {"X": X},
            {"n_shifts": n_shifts, "max_shift": max_shift},
            returns=("consistency",),
            random_state=random_state,
        )

    def shift_report(self, X, y, *, n_shifts=10, max_shift=15, random_state=None):
        """Accuracy and agreement of classes when images are shifted.

        Parameters
        ----------
        X : array-like
            Images (n, channels, height, width), or grey ones (n, height, width).
        y : dict, table or array-like
            Label of each image (n,): whole numbers or text.
        n_shifts : int, default=10
            Random shifts of every image among which the worst counts. Must be >= 2.
        max_shift : int, default=15
            Rows and columns of a shift are uniform on 0, 1, ..., max_shift - 1. Must be >= 1.
        random_state : int, RandomState, Generator or None, default=None
            Seed of the random numbers; None draws a new one each time.

        Returns
        -------
        findings : Findings
            With the attributes

            - `accuracy`: Share of images whose class is right.
            - `shifted_accuracy`: The same after one random circular shift of each image.
            - `worst_accuracy`: Share of images whose class is right after each of the random shifts.
            - `consistency`: Share of images with one class after two of the random shifts.
            - `filled_consistency`: The same where zeros come in, not what left on the other side.
            - `logit_variance`: Variance of the right class's logit over diagonal shifts of -5 to 4 pixels,
              averaged over images.
            - `ambiguous`: Images whose anchor nothing decides.
        """
        return self._apply(
            "shift-report",
            {"X": X, "y": y},
            {"n_shifts": n_shifts, "max_shift": max_shift},
            random_state=random_state,
        )


def polyphase_anchor(
    X,
    *,
    stride=4,
    norm="l2",
    tie_break="keys",
    full=False,
    n_jobs=None,
    time_limit=None,
    mem_limit=None,
    verbose=False,
):
    """Rolls images so that their strongest polyphase component comes first.

    Parameters
    ----------
    X : array-like
        Images (n, channels, height, width), or grey ones (n, height, width).
    stride : int, default=4
        Rows and columns from one pixel of a polyphase component to the next. Must be >= 1.
    norm : {"l2", "l1", "linf"}, default="l2"
        Norm by which components are compared.
    tie_break : {"keys", "none"}, default="keys"
        What decides between components of equal norm.
    full : bool, default=False
        Whether the strongest pixel of the component comes first, so that shifted copies become equal.
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
    anchored : ndarray
        Images (n, channels, height, width), each rolled by its offset.
    offset : ndarray
        Row and column of the pixel that was brought to the first place (n, 2).

    See Also
    --------
    PolyViTClassifier : Vision transformer whose classes do not depend on circular shifts of an image.
    PolyTwinsClassifier : Vision transformer in stages (Twins) whose classes do not depend on circular shifts
        of an image.
    TimmClassifier : Network that timm trained, with anchors in front of it.
    restore : Undoes the roll of an anchor.

    References
    ----------
    .. [1] Peijian Ding, Davit Soselia, Thomas Armstrong, Jiahao Su, Furong Huang, "Reviving Shift
       Equivariance in Vision Transformers", 2023, arXiv:2306.07470.
    """
    return call_function(
        "polyphase-vit",
        "anchor",
        {"X": X},
        {"stride": stride, "norm": norm, "tie_break": tie_break, "full": full},
        returns=("anchored", "offset"),
        n_jobs=n_jobs,
        time_limit=time_limit,
        mem_limit=mem_limit,
        verbose=verbose,
    )


def restore(X, offset, *, n_jobs=None, time_limit=None, mem_limit=None, verbose=False):
    """Undoes the roll of an anchor.

    Parameters
    ----------
    X : array-like
        Images (n, channels, height, width), or grey ones (n, height, width).
    offset : array-like
        Row and column that the anchor brought to the first place (n, 2).
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
    restored : ndarray
        Images (n, channels, height, width) as they were.

    See Also
    --------
    PolyViTClassifier : Vision transformer whose classes do not depend on circular shifts of an image.
    PolyTwinsClassifier : Vision transformer in stages (Twins) whose classes do not depend on circular shifts
        of an image.
    TimmClassifier : Network that timm trained, with anchors in front of it.
    polyphase_anchor : Rolls images so that their strongest polyphase component comes first.

    References
    ----------
    .. [1] Peijian Ding, Davit Soselia, Thomas Armstrong, Jiahao Su, Furong Huang, "Reviving Shift
       Equivariance in Vision Transformers", 2023, arXiv:2306.07470.
    """
    return call_function(
        "polyphase-vit",
        "restore",
        {"X": X, "offset": offset},
        {},
        returns=("restored",),
        n_jobs=n_jobs,
        time_limit=time_limit,
        mem_limit=mem_limit,
        verbose=verbose,
    )
