/* Reads through two structs of the kernel by CO-RE: the header says what they are, the loader where their members are. */
#include "vmlinux.h"

char _license[] __attribute__((section("license"), used)) = "GPL";
static u64 (*bpf_get_current_task)(void) = (void *)35;
static long (*bpf_probe_read_kernel)(void *to, u32 size, const void *from) = (void *)113;
__attribute__((section("raw_tp/sched_switch"), used))
int prog(void *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task(), *parent = 0;
	int tgid = 0;

	bpf_probe_read_kernel(&parent, sizeof(parent), &task->real_parent);
	bpf_probe_read_kernel(&tgid, sizeof(tgid), &parent->tgid);
	return tgid;
}
