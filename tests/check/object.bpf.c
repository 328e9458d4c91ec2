/* What a loader has to complete: kfuncs, kernel symbols, configuration, maps, sections without sizes. */
typedef unsigned int u32; typedef unsigned long long u64;
#define SEC(n) __attribute__((section(n), used))
#define __uint(name, val) int (*name)[val]
#define __type(name, val) typeof(val) *name
#define __ksym __attribute__((section(".ksyms")))
#define __kconfig __attribute__((section(".kconfig")))
 struct task_struct { int pid; } __attribute__((preserve_access_index));
struct { __uint(type, 1); __uint(max_entries, 16); __type(key, u32); __type(value, u64); } counts SEC(".maps");
extern struct task_struct *bpf_task_acquire(struct task_struct *) __ksym;
extern void bpf_task_release(struct task_struct *p) __ksym;
extern const void init_task __ksym;
extern const struct task_struct some_task __ksym;
extern int LINUX_KERNEL_VERSION __kconfig;
extern const char CONFIG_X[16] __kconfig __attribute__((weak));
static u64 (*bpf_get_current_task)(void) = (void *)35;
static void *(*lookup)(void *map, const void *key) = (void *)1;
const volatile int limit = 5;
static u64 total; u32 list[4] = {1,2,3,4};
enum e { A = 1, B } last;
static __attribute__((noinline)) int add(int a, long b) { return a + b + total; }
SEC("kprobe/x") int prog(void *ctx) {
  u32 key = limit; u64 *v = lookup(&counts, &key);
  struct task_struct *t = (void*)bpf_get_current_task();
  t = bpf_task_acquire(t); total += t->pid; bpf_task_release(t);
  if (v) *v += 1 + (u64)&init_task + LINUX_KERNEL_VERSION + CONFIG_X[2] + list[key & 3];
  total += (u64)&some_task;
  last = B;
  return add(total, key);
}
char _license[] SEC("license") = "GPL";
