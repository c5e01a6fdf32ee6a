/* Intrusive lists. */
#include "node/base/list.h"
#include "tests/lib/check.h"

struct thing {
    char name;
    struct list link;
};

/* The names in the list's order; also checks that the way back is the way there. */
static const char *names(const struct list *list)
{
    static char text[16];
    size_t length = 0;
    for (const struct list *link = list->next; link != list; link = link->next) {
        assert_ptr_equal(link->next->previous, link);
        assert_ptr_equal(link->previous->next, link);
        text[length++] = LIST_OWNER(link, struct thing, link)->name;
    }
    text[length] = '\0';
    return text;
}

static void things_stand_in_the_order_they_were_appended(void **state)
{
    (void)state;
    struct list list;
    struct thing a = {.name = 'a'};
    struct thing b = {.name = 'b'};
    struct thing c = {.name = 'c'};
    list_init(&list);
    assert_true(list_is_empty(&list));
    list_append(&list, &a.link);
    assert_false(list_is_empty(&list));
    list_append(&list, &b.link);
    list_append(&list, &c.link);
    assert_string_equal(names(&list), "abc");
}

static void a_thing_may_leave_from_anywhere_and_twice(void **state)
{
    (void)state;
    struct list list;
    struct thing things[4] = {{.name = 'a'}, {.name = 'b'}, {.name = 'c'}, {.name = 'd'}};
    list_init(&list);
    for (int i = 0; i < 4; i++)
        list_append(&list, &things[i].link);
    list_remove(&things[1].link);
    assert_string_equal(names(&list), "acd");
    list_remove(&things[1].link);
    assert_string_equal(names(&list), "acd");
    list_remove(&things[3].link);
    assert_string_equal(names(&list), "ac");
    list_remove(&things[0].link);
    assert_string_equal(names(&list), "c");
    list_append(&list, &things[0].link);
    assert_string_equal(names(&list), "ca");
    list_remove(&things[2].link);
    list_remove(&things[0].link);
    assert_true(list_is_empty(&list));
}

static void a_link_that_is_in_no_list_may_be_removed(void **state)
{
    (void)state;
    struct thing alone = {.name = 'a'};
    list_init(&alone.link);
    list_remove(&alone.link);
    assert_true(list_is_empty(&alone.link));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(things_stand_in_the_order_they_were_appended),
        cmocka_unit_test(a_thing_may_leave_from_anywhere_and_twice),
        cmocka_unit_test(a_link_that_is_in_no_list_may_be_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
