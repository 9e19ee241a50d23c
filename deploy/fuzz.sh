#!/usr/bin/env bash
# Runs every fuzz target in the repository for a while each: fuzz.sh [DURATION]
set -euo pipefail
cd "$(dirname "$0")/.."
for dir in $(git ls-files '*_test.go' | xargs grep -l '^func Fuzz' | xargs -n1 dirname | sort -u); do
	for target in $(grep -ho '^func Fuzz[A-Za-z0-9_]*' "$dir"/*_test.go | awk '{print $2}'); do
		echo "== $dir $target"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "${1:-20s}" -fuzzminimizetime 5x "./$dir"
	done
done
