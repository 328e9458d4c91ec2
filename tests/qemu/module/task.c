// SPDX-License-Identifier: GPL-2.0
/*
 * A module with a function that takes a type of the kernel's, and with a struct of the kernel's inside one of its own.
 * Builds on 6.1 and 6.12.
 */
#include <linux/bpf.h>
#include <linux/btf.h>
#include <linux/btf_ids.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/timer.h>

/* 6.1 has only the older names. */
#ifndef BTF_KFUNCS_START
#define BTF_KFUNCS_START BTF_SET8_START
#define BTF_KFUNCS_END BTF_SET8_END
#endif
#ifndef __bpf_kfunc
#define __bpf_kfunc __used noinline
#endif

struct task_state {
	int right;
	int wrong;
	struct timer_list timer; /* not a pointer: its size matters */
};

/* Per CPU because those are the variables that pahole writes into BTF. */
static DEFINE_PER_CPU(struct task_state, task_state);

/* Callers are BPF programs, so there is no header to declare this in. */
void task_has_pid(struct task_struct *task, int pid);

__bpf_kfunc void task_has_pid(struct task_struct *task, int pid)
{
	if (task->pid == pid)
		this_cpu_inc(task_state.right);
	else
		this_cpu_inc(task_state.wrong);
}

BTF_KFUNCS_START(task_kfuncs)
BTF_ID_FLAGS(func, task_has_pid)
BTF_KFUNCS_END(task_kfuncs)

static const struct btf_kfunc_id_set task_kfunc_set = {
	.owner = THIS_MODULE,
	.set = &task_kfuncs,
};

static int __init task_init(void)
{
	return register_btf_kfunc_id_set(BPF_PROG_TYPE_TRACING, &task_kfunc_set);
}

static void __exit task_exit(void)
{
	int cpu, right = 0, wrong = 0;

	for_each_possible_cpu(cpu) {
		right += per_cpu(task_state, cpu).right;
		wrong += per_cpu(task_state, cpu).wrong;
	}
	pr_info("task: %d right, %d wrong\n", right, wrong);
}

module_init(task_init);
module_exit(task_exit);
MODULE_DESCRIPTION("btfkinds test module");
MODULE_LICENSE("GPL");
