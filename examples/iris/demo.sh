#!/usr/bin/env bash
# The walk-through: run, name, tabulate, query. Everything it makes lies in ./demo.
# usage: demo.sh FOLDER_OF_THE_FLOR_COMMAND
set -euo pipefail
PATH="$1:$PATH"
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p demo && cd demo
export FLOR_HOME=${FLOR_HOME:-$PWD/flor-home}
cp "$here/iris.py" .
rm -f iris_h.py

say() {
    printf '\n$'
    for word; do [[ $word == *' '* ]] && printf ' "%s"' "$word" || printf ' %s' "$word"; done
    echo
    "$@"
}

say flor python iris.py iris_demo
say flor cp iris.py iris_h.py
say flor name iris.py:9:53 test_size
say flor name iris.py:10:56-10:77 random_state
say flor name iris.py:12:25 gamma
say flor name iris.py:12:30-12:35 C
say flor name iris.py:14:13-14:34 score
say flor etl iris_demo iris_h.py
echo
echo 'For what value of gamma do we get the best score?'
say flor sql 'select gamma, max(score) as best_score from iris_demo group by gamma order by best_score desc'
