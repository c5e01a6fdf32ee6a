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

static struct thing thing(char name)
{
    return (struct thing){.name = name};
}

static void append(struct list *list, struct thing *thing)
{
    list_init(&thing->link);
    list_append(list, &thing->link);
}

static void things_stand_in_the_order_they_were_appended(void **state)
{
    (void)state;
    struct list list;
    struct thing a = thing('a');
    struct thing b = thing('b');
    struct thing c = thing('c');
    list_init(&list);
    assert_true(list_is_empty(&list));
    append(&list, &a);
    assert_false(list_is_empty(&list));
    append(&list, &b);
    append(&list, &c);
    assert_string_equal(names(&list), "abc");
}

static void a_thing_may_leave_from_anywhere_and_twice(void **state)
{
    (void)state;
    struct list list;
    struct thing things[4] = {thing('a'), thing('b'), thing('c'), thing('d')};
    list_init(&list);
    for (int i = 0; i < 4; i++)
        append(&list, &things[i]);
    list_remove(&things[1].link);
    assert_string_equal(names(&list), "acd");
    list_remove(&things[1].link);
    assert_string_equal(names(&list), "acd");
    list_remove(&things[3].link);
    assert_string_equal(names(&list), "ac");
    list_remove(&things[0].link);
    assert_string_equal(names(&list), "c");
    append(&list, &things[0]);
    assert_string_equal(names(&list), "ca");
    list_remove(&things[2].link);
    list_remove(&things[0].link);
    assert_true(list_is_empty(&list));
}

static void a_link_that_is_in_no_list_may_be_removed(void **state)
{
    (void)state;
    struct thing alone = thing('a');
    list_init(&alone.link);
    list_remove(&alone.link);
    assert_true(list_is_empty(&alone.link));
}

static void all_of_one_list_move_behind_those_of_another(void **state)
{
    (void)state;
    struct list list;
    struct list from;
    struct thing things[4] = {thing('a'), thing('b'), thing('c'), thing('d')};
    list_init(&list);
    list_init(&from);
    list_move(&list, &from);
    assert_true(list_is_empty(&list));
    append(&from, &things[0]);
    list_move(&list, &from);
    assert_string_equal(names(&list), "a");
    assert_true(list_is_empty(&from));
    append(&from, &things[1]);
    append(&from, &things[2]);
    list_move(&list, &from);
    assert_string_equal(names(&list), "abc");
    list_move(&list, &from);
    append(&list, &things[3]);
    assert_string_equal(names(&list), "abcd");
    assert_string_equal(names(&from), "");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(things_stand_in_the_order_they_were_appended),
        cmocka_unit_test(a_thing_may_leave_from_anywhere_and_twice),
        cmocka_unit_test(a_link_that_is_in_no_list_may_be_removed),
        cmocka_unit_test(all_of_one_list_move_behind_those_of_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
