#!/bin/sh
# systemd finds no fault in the units, and the service is as closed as it was: check_units.sh PROGRAM
# The paths of an installed program are replaced by PROGRAM, so that nothing has to be installed.
cd "$(dirname "$0")/.." || exit 2
limit=1.5

if ! command -v systemd-analyze > /dev/null; then
	echo "units: SKIPPED, NOTHING WAS CHECKED: systemd-analyze is missing (package systemd)" >&2
	exit 0
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for unit in gridwarden.service gridwarden.socket; do
	sed "s|/usr/bin/gridwarden|$1|" "systemd/$unit" > "$folder/$unit"
done

# Without --man=no the pages would have to be installed.
if ! faults=$(systemd-analyze verify --man=no "$folder"/gridwarden.service \
    "$folder"/gridwarden.socket 2>&1) || [ -n "$faults" ]; then
	echo "units: systemd-analyze verify: $faults" >&2
	exit 1
fi

# A start that fails is tried again for ever, unless the configuration is bad (78).
for line in StartLimitIntervalSec=0 Restart=on-failure RestartPreventExitStatus=78; do
	if ! grep -qx "$line" "$folder/gridwarden.service"; then
		echo "units: gridwarden.service lacks $line" >&2
		exit 1
	fi
done

level=$(systemd-analyze security --offline=true --no-pager "$folder/gridwarden.service" |
    sed -n 's/.*Overall exposure level for gridwarden.service: \([0-9.]*\).*/\1/p')
if [ -z "$level" ] || ! awk "BEGIN { exit !($level <= $limit) }"; then
	echo "units: the exposure level of gridwarden.service is '$level', at most $limit is wanted" >&2
	exit 1
fi
echo "units: no fault, exposure level $level"
