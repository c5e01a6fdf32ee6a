/* Memory that runs out: preloaded into a process, it stands before the calls that take memory, in all its threads
 * and libraries.
 *
 *   SHIM_MEMORY_CONTROL  a file of struct memory_control, shared with the test
 *
 * While `fail_at` is not 0 the calls are counted, and number `fail_at` of them (with `sticky` every later one too)
 * answers that there is none. `live` counts at all times what was taken and not given back. Memory that is mapped
 * without these calls (stacks of threads, the database, libsodium's guarded pages) is not seen.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Read and written by tests/api/memory_shim.py: numbers of 64 bits, in this order. */
struct memory_control {
    _Atomic uint64_t fail_at; /* 0: nothing fails, nothing is counted */
    _Atomic uint64_t calls;   /* since armed */
    _Atomic uint64_t failed;
    _Atomic uint64_t sticky;
    _Atomic uint64_t live;  /* taken and not given back */
    _Atomic uint64_t taken; /* calls since the start, counted or not */
};

/* glibc's own, under the names it keeps for this purpose: dlsym() may itself take memory. */
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *memory, size_t bytes);
void *__libc_memalign(size_t alignment, size_t bytes);
void __libc_free(void *memory);

static struct memory_control before_main; /* until the file is there */
static struct memory_control *control = &before_main;

/* Before main(), and with no call that takes memory. */
__attribute__((constructor)) static void open_control(void)
{
    const char *path = getenv("SHIM_MEMORY_CONTROL");
    int file = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
    if (file < 0) return;
    void *mapped = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (mapped == MAP_FAILED) return;
    struct memory_control *shared = mapped;
    shared->live += before_main.live;
    shared->taken += before_main.taken;
    control = shared;
}

static bool is_refused(void)
{
    control->taken++;
    uint64_t fail_at = control->fail_at;
    if (fail_at == 0) return false;
    uint64_t call = ++control->calls;
    if (call != fail_at && !(control->sticky != 0 && call > fail_at)) return false;
    control->failed++;
    errno = ENOMEM;
    return true;
}

static void *counted(void *memory)
{
    if (memory != NULL) control->live++;
    return memory;
}

void *malloc(size_t bytes)
{
    return is_refused() ? NULL : counted(__libc_malloc(bytes));
}

void *calloc(size_t count, size_t bytes)
{
    return is_refused() ? NULL : counted(__libc_calloc(count, bytes));
}

void free(void *memory)
{
    if (memory != NULL) control->live--;
    __libc_free(memory);
}

void *realloc(void *memory, size_t bytes)
{
    if (memory != NULL && bytes == 0) {
        free(memory);
        return NULL;
    }
    if (is_refused()) return NULL;
    void *moved = __libc_realloc(memory, bytes);
    return memory == NULL ? counted(moved) : moved;
}

void *memalign(size_t alignment, size_t bytes)
{
    return is_refused() ? NULL : counted(__libc_memalign(alignment, bytes));
}

void *aligned_alloc(size_t alignment, size_t bytes)
{
    return memalign(alignment, bytes);
}

int posix_memalign(void **memory, size_t alignment, size_t bytes)
{
    int before = errno;
    void *taken = memalign(alignment, bytes);
    errno = before;
    if (taken == NULL) return ENOMEM;
    *memory = taken;
    return 0;
}
