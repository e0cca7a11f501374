# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Long steps say what they do and how far they are. Sourced after env.sh.

logs=$CACHE/logs

# step N M TEXT COMMAND...: run COMMAND with its output in a log file. Elapsed time is shown while it
# runs: on one line of a terminal, or as a line every half minute. On failure: the end of the log.
step() {
	local n=$1 m=$2 text=$3 log start=$SECONDS pid
	shift 3
	mkdir -p "$logs"
	log=$logs/setup-$n-$(printf '%s' "$text" | tr -cs 'A-Za-z0-9.\n' '-').log
	printf '[%s/%s] %s\n' "$n" "$m" "$text"
	"$@" >"$log" 2>&1 </dev/null &
	pid=$!
	show_elapsed "$pid" "$start" "$log"
	if wait "$pid"; then
		printf '      done after %s s\n' $((SECONDS - start))
		return 0
	fi
	warn "step $n failed: $text. The end of $log:"
	tail -n 15 "$log" | sed 's/^/    /' >&2
	exit 1
}

show_elapsed() {
	local pid=$1 start=$2 log=$3 t=0
	while kill -0 "$pid" 2>/dev/null; do
		sleep 1
		t=$((SECONDS - start))
		if [ -t 1 ]; then
			printf '\r      %4s s  %-60.60s\r' "$t" "$(tail -n 1 "$log" | tr -cd '[:print:]')"
		elif [ $((t % 30)) -eq 29 ]; then
			printf '      %s s: %.70s\n' "$t" "$(tail -n 1 "$log" | tr -cd '[:print:]')"
		fi
	done
	[ ! -t 1 ] || printf '\r%80s\r' ''
}
