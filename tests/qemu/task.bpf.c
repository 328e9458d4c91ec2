// SPDX-License-Identifier: GPL-2.0
/* Hands a struct of the kernel's to the function of module/task.c. The kernel's headers are not needed for that. */
#define SEC(name) __attribute__((section(name), used))
#define KFUNC __attribute__((section(".ksyms")))

/* Not just declared: libbpf takes a declaration for another kind of type than the kernel's definition. */
struct task_struct {
	int pid;
} __attribute__((preserve_access_index));

extern void task_has_pid(struct task_struct *task, int pid) KFUNC;

static unsigned long long (*const bpf_get_current_pid_tgid)(void) = (void *)14;
static struct task_struct *(*const bpf_get_current_task_btf)(void) = (void *)158;

/* Runs when its file is read: once for each task, always in the reader's. */
SEC("iter/task")
int task(void *ctx)
{
	(void)ctx;
	task_has_pid(bpf_get_current_task_btf(), (int)bpf_get_current_pid_tgid());
	return 0;
}

char _license[] SEC("license") = "GPL";
