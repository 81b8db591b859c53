#!/bin/sh
# Static analysis; its findings are errors.
cd "$(dirname "$0")/.." || exit 2
cppcheck --quiet --std=c11 --enable=warning,portability --inline-suppr --error-exitcode=1 \
    --suppress=missingIncludeSystem --suppress=normalCheckLevelMaxBranches \
    -D_GNU_SOURCE -Iinclude -Ibuild/release/gen -j2 src
