#!/bin/sh
# Does newfound work here, with these files? From import to an updated recommendation, in a project that is thrown away.
#
#     sh docs/smoke.sh interactions.csv [items.csv]
#
# The last line is "smoke: ok" and the exit code 0; else the exit code is that of the command that failed.
set -eu
interactions="$1"
items="${2:-}"
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
export NEWFOUND_PROJECT="$folder/project"

run() { newfound -q --json "$@"; }
step() { echo "smoke: $*" >&2; }
# Print one field of the JSON document in $1.
field() { printf '%s\n' "$1" | sed -n "s/.*\"$2\":\"\{0,1\}\([^\",}]*\).*/\1/p"; }

step "import"
run init "$NEWFOUND_PROJECT" >/dev/null
imported="$(run dataset import interactions "$interactions")"
[ -z "$items" ] || run dataset import items "$items" >/dev/null

step "train"
run solution train --mode full --max-minutes 0.2 >/dev/null
run campaign create >/dev/null

step "recommend to a stranger, who clicks the first item"
answer="$(run recommend --user smoke-test -k 1)"
# Old files: the click happens when the data ends, for a click today would make every item old.
run events put --user smoke-test --item "$(field "$answer" itemId)" \
  --recommendation-id "$(field "$answer" recommendationId)" \
  --timestamp "$(field "$imported" lastTimestamp)" >/dev/null

step "update"
updated="$(run solution train --mode update)"
[ "$(field "$updated" newEvents)" = 1 ]
run campaign update >/dev/null
run recommend --user smoke-test -k 5 >/dev/null

step "verify"
run verify --deep >/dev/null
echo "smoke: ok"
