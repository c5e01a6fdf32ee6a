/* /proc/PID/task/TID/schedstat: exact, where the tick counters of /proc/PID/stat may be samples. */
#include "tests/bench/process.h"

#include <dirent.h>
#include <stdio.h>

enum { PATH_BYTES = 320 };

static uint64_t thread_cpu_ns(uint32_t pid, const char *thread)
{
    char path[PATH_BYTES];
    unsigned long long ns = 0;
    snprintf(path, sizeof path, "/proc/%u/task/%s/schedstat", pid, thread);
    FILE *file = fopen(path, "r");
    if (file == NULL) return 0;
    if (fscanf(file, "%llu", &ns) != 1) ns = 0;
    fclose(file);
    return ns;
}

uint64_t process_cpu_ns(uint32_t pid)
{
    char path[PATH_BYTES];
    uint64_t sum_ns = 0;
    snprintf(path, sizeof path, "/proc/%u/task", pid);
    DIR *threads = pid == 0 ? NULL : opendir(path);
    if (threads == NULL) return 0;
    for (const struct dirent *entry = readdir(threads); entry != NULL; entry = readdir(threads)) {
        if (entry->d_name[0] != '.') sum_ns += thread_cpu_ns(pid, entry->d_name);
    }
    closedir(threads);
    return sum_ns;
}
