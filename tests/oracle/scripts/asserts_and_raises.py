def check(n):
    assert n > 0, f"{n} is not positive"
    assert isinstance(n, int)
    return n

for value in (1, -1, 2.5):
    try:
        print(check(value))
    except AssertionError as error:
        print("assertion", error)

class Custom(Exception):
    def __init__(self, code, *args):
        super().__init__(*args)
        self.code = code

def fail(k):
    if k == 0:
        raise Custom(k + 10, "zero")
    if k == 1:
        raise Custom
    if k == 2:
        try:
            {}["missing"]
        except KeyError as inner:
            raise Custom(k, "two") from inner
    if k == 3:
        raise ValueError("three") from None
    raise (RuntimeError if k else TypeError)("last", k)

for k in range(5):
    try:
        fail(k)
    except Custom as error:
        print(error.code, error.args, error.__cause__)
    except (ValueError, TypeError) as error:
        print(type(error).__name__, str(error))
    except RuntimeError as error:
        try:
            raise
        except RuntimeError as again:
            print(again is error)
try:
    raise ExceptionGroup("many", [ValueError(1), TypeError(2), KeyError(3)])
except* ValueError as values:
    print([e.args for e in values.exceptions])
except* (TypeError, KeyError) as others:
    print(len(others.exceptions))
