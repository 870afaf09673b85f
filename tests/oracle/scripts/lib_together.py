import numpy as np, pandas as pd
from scipy import optimize
rng = np.random.default_rng(0)
X = rng.normal(size=(20, 3)); y = X @ [1.0, 2.0, 3.0]
def fit(X, y, lr, steps):
    w = np.zeros(3)
    history = []
    for step in range(steps):
        p = X @ w
        r = p - y
        g = X.T @ r / len(y)
        w -= lr * g
        loss = (r ** 2).mean()
        history.append(loss)
        best = min(history)
        w[0] = max(w[0], 0)
        norm = np.linalg.norm(w)
        ok = loss < best + norm
    return w, history, ok
w, h, ok = fit(X, y, 0.1, 5)
print(w.round(3), len(h), ok)
calls = []
def rosen(v):
    a, b = v
    f = (1 - a) ** 2 + 100 * (b - a * a) ** 2
    calls.append(f)
    return f
res = optimize.minimize(rosen, [0.5, 0.5], method="Nelder-Mead", options={"maxiter": 10})
print(res.nit, len(calls))
df = pd.DataFrame({"k": list("abab"), "v": [1, 2, 3, 4]})
def agg(s):
    total = s.sum()
    n = len(s)
    return total / n
print(df.groupby("k")["v"].apply(agg).to_dict(), df.v.map(lambda q: q * 2).tolist())
for name, group in df.groupby("k"):
    m = group.v.mean()
    df.loc[group.index, "m"] = m
    df["z"] = df.v - df.m.fillna(0)
for i, row in df.iterrows():
    s = row["v"] + i
for t in df.itertuples():
    u = t.v, t.Index
print(df.z.tolist(), s, u)
s = pd.Series([1, 2, None])
for v in s:
    nul = pd.isna(v)
a = np.arange(4); b = a; a += 1; c = a[::2]; c[:] = 0
print(b, [v + 1 for v in a], [row.sum() for row in np.eye(2)], {int(v): v for v in a[:2]})
for i, v in np.ndenumerate(np.eye(2)):
    q = v
for x in np.nditer(a): r = x + 0
mask = a > 1
a[mask] *= 2
print(a, mask.any(), np.where(mask, a, -a), float(a.mean()), a.dtype)
st = np.zeros(2, dtype=[("p", "i4"), ("q", "f8")])
st["p"] = [1, 2]
for rec in st:
    rec["q"] = rec["p"] * 0.5
print(st)
with np.errstate(divide="ignore"):
    z = np.array([1.0, 0.0]) / 0
    for e in z:
        f = np.isinf(e)
print(z)
from sklearn.tree import DecisionTreeClassifier
from sklearn.model_selection import cross_val_score, KFold
from sklearn.base import BaseEstimator, ClassifierMixin
class Mine(ClassifierMixin, BaseEstimator):
    def __init__(self, k=1): self.k = k
    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.mean_ = X.mean(0)
        return self
    def predict(self, X):
        d = (X - self.mean_).sum(1)
        return self.classes_[(d > self.k).astype(int)]
t = (y > 0).astype(int)
for k in (0, 1):
    scores = cross_val_score(Mine(k), X, t, cv=KFold(2))
    best = scores.max()
    tree = DecisionTreeClassifier(max_depth=k + 1, random_state=0).fit(X, t)
    print(k, scores.round(2), tree.score(X, t))
