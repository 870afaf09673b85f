"""Linear regression by stochastic gradient descent in pure Python, with a call in the loop. usage: sgd.py STEPS"""

import random
import sys
import time


def predict(weights, features):
    total = 0.0
    for k in range(len(weights)):
        total += weights[k] * features[k]
    return total


random.seed(0)
samples = [([random.random() for _ in range(10)], random.random()) for _ in range(1000)]
weights = [0.0] * 10
begin = time.process_time()
for step in range(int(sys.argv[1])):
    features, target = samples[step % len(samples)]
    error = predict(weights, features) - target
    loss = error * error
    for k in range(len(weights)):
        weights[k] -= 0.01 * error * features[k]
print(time.process_time() - begin, loss)
