import contextlib

log = []

class Transaction:
    depth = 0
    def __enter__(self):
        Transaction.depth += 1
        self.mine = Transaction.depth
        return self
    def __exit__(self, kind, error, tb):
        log.append((self.mine, kind.__name__ if kind else None))
        Transaction.depth -= 1
        for cleanup in range(2):
            done = cleanup + self.mine
        return kind is ValueError

def run(n):
    with Transaction() as outer:
        for i in range(3):
            with Transaction() as inner:
                if i == n:
                    raise ValueError(i)
                value = outer.mine + inner.mine + i
        else:
            value = -1
        final = value * 2
        if n == 5:
            return final
        raise KeyError(n)

for n in (1, 5, 7):
    try:
        print(run(n))
    except KeyError as e:
        print("key", e.args)
print(log)

@contextlib.contextmanager
def scope(name):
    log.clear()
    try:
        yield name * 2
    except ZeroDivisionError as e:
        log.append(str(e))
    else:
        log.append("fine")

for divisor in (1, 0):
    with scope("s") as s:
        for k in range(2):
            result = k / divisor
    print(s, log)
with contextlib.closing(iter_ := (x for x in range(3)) ) as it:
    print(next(it))
with contextlib.redirect_stdout(None):
    quiet = 1 + 1
print(quiet)
while True:
    with Transaction():
        for q in range(4):
            if q == 2:
                break
        break
print(q)
