/* Flags of ranges. */
#include "node/cli/range.h"

#include "node/cli/say.h"
#include "node/cli/session.h"

static struct option text_row(const char *name, const char *help, const char **target)
{
    return (struct option){.name = name, .value_word = "KEY", .help = help, .kind = OPTION_TEXT, .target = target};
}

size_t range_options(struct range *range, bool has_direction, struct option options[RANGE_OPTIONS])
{
    size_t count = 0;
    options[count++] = text_row("prefix", "only keys that begin with KEY", &range->prefix);
    options[count++] = text_row("start", "from KEY on, KEY included", &range->start);
    options[count++] = text_row("end", "up to KEY, KEY not included", &range->end);
    if (!has_direction) return count;
    options[count++] = (struct option){.name = "limit",
                                       .value_word = "COUNT",
                                       .help = "at most COUNT; all of them if not given",
                                       .kind = OPTION_NUMBER,
                                       .target = &range->limit,
                                       .max = INT64_MAX};
    options[count++] = (struct option){.name = "reverse",
                                       .help = "from the highest key down (--start is then the highest)",
                                       .kind = OPTION_FLAG,
                                       .target = &range->reverse};
    return count;
}

bool range_check(const struct range *range)
{
    return session_check_key("prefix", range->prefix, true) && session_check_key("start", range->start, true) &&
           session_check_key("end", range->end, true);
}

bool range_is_given(const struct range *range)
{
    return range->prefix != NULL || range->start != NULL || range->end != NULL || range->limit.is_given ||
           range->reverse;
}

static void set_text(json_t *object, const char *name, const char *text)
{
    json_object_set_new(object, name, say_need(text != NULL ? json_string(text) : json_null()));
}

void range_set(const struct range *range, json_t *object)
{
    set_text(object, "prefix", range->prefix);
    set_text(object, "start", range->start);
    set_text(object, "end", range->end);
}
