import re, numpy as np, enum
class F(enum.Flag):
    A = 1; B = 2; C = 4
p = re.compile(r"a+\s", re.I | re.X)
f = F.A | F.C
n = F(0)
fs = [getattr(np, k) for k in ("abs", "add", "where", "atleast_1d", "bitwise_not", "linalg")]
for k in (np.abs, np.add, np.where, np.concatenate, np.linalg.norm, np.fft.fft, np.random.rand, np.char.add, __import__("scipy.special").special.expit):
    g = k
q = [p, re.compile(b"x"), re.VERBOSE | re.I, f, n, F.B, re.I]
print(p.sub("b", "aaa "), f, n, len(fs), q[2].value)
