#!/bin/sh
# Floors and doors: an include line shows the floor, and no floor includes upward; each library is
# included in one place only.  Prints every breach; exit 1 when there is one.
cd "$(dirname "$0")/.." || exit 2
breaches=$(mktemp)
trap 'rm -f "$breaches"' EXIT

# may FLOOR "ALLOWED FLOORS"
may() {
	floor=$1
	for dir in "src/$floor" "include/$floor"; do
		[ -d "$dir" ] || continue
		grep -rnoE '^#include "[a-z_]+/' --include='*.[ch]' "$dir" |
		while IFS= read -r line; do
			used=${line##*\"}
			used=${used%/}
			case " $floor $2 " in
			*" $used "*) ;;
			*) echo "${line%%:#*}: $floor must not include \"$used/...\"" ;;
			esac
		done
	done
}

{
	may base ""
	may core "base"
	may net "base"
	may store "core base"
	may azure "net core base"
	may action "azure channel ticket net core base"
	may channel "action net core base"
	may ticket "action azure net core base"
	may daemon "action store core base"
} >> "$breaches"

# door HEADER-PATTERN FILE...: only these files may include it.
door() {
	pattern=$1
	shift
	grep -rnE "^#include <$pattern" --include='*.[ch]' src include |
	while IFS= read -r line; do
		file=${line%%:*}
		case " $* " in
		*" $file "*) ;;
		*) echo "$line: this library has one door: $*" ;;
		esac
	done
}

{
	door 'microhttpd\.h' src/daemon/listener.c
	door 'gnutls/' src/daemon/listener.c src/daemon/tls.c src/daemon/client_trust.c \
	    src/daemon/datum.h src/daemon/tls_pair.h src/daemon/tls_pair.c src/daemon/tls_trial.c
	door 'curl/' src/net/http.c
	door 'sqlite3\.h' src/store/sqlite.c src/store/sqlite.h
	door 'cjson/' src/base/json.c
	door 'libfyaml\.h' src/base/yaml.c
	door 'pcre2\.h' src/core/regex.c
	door 'openssl/' src/base/hash.c src/core/signing_keys.c src/core/assertion.c
	door 'isa-l/' src/base/hash.c
	door 'glib\.h' src/base/zone.c
	door 'systemd/' src/cmd/serve.c src/base/log.c
	# The decision is pure: core asks no clock, no environment, no file.
	grep -rnE '\b(clock_now_ms|clock_mono_ms|time|getenv|fopen|open|socket)\(' src/core |
	    sed 's/$/  <- core does no I\/O and is told the time/'
} >> "$breaches"

if [ -s "$breaches" ]; then
	cat "$breaches"
	echo "layers: $(wc -l < "$breaches") breaches"
	exit 1
fi
echo "layers: floors and doors hold"
