/* Buckets as text. */
#include "node/cli/bucket.h"
#include "node/cli/show.h"

/* The words of a list, joined by commas. */
static void join_words(struct buffer *out, const json_t *words)
{
    const json_t *word;
    size_t i;
    json_array_foreach(words, i, word)
    {
        if (i > 0) buffer_add_text(out, ",");
        struct span text = output_span_of(word);
        if (text.bytes != NULL) show_key(out, text);
    }
    if (i == 0) buffer_add_text(out, "-");
}

static void add_words(struct table *table, const json_t *words)
{
    struct buffer text = {0};
    join_words(&text, words);
    table_add(table, buffer_span(&text));
    buffer_deinit(&text);
}

static void print_aliases(const json_t *bucket)
{
    struct buffer line = {0};
    join_words(&line, json_object_get(bucket, "aliases"));
    printf("%-18s %s\n", "aliases", buffer_text(&line));
    const json_t *local;
    size_t i;
    json_array_foreach(json_object_get(bucket, "local_aliases"), i, local)
    {
        buffer_clear(&line);
        show_key(&line, output_span_of(json_object_get(local, "alias")));
        buffer_add_text(&line, " for key ");
        show_key(&line, output_span_of(json_object_get(local, "key_id")));
        printf("%-18s %s\n", "local alias", buffer_text(&line));
    }
    buffer_deinit(&line);
}

static void print_keys(const json_t *keys)
{
    static const char *const titles[] = {"KEY ID", "NAME", "READ", "WRITE", "OWNER", NULL};
    if (json_array_size(keys) == 0) {
        printf("\nno key may use it yet: `skerry bucket allow`\n");
        return;
    }
    struct table table;
    table_init(&table, titles, 0);
    const json_t *key;
    size_t i;
    json_array_foreach(keys, i, key)
    {
        table_add_key(&table, output_span_of(json_object_get(key, "key_id")));
        table_add_key(&table, output_span_of(json_object_get(key, "name")));
        table_add_text(&table, operator_yes(key, "read"));
        table_add_text(&table, operator_yes(key, "write"));
        table_add_text(&table, operator_yes(key, "owner"));
    }
    printf("\n");
    table_print(&table, stdout);
    table_deinit(&table);
}

static void print_rules(const json_t *rules)
{
    static const char *const titles[] = {"CORS ORIGINS", "METHODS", "HEADERS", "EXPOSED HEADERS", NULL};
    static const char *const members[] = {"allowed_origins", "allowed_methods", "allowed_headers",
                                          "expose_headers"};
    if (json_array_size(rules) == 0) return;
    struct table table;
    table_init(&table, titles, 0);
    const json_t *rule;
    size_t i;
    json_array_foreach(rules, i, rule)
    {
        for (size_t j = 0; j < sizeof members / sizeof members[0]; j++) {
            add_words(&table, json_object_get(rule, members[j]));
        }
    }
    printf("\n");
    table_print(&table, stdout);
    table_deinit(&table);
}

int bucket_show(const struct operator* operator, json_t * bucket)
{
    static const char *const counts[] = {"partitions", "entries", "conflicts", "values", "bytes"};
    if (operator->form == OUTPUT_JSON) {
        output_json(bucket);
        return CLI_DONE;
    }
    operator_print_member("id", bucket, "id");
    print_aliases(bucket);
    operator_print_member("created", bucket, "created");
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        if (json_object_get(bucket, counts[i]) != NULL) operator_print_member(counts[i], bucket, counts[i]);
    }
    print_keys(json_object_get(bucket, "keys"));
    print_rules(json_object_get(bucket, "cors"));
    json_decref(bucket);
    return CLI_DONE;
}

int bucket_show_list(const struct operator* operator, json_t * document)
{
    static const char *const titles[] = {"ID", "CREATED", "KEYS", "ALIASES", NULL};
    if (operator->form == OUTPUT_JSON) {
        output_json(document);
        return CLI_DONE;
    }
    struct table table;
    table_init(&table, titles, 4);
    const json_t *bucket;
    size_t i;
    json_array_foreach(json_object_get(document, "buckets"), i, bucket)
    {
        char keys[32];
        snprintf(keys, sizeof keys, "%zu", json_array_size(json_object_get(bucket, "keys")));
        table_add_key(&table, output_span_of(json_object_get(bucket, "id")));
        table_add_key(&table, output_span_of(json_object_get(bucket, "created")));
        table_add_text(&table, keys);
        add_words(&table, json_object_get(bucket, "aliases"));
    }
    table_print(&table, stdout);
    table_deinit(&table);
    json_decref(document);
    return CLI_DONE;
}
