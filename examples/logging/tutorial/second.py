import numpy as np
from sklearn.metrics import mean_squared_error

import flor
log = flor.log

y_actual = np.array([
    0.37454012, 0.95071431,
    0.73199394, 0.59865848,
    0.15601864])

@flor.track
def fit_and_score_model():
    for seed in range(50):
        # We log the seed parameter
        np.random.seed(log.param(seed))
        y_pred = np.random.rand(len(y_actual))
        # We log the mse metric
        mse = log.metric(mean_squared_error(y_actual, y_pred))

with flor.Context('introduction'):
    fit_and_score_model()
