try:
    from sklearn import datasets, svm
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import accuracy_score
    from sklearn.model_selection import cross_val_score, train_test_split
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
except ImportError:
    raise SystemExit(77)

iris = datasets.load_iris()
x_train, x_test, y_train, y_test = train_test_split(iris.data, iris.target, test_size=0.3, random_state=1)
best = None
for gamma in (0.01, 0.1, 1.0):
    for c in (0.1, 1.0):
        model = svm.SVC(gamma=gamma, C=c)
        model.fit(x_train, y_train)
        score = model.score(x_test, y_test)
        if best is None or score > best[0]:
            best = score, gamma, c
    print(gamma, round(score, 3))
pipeline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=200)).fit(x_train, y_train)
predicted = pipeline.predict(x_test)
print(best, accuracy_score(y_test, predicted), pipeline.predict_proba(x_test[:1]).shape, predicted[:5].tolist())
scores = cross_val_score(pipeline, iris.data, iris.target, cv=3)
print(scores.mean() > 0.9, [name for name, _ in pipeline.steps], model.get_params()["gamma"])
