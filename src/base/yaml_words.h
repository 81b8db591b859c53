/*
 * What libfyaml 0.7.12 says, in words for who writes the file.
 */
#ifndef BASE_YAML_WORDS_H
#define BASE_YAML_WORDS_H

#include <stdbool.h>

/* at_quote: a quote opens at the place that is complained of.  NULL: it is said as they say it. */
const char *yaml_words(const char *theirs, bool at_quote);

#endif
