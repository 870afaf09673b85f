"""The Iris sweep of the walk-through, over and over. usage: iris.py SWEEPS"""

import sys
import time

from sklearn import datasets, svm
from sklearn.model_selection import train_test_split

iris = datasets.load_iris()
X_tr, X_te, y_tr, y_te = train_test_split(iris.data, iris.target, test_size=0.15, random_state=7)
begin = time.process_time()
for _ in range(int(sys.argv[1])):
    for g in [0.1, 0.01, 0.001]:
        clf = svm.SVC(gamma=g, C=100.0)
        clf.fit(X_tr, y_tr)
        score = clf.score(X_te, y_te)
print(time.process_time() - begin, score)
