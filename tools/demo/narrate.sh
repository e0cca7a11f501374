# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# How the demo speaks: headings, numbered steps, quotes of what programs said, one verdict per step.

if [ -n "${VFIO_DEMO_COLOUR:-}" ]; then
	bold=$'\e[1m' green=$'\e[32m' red=$'\e[31m' dim=$'\e[2m' plain=$'\e[0m'
else
	bold='' green='' red='' dim='' plain=''
fi
number=0

heading() { printf '\n%s== %s ==%s\n' "$bold" "$1" "$plain"; }

step() {
	number=$((number + 1))
	printf '\n%s%2d. %s%s\n' "$bold" "$number" "$1" "$plain"
}

quote() { sed "s/^/      ${dim}| /; s/\$/${plain}/"; }

done_step() { printf '    %sok%s  %s\n' "$green" "$plain" "$1"; }

failed() {
	printf '    %sFAILED%s  %s\n' "$red" "$plain" "$1"
	exit 1
}
