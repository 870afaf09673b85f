"""A two-layer perceptron in numpy, trained on minibatches of 64. usage: mlp.py EPOCHS"""

import sys
import time

import numpy as np

rng = np.random.default_rng(0)
inputs = rng.normal(size=(2000, 64))
labels = (inputs[:, 0] > 0).astype(float)
hidden_weights = rng.normal(size=(64, 128)) * 0.1
output_weights = rng.normal(size=(128, 1)) * 0.1
rate = 0.1
begin = time.process_time()
for _ in range(int(sys.argv[1])):
    order = rng.permutation(len(inputs))
    for first in range(0, len(inputs), 64):
        batch = inputs[order[first : first + 64]]
        wanted = labels[order[first : first + 64]]
        hidden = np.maximum(batch @ hidden_weights, 0)
        output = 1 / (1 + np.exp(-(hidden @ output_weights)[:, 0]))
        gradient = (output - wanted) / len(wanted)
        output_gradient = hidden.T @ gradient[:, None]
        hidden_gradient = gradient[:, None] @ output_weights.T * (hidden > 0)
        hidden_weights -= rate * (batch.T @ hidden_gradient)
        output_weights -= rate * output_gradient
        loss = -np.mean(wanted * np.log(output + 1e-9) + (1 - wanted) * np.log(1 - output + 1e-9))
print(time.process_time() - begin, float(loss))
