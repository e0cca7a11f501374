# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Running stages, and what becomes of their results.

# run_stage NAME: run it, add its failure as a result if nothing else tells, show one line.
run_stage() {
	local name=$1 start=$SECONDS status
	printf '[%5s s] %-24s begins\n' "$SECONDS" "$name"
	: >"$logs/$name.results"
	"stage_$name" >"$logs/$name.log" 2>&1 </dev/null
	status=$?
	if [ "$status" -ne 0 ] && ! grep -q '^fail ' "$logs/$name.results"; then
		echo "fail $name (status $status)" >>"$logs/$name.results"
	elif [ ! -s "$logs/$name.results" ]; then
		echo "pass $name" >>"$logs/$name.results"
	fi
	echo $((SECONDS - start)) >"$logs/$name.seconds"
	show_stage "$name"
}

count() {
	cat "$logs"/$2.results 2>/dev/null | grep -c "^$1 "
}

show_stage() {
	local failed
	failed=$(count fail "$1")
	printf '[%5s s] %-24s %s passed, %s failed, %s skipped\n' "$SECONDS" "$1" "$(count pass "$1")" \
		"$failed" "$(count skip "$1")"
	[ "$failed" -ne 0 ] || return 0
	sed -n 's/^fail /             failed: /p' "$logs/$1.results" | head -n 20
	echo "             the end of $logs/$1.log:"
	tail -n 12 "$logs/$1.log" | sed 's/^/             | /'
}

# ktap FILE PREFIX: the results of a test program, from its KTAP output and its exit status (a line
# "# exit status N" that the runner adds).
ktap() {
	awk -v p="$2" '
	/^1\.\.[0-9]+/ { split($1, a, "[.][.]"); plan = a[2] }
	/^(not )?ok [0-9]+/ {
		seen++
		r = /^not ok/ ? "fail" : (/# SKIP/ ? "skip" : "pass")
		failed += r == "fail"
		sub(/^(not )?ok [0-9]+ *(- )?/, "")
		print r " " p " " $0
	}
	/^# exit status/ { status = $4 }
	END {
		if (plan == "" || seen != plan)
			print "fail " p " ended after " seen + 0 " of " (plan == "" ? "?" : plan) " cases, status " status
		else if (status != 0 && !failed && status != 4)
			print "fail " p " ended with status " status
	}' "$1"
}

summary() {
	local file name
	say ''
	printf '%-26s %7s %7s %8s %8s\n' stage passed failed skipped seconds
	for file in "$logs"/*.seconds; do
		name=$(basename "$file" .seconds)
		printf '%-26s %7s %7s %8s %8s\n' "$name" "$(count pass "$name")" "$(count fail "$name")" \
			"$(count skip "$name")" "$(cat "$file")"
	done
	say ''
	say "Logs: $logs"
	say "$(count pass '*') passed, $(count fail '*') failed"
	[ "$(count fail '*')" -eq 0 ] && [ "$(count pass '*')" -ne 0 ]
}
