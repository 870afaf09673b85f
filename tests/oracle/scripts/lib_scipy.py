try:
    import numpy as np
    from scipy import optimize, sparse, stats
except ImportError:
    raise SystemExit(77)

matrix = sparse.csr_matrix(np.array([[0, 1, 0], [2, 0, 3]]))
coo = sparse.random(10, 10, density=0.1, random_state=0, format="coo")
for fmt in ("csr", "csc", "coo"):
    converted = matrix.asformat(fmt)
    print(converted.nnz, converted.shape, (converted @ np.ones(3)).tolist())
calls = 0
def loss(v):
    global calls
    calls += 1
    residual = v[0] - 2
    return residual ** 2 + 1
result = optimize.minimize(loss, [0.0], method="Nelder-Mead", options={"maxiter": 5})
print(calls > 3, round(float(result.fun), 3), stats.norm.cdf(0.0), coo.nnz, matrix.toarray()[1, 2], matrix[1].sum())
print(optimize.brentq(lambda t: t - 1, 0, 3), sparse.eye(2).tocsr()[0, 0])
