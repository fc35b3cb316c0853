"""Networks on another device than the processor: Burn's own, where the build has it."""

import numpy as np
import pytest

from elinvar import _core
from elinvar.learning import SnnClassifier

X = np.random.default_rng(0).normal(size=(120, 4))
y = (X[:, 0] > 0).astype(int)


def probabilities(device):
    return SnnClassifier(max_epochs=3, random_state=0, device=device).fit(X, y).predict_proba(X)


def test_a_device_that_is_absent_is_named_with_what_there_is():
    with pytest.raises(ValueError, match="'cuda:99'") as error:
        probabilities("cuda:99")
    assert "one that is here: 'cpu'" in str(error.value)
    with pytest.raises(ValueError, match="parameter 'device' must be one of"):
        probabilities("gpu")


def test_another_device_gives_nearly_the_same_network():
    try:
        found = probabilities("flex")
    except ValueError as error:
        pytest.skip(f"not in this build: {error}")
    assert np.abs(found - probabilities("cpu")).max() < 1e-3


def test_a_task_without_networks_takes_none():
    declared = {verb["name"]: verb["devices"] for card in _core.registry() for verb in card["verbs"] if card["slug"] == "self-normalizing"}
    assert declared["fit"] and declared["predict"] and not declared["fixed-point"]
