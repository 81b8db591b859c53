# alert_types.txt to the rows of a table in C: struct alert_type of core/alert_types.h.
# Backslashes come doubled, as C reads them.  Every mistake is said with its line, and then there is
# no table.
BEGIN { FS = "|" }
/^#/ || /^$/ { next }
/^\[/ {
	section = substr($0, 2, length($0) - 2)
	retired = sub(/ retired$/, "", section) ? "true" : "false"
	kind = toupper(section)
	gsub(/-/, "_", kind)
	next
}
NF != 4 || kind == "" || $2 !~ /^(-|[HMLI]+)$/ || /"/ {
	printf "alert_types.txt:%d: not type|severities|tactics|name: %s\n", FNR, $0 > "/dev/stderr"
	bad = 1
	next
}
{
	for (i = 1; i <= 4; i++)
		if ($i == "-")
			$i = ""
	printf "\t{ \"%s\", \"%s\", \"%s\", \"%s\", SAMPLE_%s, %s },\n", $1, $2, $3, $4, kind, retired
}
END { exit bad }
