#!/usr/bin/env bash
# What can be checked of the plugin without the IDE and without a network, with Debian's packages junit5,
# libopentest4j-reporting-java, libgoogle-gson-java and libintellij-platform-api-java.
# PYTHON is an interpreter that has Flor. usage: check.sh FOLDER_FOR_CLASSES
set -euo pipefail
out=$(realpath -m "$1")
cd "$(dirname "$0")"

jars() { # the class path of these jars
    local name path=
    for name; do path+=:/usr/share/java/$name.jar; done
    echo "${path#:}"
}

compile() { # TARGET CLASSPATH FOLDER...
    local target=$1 path=$2
    shift 2
    rm -rf "$target" && mkdir -p "$target"
    find "$@" -name '*.java' >"$target.files"
    javac --release 17 -proc:none -Xlint:all,-path,-processing,-classfile,-serial -Werror -d "$target" -cp "$path" @"$target.files"
}

gson=$(jars gson)
junit=$(jars junit-jupiter-api junit-jupiter-engine junit-platform-{commons,engine,launcher,reporting,console} \
    opentest4j opentest4j-reporting-{events,schema} apiguardian-api picocli)

# The part that knows no IDE is compiled without it, and run.
compile "$out/core" "$gson" src/main/java/org/flor/pycharm/core
compile "$out/tests" "$out/core:$gson:$junit" src/test/java
java -Djava.awt.headless=true -cp "$out/core:$out/tests:$gson:$junit" org.junit.platform.console.ConsoleLauncher \
    --disable-banner --details=tree --disable-ansi-colors --fail-if-no-tests --scan-classpath "$out/tests"

# The rest is compiled with what Debian has of the IDE, and declarations of what it has not. It is not run.
annotations=$(jars org.jetbrains.annotations-{java8,common})
platform=$(jars intellij-platform-api intellij-core intellij-util-all)
compile "$out/api" "$annotations:$platform" api
compile "$out/plugin" "$out/core:$out/api:$gson:$annotations:$platform" $(find src/main/java/org/flor/pycharm -maxdepth 1 -name '*.java')
