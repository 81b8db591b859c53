#include "yaml_words.h"

#include <stddef.h>
#include <string.h>

static const struct {
	const char *theirs; /* part of its message */
	const char *ours;
} words[] = {
	{ "invalid multiline plain key",
	    "a text cannot have keys below it: look at the indentation of the next line" },
	{ "tab", "a tab is used as indentation: use spaces" },
	{ "invalid indentation in mapping", "this line does not line up with the keys above it" },
	{ "at the end of block sequence", "a key in the middle of a list" },
	{ "nested block mapping on the same line",
	    "a second ': ' on one line: put the text in quotes" },
	{ "plain scalar cannot start with", "a text that starts with this character needs quotes" },
	{ "without closing quote", "this quote is not closed" },
	{ "invalid escape",
	    "unknown escape in a double-quoted text; single quotes leave a backslash alone" },
	{ "UTF8 escape", "the escape in this text is not a character" },
	{ "trailing content after", "text behind the closing quote" },
	{ "missing comma", "a comma or a closing bracket is missing" },
	{ "invalid comma", "a comma without a value before it" },
	{ "mismatched flow", "this bracket does not close the one that is open" },
	{ "block sequence on the same line",
	    "a list cannot start on the line of its key: put '- ' on the next line" },
	{ "block scalar with wrongly", "this text block is not indented like its first line" },
	{ "missing document start", "text behind the end of the document" },
	{ "invalid value after mapping", "':' is missing behind this key" },
	{ "did not find expected key", "a key is missing here" },
	{ "wrongly indented", "this must be indented deeper than the key it belongs to" },
};

const char *
yaml_words(const char *theirs, bool at_quote)
{
	if (at_quote && strstr(theirs, "wrongly indented") != NULL)
		return "this quote is not closed on its line: close it, or indent the lines that "
		       "follow";
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strstr(theirs, words[i].theirs) != NULL)
			return words[i].ours;
	return NULL;
}
