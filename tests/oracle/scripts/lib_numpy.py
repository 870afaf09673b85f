import numpy as np

rng = np.random.default_rng(0)
x = rng.normal(size=(8, 3))
w = np.zeros(3)
y = x @ np.array([1.0, -2.0, 0.5]) + 1e-3
for epoch in range(3):
    order = rng.permutation(len(x))
    for batch in np.array_split(order, 2):
        error = x[batch] @ w - y[batch]
        gradient = x[batch].T @ error / len(batch)
        w -= 0.1 * gradient
        loss = float((error ** 2).mean())
    print(epoch, loss < 100)
a = np.arange(6).reshape(2, 3)
view = a[:, 1:]
view[0, 0] = 99
a *= 2
print(a.sum(), a.dtype, a.T.shape, view, a[a > 4], np.where(a > 4, a, 0), a.max(axis=0), a[1, 2], a[-1][:2])
scalars = np.float32(0.1), np.int8(-5), np.uint64(2 ** 63), np.bool_(True), np.complex64(1 + 2j), np.str_("s"), np.float16(1.5)
for s in scalars:
    print(s, s.dtype, s * 2 if s.dtype.kind in "iufc" else s)
single = np.array([[7]]), np.array(2.5), np.array([True]), np.array(["one"])
empty = np.zeros((0, 3)), np.array([])
special = np.array([np.nan, -0.0, np.inf]), np.array([1, 2], dtype=">i2"), np.array(["a", "bc"]), np.array([None, 1], dtype=object)
big = np.ones((100, 100))
flags = np.array([[True, False]]), np.array([1 + 2j, 3j])
when = np.datetime64("2020-01-02"), np.timedelta64(3, "D"), np.array(["2020-01-01"], dtype="datetime64[D]")
record = np.array([(1, 2.5)], dtype=[("a", "i4"), ("b", "f8")])
print(len(single), len(empty), len(special), big.shape, flags[0].any(), when[0], record["a"])
masked = np.ma.array([1, 2, 3], mask=[0, 1, 0])
print(masked.sum(), np.linalg.norm(w) > 0, big.flags["C_CONTIGUOUS"], np.fliplr(a), a[:, ::-1][:, 0], np.asfortranarray(a)[0])
dtypes = [np.dtype(d) for d in ("f4", ">i2", "U5", "S3", "V8", "O", "M8[D]", "m8[ns]", "?", "i4, f8", "(2,)i4", "longdouble")]
broadcast = np.broadcast_to(np.arange(3), (2, 3))
print([row.sum() for row in a], [v for v in a.flat][:2], broadcast + a, np.float64(1) / 3, np.mean([1, 2]), {"k": np.float64(2.0)}, [np.int64(3), a[0]])
