"""The Bradley-Terry fit, held against scikit-learn's logistic regression."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from photoidx.queries.best import bradley_terry


@pytest.mark.parametrize(("pairs", "width"), [(60, 4), (12, 40)])
def test_the_weights_are_those_of_a_logistic_regression_without_a_bias(pairs: int, width: int):
    rng = np.random.default_rng(pairs)
    differences = rng.normal(size=(pairs, width))
    preferred = rng.uniform(size=pairs)
    ours = bradley_terry.fit(differences, preferred, np.zeros(width), 0.5)
    model = LogisticRegression(C=2.0, fit_intercept=False, tol=1e-10, max_iter=10_000)
    both = np.concatenate([differences, differences])
    model.fit(both, np.repeat([1, 0], pairs), np.concatenate([preferred, 1 - preferred]))
    assert ours == pytest.approx(model.coef_[0], abs=1e-4)


def test_turning_every_pair_round_changes_nothing():
    rng = np.random.default_rng(1)
    differences, preferred, prior = rng.normal(size=(9, 3)), rng.uniform(size=9), np.array([1.0, 0.0, -1.0])
    turned = bradley_terry.fit(-differences, 1 - preferred, prior, 1.0)
    assert bradley_terry.fit(differences, preferred, prior, 1.0) == pytest.approx(turned, abs=1e-9)


def test_pairs_that_are_told_apart_without_a_mistake_have_finite_weights():
    differences = np.array([[100.0], [200.0]])
    found = bradley_terry.fit(differences, np.ones(2), np.zeros(1), 1e-6)
    assert np.isfinite(found).all()
    assert found[0] > 0
