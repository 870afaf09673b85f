"""The iterative Fibonacci sequence: each index a parameter, each number a metric."""

import flor

log = flor.log


@flor.track
def fib(idx):
    fib = [0] * (idx + 1)
    fib[log.param(0)] = log.metric(0)
    fib[log.param(1)] = log.metric(1)
    for i in range(2, idx + 1):
        fib[log.param(i)] = log.metric(fib[i - 1] + fib[i - 2])
    return fib[idx]


with flor.Context("clean_fib"):
    fib(6)
