"""`elinvar.reproduce` returns the judged claims as a table and continues where it stopped."""

import pandas as pd
import pytest

import elinvar
from conftest import CARDS


@pytest.mark.parametrize("slug", [card["slug"] for card in CARDS])
def test_tiny_reproductions(slug, tmp_path):
    seen = []
    claims = elinvar.reproduce(slug, "tiny", folder=tmp_path, report=tmp_path / "page", verbose=lambda step, of, _: seen.append((step, of)))
    assert claims.reproduced and len(claims) > 0, claims
    assert claims.ran == claims.planned == len(claims.trials) and seen[-1] == (claims.planned, claims.planned)
    table = claims.to_pandas()
    assert isinstance(table, pd.DataFrame) and set(table["verdict"]) == {"reproduced"}
    assert {"claim", "quantity", "value", "low", "high", "rule", "seeds"} <= set(table.columns)
    assert f"{slug}, tiny: {len(claims)} of {len(claims)} claims reproduced" in repr(claims)
    assert "<table>" in claims._repr_html_()
    assert (tmp_path / "page" / "index.html").stat().st_size < 1_000_000
    again = elinvar.reproduce(slug, "tiny", folder=tmp_path)
    assert again.ran == 0 and again.claims == claims.claims


def test_shards_add_up(tmp_path):
    first = elinvar.reproduce("distance-covariance", "tiny", folder=tmp_path, shard="1/2")
    second = elinvar.reproduce("distance-covariance", "tiny", folder=tmp_path, shard="2/2")
    assert 0 < first.ran < first.planned and first.ran + second.ran == second.planned
    assert not first.reproduced and second.reproduced


def test_wrong_requests_say_what_is_right(tmp_path):
    with pytest.raises(ValueError, match="there is no method 'distance-covarianse'; did you mean 'distance-covariance'"):
        elinvar.reproduce("distance-covarianse")
    with pytest.raises(ValueError, match="parameter 'scale' must be one of 'tiny', 'quick', 'hour', 'paper', got 'huge'"):
        elinvar.reproduce("distance-covariance", "huge")
    with pytest.raises(ValueError, match="parameter 'shard' must be i/n with 1 <= i <= n, got '3/2'"):
        elinvar.reproduce("distance-covariance", "tiny", folder=tmp_path, shard="3/2")
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(OSError, match="file"):
        elinvar.reproduce("distance-covariance", "tiny", folder=blocked / "evidence")
