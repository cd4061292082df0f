/* SPDX-License-Identifier: Apache-2.0 */
/* Where our cgroup is, on machines of each kind. */
#include "base/mem.h"

#include "guardian/cgroup_find.h"
#include "testing.h"

static const char both_mounts[] =
    "30 25 0:26 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
    "31 25 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    "32 25 0:28 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
static const char both_own[] = "4:memory:/a/b\n1:cpu,cpuacct:/\n0::/\n";
static const char new_mounts[] =
    "22 20 0:20 / /proc rw - proc proc rw\n"
    "29 22 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
static const char container_mounts[] =
    "29 22 0:26 /docker/1f /sys/fs/cgroup ro - cgroup2 cgroup rw\n";

static void finds_our_cgroup(void **state)
{
    const struct {
        const char *mounts, *own, *controller, *expected;
    } rows[] = {
        {both_mounts, both_own, NULL, "/sys/fs/cgroup/unified"},
        {both_mounts, both_own, "memory", "/sys/fs/cgroup/memory/a/b"},
        {both_mounts, both_own, "cpu", "/sys/fs/cgroup/cpu,cpuacct"},
        {both_mounts, both_own, "pids", NULL},
        {new_mounts, "0::/system.slice/x.service\n", NULL, "/sys/fs/cgroup/system.slice/x.service"},
        {new_mounts, "0::/system.slice/x.service\n", "memory", NULL},
        {container_mounts, "0::/docker/1f\n", NULL, "/sys/fs/cgroup"},
        {container_mounts, "0::/docker/1f/a\n", NULL, "/sys/fs/cgroup/a"},
        {"", "", NULL, NULL},
        {"1 2 3", "0::", NULL, NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        AUTO_FREE char *found = cgroup_find(rows[i].mounts, rows[i].own, rows[i].controller);

        assert_string_equal(found ? found : "none", rows[i].expected ? rows[i].expected : "none");
    }
}

static void finds_whole_words_only(void **state)
{
    (void)state;
    assert_true(has_word("cpu io memory", 13, "memory", ' '));
    assert_true(has_word("cpu", 3, "cpu", ' '));
    assert_false(has_word("cpuset io", 9, "cpu", ' '));
    assert_false(has_word("", 0, "cpu", ' '));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_our_cgroup),
        cmocka_unit_test(finds_whole_words_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
