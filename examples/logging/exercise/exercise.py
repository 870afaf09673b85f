"""The tutorial's exercise: a support vector classifier with what it depends on, and what comes of it, logged."""

from sklearn import datasets, svm
from sklearn.model_selection import train_test_split

import flor

log = flor.log


@flor.track
def fit_and_score():
    iris = datasets.load_iris()
    X_tr, X_te, y_tr, y_te = train_test_split(
        iris.data, iris.target, test_size=log.param(0.15), random_state=log.param(430)
    )
    clf = svm.SVC(gamma=log.param(0.001), C=log.param(100.0))
    clf.fit(X_tr, y_tr)
    score = log.metric(clf.score(X_te, y_te))
    return score


with flor.Context("exercise"):
    fit_and_score()
