"""A random forest that tells good reviews of films from bad ones."""

import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import train_test_split

import flor

log = flor.log


@flor.track
def run(test_size, n_estimators):
    reviews = pd.read_json(log.read("data.json"))
    reviews["good"] = (reviews["rating"] >= log.param(6)).astype(int)
    vectorizer = TfidfVectorizer(max_features=log.param(200))
    X = vectorizer.fit_transform(reviews["text"])
    X_tr, X_te, y_tr, y_te = train_test_split(
        X, reviews["good"], test_size=log.param(test_size), random_state=log.param(92)
    )
    clf = RandomForestClassifier(n_estimators=log.param(n_estimators), random_state=0)
    clf.fit(X_tr, y_tr)
    score = log.metric(clf.score(X_te, y_te))
    print(f"{score:.2f} of the reviews are told right")


with flor.Context("reviews"):
    run(0.25, n_estimators=20)
