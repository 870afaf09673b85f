"""What several_modules.py imports."""

SCALE = 3
history = []

class Model:
    def __init__(self, size):
        self.weights = [i * SCALE for i in range(size)]

    def predict(self, x):
        total = 0
        for w in self.weights:
            total += w * x
        return total

def apply(function, items):
    out = []
    for item in items:
        result = function(item)
        out.append(result)
    history.append(len(out))
    return out

def numbers(n):
    for k in range(n):
        yield k * SCALE
