import numpy as np
from sklearn.metrics import mean_squared_error

##### IMPORT ####
import flor
log = flor.log
#################

y_actual = np.array([
    0.37454012, 0.95071431,
    0.73199394, 0.59865848,
    0.15601864])

### Put the code in a decorated function ###
@flor.track
def fit_and_score_model():
    for seed in range(50):
        np.random.seed(seed)
        y_pred = np.random.rand(len(y_actual))
        mse = mean_squared_error(y_actual, y_pred)
        print("seed: {}, mse: {}".format(seed, mse))

### Invoke the function from within a Flor Context ###
with flor.Context('introduction'):
    fit_and_score_model()
