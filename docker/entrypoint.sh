#!/bin/sh
# Every container of ours is one voronka command, in the process that gets the engine's signals.
cd "$(dirname "$0")/.." || exit 1
exec .voronka/envs/core/bin/python -m voronka "$@"
