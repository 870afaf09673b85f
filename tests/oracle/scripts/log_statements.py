"""What logs: the calls that hold the values are Flor's own, and change nothing around them."""

import threading

import flor
from flor import Context, track

log = flor.log
rate = flor.arg("rate", 0.5)


@track
def fit(count, start=0):
    total = log.param(start)
    for i in range(log.param(count)):
        if i == 3:
            continue
        total = log.metric(total + i * rate)
    return total


class Model:
    @flor.track
    def score(self, value):
        return log.metric(log.param(value) + 1)


@flor.track
def halves(value):
    while value > 1:
        value = yield_back(value / 2)
        yield value


def yield_back(value):
    return flor.log("half", value)


@flor.track
def fails(value):
    try:
        return 1 / log.param(value)
    finally:
        log.write("never.txt")


for epoch in range(3):
    loss = flor.log("loss", fit(epoch))
with Context("inner"):
    done = fit(5, start=2)
    scores = [Model().score(n) for n in (done, 2 * done)]
    rest = list(halves(9.0))
    try:
        fails(0)
    except ZeroDivisionError as error:
        reason = str(error)
    worker = threading.Thread(target=fit, args=(2,))
    worker.start()
    worker.join()
after = log.metric(sum(scores) + len(rest))
