"""Ensembles of recurrent networks from training to comparison, and networks that were trained elsewhere."""

import numpy as np
import pytest

from elinvar.diagnostics import DegeneracyAnalysis, ImportedNetworks, RnnEnsemble, dsa_distance, havok, pif_distance


@pytest.fixture(scope="module")
def recorded():
    ensemble = RnnEnsemble(
        n_channels=1, hidden=12, n_networks=4, steps=20, lr=3e-3, threshold=0.05, steps_per_epoch=8, n_trials=512, random_state=0
    )
    return ensemble.fit(), ensemble.states(n_probes=40)


def test_an_ensemble_is_trained_recorded_and_compared(recorded, tmp_path):
    ensemble, found = recorded
    assert ensemble.convergence_.tolist() == [1.0] * 4 and ensemble.status_ == "converged"
    assert found.hidden.shape == (4, 40, 20, 12) and found.weights.shape == (4, 12, 12)
    analysis = DegeneracyAnalysis(rank=6).fit(found.hidden, weights=found.weights, ood_loss=found.ood_loss)
    assert analysis.dsa_matrix_.shape == (4, 4) and np.allclose(analysis.dsa_matrix_, analysis.dsa_matrix_.T)
    assert analysis.behavioral_ == pytest.approx(np.std(found.ood_loss))
    assert (analysis.dsa_least_ <= analysis.dsa_matrix_ + 1e-12).all() and (analysis.pif_least_ <= analysis.pif_matrix_ + 1e-12).all()
    order = analysis.pif_permutations_[0, 1]
    turned = found.weights[1][np.ix_(order, order)]
    assert np.linalg.norm(found.weights[0] - turned) / 144 == pytest.approx(analysis.pif_matrix_[0, 1])
    compared = analysis.compare([1, 1, 2, 2], n_resamples=200)
    assert compared.trends["measure"].tolist() == ["dynamics", "weights", "weights, scale-free", "behaviour"]
    assert analysis.sensitivity(delays=[1], ranks=[4, 6]).settings["rank"].tolist() == [4, 6]
    aligned = analysis.align(reference=1)
    assert aligned.permutations[1].tolist() == list(range(12))
    ensemble.save(tmp_path / "e.safetensors")
    again = RnnEnsemble.load(tmp_path / "e.safetensors").states(n_probes=40)
    assert (again.hidden == found.hidden).all()
    moved = ensemble.feature_learning(n_probes=6)
    assert (moved.weight_change > 0).all() and (np.abs(moved.kernel_alignment) <= 1).all()


def test_lists_of_recordings_are_taken(recorded):
    _, found = recorded
    listed = DegeneracyAnalysis(rank=6).fit([*found.hidden])
    assert listed.dsa_matrix_[0, 1] == DegeneracyAnalysis(rank=6).fit(found.hidden).dsa_matrix_[0, 1]


def test_units_that_stay_silent_change_nothing(recorded):
    _, found = recorded
    wider = np.concatenate([found.hidden, np.zeros_like(found.hidden[..., :3])], axis=3)
    a, b = (DegeneracyAnalysis(rank=6).fit(x).dsa_matrix_ for x in (found.hidden, wider))
    assert np.allclose(a, b, atol=1e-5)


def test_functions_stand_alone(recorded):
    _, found = recorded
    x, y = found.hidden[0], found.hidden[1]
    assert dsa_distance(x, y, rank=6) == dsa_distance(y, x, rank=6) > dsa_distance(x, x, rank=6)
    rng = np.random.default_rng(0)
    w, order = rng.normal(size=(20, 20)), rng.permutation(20)
    matched = pif_distance(w[np.ix_(order, order)], w)
    assert matched.frobenius == 0 and (matched.permutation == order).all()
    m = np.array([[0.9, 0.2], [-0.2, 0.9]])
    path = [rng.normal(size=2)]
    for _ in range(30):
        path.append(m @ path[-1])
    values = havok(np.array(path)[None], lam=0.0).eigenvalues
    assert np.allclose(sorted(values["imaginary"]), [-0.2, 0.2], atol=1e-8) and np.allclose(values["real"], 0.9, atol=1e-8)


def test_networks_that_were_trained_elsewhere(tmp_path):
    rng = np.random.default_rng(0)
    w_ih, w_hh, b, readout = rng.normal(size=(5, 2)), 0.4 * rng.normal(size=(5, 5)), rng.normal(size=5), rng.normal(size=(1, 5))
    for k in range(3):
        arrays = {"rnn.weight_ih_l0": w_ih, "rnn.weight_hh_l0": w_hh + k, "rnn.bias_ih_l0": b, "rnn.bias_hh_l0": 0 * b}
        np.savez(tmp_path / f"{k}.npz", **{**arrays, "fc.weight": readout, "fc.bias": np.array([0.5])})
    networks = ImportedNetworks().fit(tmp_path)
    assert networks.n_networks_ == 3 and networks.cell_ == "tanh"
    inputs = rng.normal(size=(4, 7, 2))
    found = networks.states(inputs)
    state = np.zeros((4, 5))
    for t in range(7):
        state = np.tanh(inputs[:, t] @ w_ih.T + state @ w_hh.T + b)
        assert np.allclose(found.hidden[0, :, t], state, atol=1e-5)
    assert np.allclose(found.outputs[0, :, 6], state @ readout.T + 0.5, atol=1e-5)
    with pytest.raises(ValueError, match="the task of networks that were trained elsewhere is not known"):
        networks.states()


def test_bad_input_is_named(recorded):
    _, found = recorded
    hidden = found.hidden.copy()
    hidden[2, 3, 4, 5] = np.nan
    with pytest.raises(ValueError, match="the state of network 2 is NaN in trial 3, step 4, unit 5"):
        DegeneracyAnalysis().fit(hidden)
    with pytest.raises(ValueError, match="'hidden' must have 4 axes"):
        DegeneracyAnalysis().fit(found.hidden[0])
    with pytest.raises(ValueError, match="1 of 4 networks did not converge, the first is network 3"):
        DegeneracyAnalysis(rank=6).fit(found.hidden, converged=[1, 1, 1, 0])
