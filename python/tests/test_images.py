"""Classifiers of images: scikit-learn's habits, shapes, weights of elsewhere."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import cross_val_score

from elinvar.symmetry import PolyTwinsClassifier, PolyViTClassifier, TimmClassifier, polyphase_anchor, restore


def bars(n=90, side=8, seed=0):
    """Bars that lie or stand anywhere, as grey levels, and their names."""
    rng = np.random.default_rng(seed)
    X = rng.integers(0, 32, (n, side, side), dtype=np.uint8)
    y = np.array(["lies", "stands"])[np.arange(n) % 2]
    for image, name in zip(X, y):
        row, column = rng.integers(0, side, 2)
        steps = np.arange(side // 2)
        image[(row + (name == "stands") * steps) % side, (column + (name == "lies") * steps) % side] = 200
    return X, y


def test_classifier_follows_scikit_learn():
    X, y = bars()
    model = PolyViTClassifier(dim=16, depth=1, epochs=15, batch_size=16, random_state=0)
    copy = clone(model)
    assert copy.get_params() == model.get_params() and copy.set_params(dim=8, heads=1).dim == 8
    assert model.fit(X, y) is model
    assert list(model.classes_) == ["lies", "stands"] and model.n_channels_in_ == 1 and model.image_shape_ == [1, 8, 8]
    assert len(model.loss_curve_) == 15 and len(model.history_["loss"]) == 15 and model.ambiguous_ == 0
    p = model.predict_proba(X)
    assert p.shape == (90, 2) and np.allclose(p.sum(1), 1)
    assert (model.predict(X) == model.classes_[p.argmax(1)]).all() and model.score(X, y) > 0.9
    assert np.array_equal(model.predict_proba(X[:, None].astype(np.float32)), p), "grey images, with their channel or without"
    assert np.array_equal(clone(model).fit(X, y).predict_proba(X), p), "one seed, one network"
    assert cross_val_score(model, X, y, cv=3).mean() > 0.7


def test_shifts_do_not_change_classes():
    X, y = bars()
    model = PolyViTClassifier(dim=16, depth=1, epochs=3, random_state=0).fit(X, y)
    moved = np.roll(X, (3, 5), axis=(1, 2))
    assert (model.predict(moved) == model.predict(X)).all()
    assert model.consistency(X, n_shifts=5, max_shift=8) == 1.0
    report = model.shift_report(X, y, n_shifts=3, max_shift=8, random_state=1)
    assert report.accuracy == report.shifted_accuracy == report.worst_accuracy == model.score(X, y)
    assert report.filled_consistency <= report.consistency == 1.0 and report.ambiguous == 0
    plain = PolyViTClassifier(anchor=False, position="absolute", dim=16, depth=1, epochs=30, random_state=0).fit(X, y)
    assert plain.consistency(X, max_shift=8, random_state=0) < 1.0


def test_twins():
    X, y = bars(60, 16)
    model = PolyTwinsClassifier(epochs=2, random_state=0).fit(X, y)
    assert np.allclose(model.predict_proba(np.roll(X, (3, 5), axis=(1, 2))), model.predict_proba(X), atol=1e-6)


def test_saved_models_and_starts_from_weights(tmp_path):
    X, y = bars()
    model = PolyViTClassifier(dim=16, depth=1, epochs=3, random_state=0).fit(X, y)
    model.save(tmp_path / "model.safetensors")
    again = PolyViTClassifier.load(tmp_path / "model.safetensors")
    assert np.array_equal(again.predict_proba(X), model.predict_proba(X)) and list(again.classes_) == ["lies", "stands"]
    rng = np.random.default_rng(0)
    weights = {"head.weight": rng.normal(size=(2, 16)).astype(np.float32), "head.bias": np.zeros(2, np.float32)}
    np.savez(tmp_path / "head.npz", **weights)
    with pytest.warns(UserWarning, match="2 of .* arrays were copied"):
        PolyViTClassifier(dim=16, depth=1, epochs=0, random_state=0).fit(X, y, weights=tmp_path / "head.npz")
    with pytest.raises(OSError, match="has no array 'patch_embed.proj.weight'"):
        TimmClassifier().fit(tmp_path / "head.npz")


def test_errors_name_what_is_wrong():
    X, y = bars(12)
    model = PolyViTClassifier(epochs=1, random_state=0)
    with pytest.raises(ValueError, match=r"expects images of shape .* got an array of shape \(8, 8\)"):
        model.fit(X[0], y)
    with pytest.raises(ValueError, match="image 8x6 is not divisible by"):
        model.fit(X[:, :, :6], y)
    with pytest.raises(ValueError, match="continuous"):
        model.fit(X, np.linspace(0, 1, 12))
    with pytest.raises(ValueError, match="'X' must be finite, got NaN in image 2, channel 0, row 1, column 3"):
        bad = X.astype(float)
        bad[2, 1, 3] = np.nan
        model.fit(bad, y)
    with pytest.raises(AttributeError, match="not fitted yet"):
        PolyViTClassifier().predict(X)


def test_anchor_and_restore():
    map_ = np.arange(16.0).reshape(1, 1, 4, 4)
    anchored, offset = polyphase_anchor(map_, stride=2)
    assert offset.tolist() == [[1, 1]] and anchored[0, 0, 0].tolist() == [5, 6, 7, 4]
    full, offset = polyphase_anchor(map_.astype(np.float32), stride=2, full=True)
    assert full.dtype == np.float32 and offset.tolist() == [[3, 3]] and full[0, 0, 0].tolist() == [15, 12, 13, 14]
    assert np.array_equal(restore(full, offset), map_)
    with pytest.raises(ValueError, match="image 4x4 is not divisible by stride 3; pad or resize"):
        polyphase_anchor(map_, stride=3)
