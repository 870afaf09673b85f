import _shared
from _shared import Model, apply, numbers

print(_shared.SCALE)
for size in range(1, 3):
    model = Model(size)
    scores = apply(model.predict, numbers(size))
    print(size, scores)

def square(v):
    return v * v

print(apply(square, [1, 2]), apply(lambda v: apply(square, [v]), [3]), _shared.history)
for n in numbers(2):
    print(n, sum(numbers(n)))
