def risky(n):
    for i in range(3):
        for j in range(3):
            if i * 3 + j == n:
                raise ValueError(i, j)
            v = i + j
    return v

for n in (0, 4, 8, 100):
    try:
        r = risky(n)
    except ValueError as error:
        r = error.args
        s = len(r)
    else:
        s = -1
    finally:
        t = n + 1
    print(r, s, t)

def layers(n):
    try:
        try:
            return 10 // n
        except ZeroDivisionError:
            raise KeyError("zero")
        finally:
            n -= 1
    except KeyError as e:
        return f"{e} {n}"

print(layers(2), layers(0))
for k in range(4):
    try:
        for z in range(5):
            if z == k:
                break
            if z == 2:
                raise IndexError(z)
        else:
            print("never")
        w = z * 10
    except IndexError:
        w = z * 100
        continue
    finally:
        q = w + k
    print(w, q)
try:
    int("x" + str(1))
except ValueError as e:
    kept = str(e)
print(kept)
try:
    print(undefined_name)
except NameError as e:
    print(type(e).__name__)
def in_handler():
    try:
        raise OSError(1, "a")
    except OSError as e:
        for a in e.args:
            try:
                a + 1
            except TypeError:
                return a
print(in_handler())
try:
    [1 // (2 - x) for x in range(4)]
except ZeroDivisionError:
    after = [x for x in range(2)]
print(after)
try:
    {}.pop("k"), 1 + 1
except KeyError:
    try:
        [].pop(0) + 5
    except IndexError as e:
        final = e.args[0]
print(final)
