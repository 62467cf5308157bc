"""lmfit.Model with the usual guesses."""

from __future__ import annotations

import lmfit
import numpy as np

from tests.benchmarks.peers.laws import usual_for


def fitter(kind, case):
    usual = usual_for(kind, case["y"])
    if usual is None:
        return None
    model, x, y = lmfit.Model(usual.law), case["x"], case["y"]
    names = model.param_names

    def fit(n):
        guess = dict(zip(names, usual.guess(x, y[n]), strict=True))
        found = model.fit(y[n], model.make_params(**guess), x=x)
        told = [found.params[k] for k in names]
        p = np.array([k.value for k in told])
        e = np.array([np.nan if k.stderr is None else k.stderr for k in told])
        return {"values": usual.told(p, e)}

    return fit
