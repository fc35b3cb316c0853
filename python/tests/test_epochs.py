"""Estimators of epochs inside the pipelines of scikit-learn, pyRiemann and MOABB."""

import numpy as np
import pytest
import scipy.stats
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import SVC

from elinvar.dependence import (
    ACMClassifier,
    AugmentedCovariance,
    bandpass,
    combine_tests,
    evaluate_cross_session,
    evaluate_within_session,
    select_embedding,
    spd_distance,
    spd_exp,
    spd_geometric_mean,
    spd_log,
    spd_sqrtm,
    tangent_space,
)


def rhythms(n=40, d=3, length=250, seed=0, classes=2):
    """Epochs whose classes differ in frequency only."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % classes
    t = np.arange(length) / 250
    source = np.sin(2 * np.pi * (10 + 3 * y)[:, None, None] * t + rng.uniform(0, 6, (n, 1, 1))) * np.array([1.0, -0.6, 0.3])[:d, None]
    return source + 0.4 * rng.normal(size=(n, d, length)), np.array(["left", "right", "rest"])[y]


def test_classifier_follows_scikit_learn():
    X, y = rhythms()
    model = ACMClassifier(order=3, lag=4, random_state=0)
    copy = clone(model)
    assert copy.get_params() == model.get_params() and copy.set_params(order=2).order == 2
    fitted = model.fit(X, y)
    assert fitted is model and list(model.classes_) == ["left", "right"] and model.n_channels_in_ == 3
    assert (model.order_, model.lag_, model.embedding_dim_) == (3, 4, 9)
    assert model.mean_.shape == (9, 9) and len(model.condition_numbers_) == 40
    p = model.predict_proba(X)
    assert p.shape == (40, 2) and np.allclose(p.sum(1), 1)
    decision = model.decision_function(X)
    assert decision.shape == (40,) and ((decision > 0) == (model.predict(X) == "right")).all()
    assert model.score(X, y) > 0.95
    assert (model.predict(X.astype(np.float32)) == model.predict(X)).mean() > 0.95


def test_three_classes_and_whole_numbers():
    X, y = rhythms(45, classes=3)
    codes = np.searchsorted(["left", "rest", "right"], y) + 5
    for classifier in ("mdm", "tangent_svm"):
        model = ACMClassifier(classifier=classifier, order=3, lag=4, random_state=0).fit(X, codes)
        assert list(model.classes_) == [5, 6, 7] and model.decision_function(X).shape == (45, 3)
        assert (model.decision_function(X).argmax(1) == model.predict(X) - 5).all() and model.score(X, codes) > 0.9


def test_grid_has_a_map_a_region_and_ensembles(quiet):
    X, y = rhythms()
    search = {"order": "grid", "lag": "grid", "orders": (1, 2, 3), "lags": (2, 5), "random_state": 0}
    for ensemble in ("none", "vote", "kernel"):
        model = ACMClassifier(**search, ensemble=ensemble, C=(0.5, 1.0), kernel="grid").fit(X, y)
        assert model.grid_scores_.shape == (3, 2) and model.region_.n_rows >= 1
        assert model.grid_scores_.max() == pytest.approx(max(model.region_["score"]))
        assert model.score(X, y) > 0.95
    for rule in ("mdop", "ami_cao"):
        assert ACMClassifier(classifier="mdm", order=rule, estimator="auto").fit(X, y).order_ >= 1


def test_searches_and_pipelines():
    X, y = rhythms()
    search = GridSearchCV(ACMClassifier(classifier="mdm"), {"order": [1, 4], "lag": [3]}, cv=3, scoring="roc_auc").fit(X, y)
    assert search.best_params_["order"] == 4 and search.best_score_ > 0.9
    vectors = FunctionTransformer(lambda C: tangent_space(C, spd_geometric_mean(C)))
    assert make_pipeline(AugmentedCovariance(order=3, lag=4), vectors, SVC()).fit(X, y).score(X, y) > 0.9
    assert cross_val_score(ACMClassifier(order=3, lag=4, random_state=0), X, y, cv=3).min() > 0.7


def test_transformer_embeds():
    X, _ = rhythms(6)
    transformer = AugmentedCovariance(order=2, lag=5).fit(X)
    found = transformer.transform(X)
    stacked = np.concatenate([X[0][:, :240], X[0][:, 5:245]])
    assert found.shape == (6, 6, 6) and np.allclose(found[0], np.cov(stacked))
    assert np.allclose(AugmentedCovariance().fit_transform(X)[1], np.cov(X[1]))
    with pytest.raises(ValueError, match="X has 2 channels, but AugmentedCovariance is expecting 3"):
        transformer.transform(X[:, :2])
    with pytest.raises(ValueError, match=r"expects epochs of shape \(n, channels, samples\), got an array of shape \(3, 250\)"):
        transformer.transform(X[0])


def test_messages_and_not_fitted():
    X, y = rhythms(12)
    with pytest.raises(ValueError, match="order 10 and lag 40 need more than 401 samples; the epochs have 250"):
        AugmentedCovariance(order=10, lag=40).transform(X)
    with pytest.raises(ValueError, match="not fitted yet"):
        ACMClassifier().predict_proba(X)
    with pytest.raises(ValueError, match="a classifier needs at least 2 classes, got one class"):
        ACMClassifier().fit(X, ["a"] * 12)
    with pytest.raises(ValueError, match="parameter 'order' must be"):
        ACMClassifier(order=0).fit(X, y)
    with pytest.raises(ValueError, match="X and y must have the same number of rows, got 12 and 11"):
        ACMClassifier().fit(X, y[:-1])


def test_models_are_saved_with_their_labels(tmp_path):
    X, y = rhythms()
    model = ACMClassifier(order=2, lag=4, random_state=0).fit(X, y)
    model.save(tmp_path / "model.safetensors")
    again = ACMClassifier.load(tmp_path / "model.safetensors")
    assert again.order == 2 and (again.predict(X) == model.predict(X)).all()
    assert (again.decision_function(X) == model.decision_function(X)).all()


def test_functions_of_spd_matrices():
    X, _ = rhythms(8)
    C = AugmentedCovariance(order=2, lag=3).transform(X)
    mean = spd_geometric_mean(C)
    assert np.allclose(spd_exp(spd_log(C)), C) and np.allclose(spd_sqrtm(C) @ spd_sqrtm(C), C)
    assert np.allclose(np.linalg.norm(tangent_space(C, mean), axis=1), spd_distance(C, mean))
    assert np.abs(spd_log(np.linalg.inv(spd_sqrtm(mean[None])) @ C @ np.linalg.inv(spd_sqrtm(mean[None]))).mean(0)).max() < 1e-7


def test_filter_selection_and_evaluation(quiet):
    X, y = rhythms(40)
    filtered = bandpass(X, sfreq=250.0, low=8.0, high=35.0)
    assert filtered.shape == X.shape and np.abs(filtered.mean(2)).max() < 0.1
    chosen = select_embedding(X, rule="ami_cao")
    assert chosen.lag >= 1 and chosen.order >= 1 and len(chosen.information) == 51
    session = np.repeat(["one", "two"], 20)
    settings = {"order": 3, "lag": 4, "classifier": "mdm", "random_state": 0}
    within = evaluate_within_session(X, y, session=session, n_splits=4, **settings)
    assert list(within.summary["pipeline"]) == ["acm_mdm", "mdm"] and within.scores.n_rows == 4
    assert within.summary["mean"][0] > 0.9 > within.summary["mean"][1]
    across = evaluate_cross_session(X, y, session=session, **settings)
    assert across.summary["mean"][0] > 0.9 and across.scores.n_rows == 4
    banded = ACMClassifier(classifier="mdm", band=(8, 35), order=3, lag=4).fit(X, y, sfreq=250.0)
    assert banded.score(X, y) > 0.9


def test_comparisons_of_data_sets_are_combined():
    one = {"better": ["a", "b"], "than": ["b", "a"], "n_subjects": [9, 9], "difference": [0.05, -0.05], "p_value": [0.01, 0.99]}
    two = {"better": ["a", "b"], "than": ["b", "a"], "n_subjects": [16, 16], "difference": [0.01, -0.01], "p_value": [0.2, 0.8]}
    combined = combine_tests({name: one[name] + two[name] for name in one})
    expected = scipy.stats.combine_pvalues([0.01, 0.2], method="stouffer", weights=[3, 4]).pvalue
    assert np.isclose(combined["p_value"][0], expected) and list(combined["n_datasets"]) == [2, 2]


def test_pyriemann_takes_the_covariances():
    pyriemann = pytest.importorskip("pyriemann", reason="pyriemann is not installed (it is one of the peers, not of the tests)")
    from pyriemann.tangentspace import TangentSpace

    X, y = rhythms()
    theirs = make_pipeline(AugmentedCovariance(order=3, lag=4), TangentSpace("riemann"), SVC(kernel="linear", probability=False)).fit(X, y)
    ours = ACMClassifier(order=3, lag=4, random_state=0).fit(X, y)
    assert np.allclose(theirs.decision_function(X), ours.decision_function(X), atol=5e-3)
    assert pyriemann.classification.MDM().fit(AugmentedCovariance(order=3, lag=4).transform(X), y).predict(
        AugmentedCovariance(order=3, lag=4).transform(X)
    ).tolist() == ACMClassifier(classifier="mdm", order=3, lag=4).fit(X, y).predict(X).tolist()


def test_moabb_evaluates_it(tmp_path):
    pytest.importorskip("moabb", reason="moabb is not installed (it is one of the peers, not of the tests)")
    from moabb.datasets.fake import FakeDataset
    from moabb.evaluations import WithinSessionEvaluation
    from moabb.paradigms import LeftRightImagery

    dataset = FakeDataset(["left_hand", "right_hand"], n_sessions=1, n_runs=1, n_subjects=1, paradigm="imagery")
    pipelines = {
        "classifier": ACMClassifier(order=2, lag=3, random_state=0),
        "pipeline": make_pipeline(AugmentedCovariance(order=2, lag=3), FunctionTransformer(lambda C: C.reshape(len(C), -1)), SVC()),
    }
    evaluation = WithinSessionEvaluation(paradigm=LeftRightImagery(), datasets=[dataset], overwrite=True, hdf5_path=str(tmp_path))
    results = evaluation.process(pipelines)
    assert set(results["pipeline"]) == {"classifier", "pipeline"} and results["score"].between(0, 1).all()
