try:
    import numpy as np
    import pandas as pd
except ImportError:
    raise SystemExit(77)

frame = pd.DataFrame({"g": ["a", "b", "a", "c"], "x": [1, 2, 3, 4], "y": [0.5, np.nan, 1.5, -0.0]})
frame["z"] = frame["x"] * 2
frame.loc[frame["x"] > 2, "y"] = 9.0
means = frame.groupby("g")["x"].mean()
for name, group in frame.groupby("g"):
    total = group["x"].sum()
    best = group["y"].max()
    print(name, total, best, len(group))
for row in frame.itertuples(index=False):
    print(row.x + row.z)
print(means.to_dict(), frame["x"].iloc[0], frame.at[1, "g"], frame.shape, list(frame.columns), frame["x"].dtype)
large = pd.DataFrame(np.arange(2000).reshape(500, 4), columns=list("abcd"))
print(large["a"].mean(), large.describe().loc["max", "d"], large.iloc[3]["b"])
stamp = pd.Timestamp("2020-01-02 03:04:05")
delta = stamp - pd.Timestamp("2020-01-01")
kinds = pd.Series(["u", "v", "u"], dtype="category"), pd.Series([1, None], dtype="Int64"), pd.Index([1, 2]), pd.NA, pd.NaT
print(stamp.year, delta.days, len(kinds), pd.Series([True, False], name="flag").sum(), pd.Series([], dtype=float).size)
merged = frame.merge(pd.DataFrame({"g": ["a", "b"], "w": [10, 20]}), on="g", how="left")
print(merged["w"].fillna(0).sum(), frame.apply(lambda r: r["x"] + 1, axis=1).tolist(), frame["g"].map(lambda s: s * 2).tolist())
