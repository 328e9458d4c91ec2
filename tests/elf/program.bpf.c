/* clang -target bpf: a map, global variables, two functions, a CO-RE relocation. */
typedef unsigned int u32;
typedef unsigned long long u64;
#define SEC(name) __attribute__((section(name), used))
static void *(*lookup)(void *map, const void *key) = (void *)1;
static int (*probe_read)(void *to, u32 size, const void *from) = (void *)113;
struct task_struct { int pid; int tgid; } __attribute__((preserve_access_index));
struct { int (*type)[2]; int (*max_entries)[4]; u32 *key; u64 *value; } hits SEC(".maps");
int wanted;
u64 seen;
static __attribute__((noinline)) int bump(u64 by)
{
    u32 key = 1;
    u64 *value = lookup(&hits, &key);
    if (value)
        *value += by;
    return by > 3;
}
SEC("raw_tracepoint/sched_process_exit") int on_exit(u64 *ctx)
{
    struct task_struct *task = (void *)ctx[0];
    int tgid = 0;
    probe_read(&tgid, sizeof(tgid), __builtin_preserve_access_index(&task->tgid));
    seen += 1;
    return tgid == wanted ? bump(seen) : 0;
}
char _license[] SEC("license") = "GPL";
