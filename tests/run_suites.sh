#!/bin/sh
# Runs test programs one after the other; all of them run even when one fails.
status=0
for program in "$@"; do
	"$program" || { echo "FAILED: $program" >&2; status=1; }
done
exit $status
