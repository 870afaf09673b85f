"""A pipeline of several functions: what it reads and writes, and whose results each function gets."""

import pickle

import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import train_test_split

import flor

log = flor.log


@flor.track
def train_model(n_estimators, X_tr, y_tr):
    clf = RandomForestClassifier(n_estimators=log.param(n_estimators), random_state=0)
    clf.fit(X_tr, y_tr)
    with open(log.write("clf.pkl"), "wb") as classifier:
        pickle.dump(clf, classifier)
    return clf


@flor.track
def test_model(clf, X_te, y_te):
    score = log.metric(clf.score(X_te, y_te))
    return score


@flor.track
def main(x, y):
    movie_reviews = pd.read_json(log.read("data.json"))
    good = (movie_reviews["rating"] >= 6).astype(int)
    X = TfidfVectorizer().fit_transform(movie_reviews["text"])
    X_tr, X_te, y_tr, y_te = train_test_split(X, good, test_size=log.param(x), random_state=log.param(y))
    for n in [1, 5]:
        clf = train_model(n, X_tr, y_tr)
        test_model(clf, X_te, y_te)
    the_answer_to_everything = log.param(42)
    return the_answer_to_everything


with flor.Context("basic"):
    main(0.25, 92)
