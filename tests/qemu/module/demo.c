// SPDX-License-Identifier: GPL-2.0
/*
 * A module as an outsider would write it: types of its own beside those of the kernel, and two functions that BPF
 * programs may call. Builds on 6.1 and 6.12.
 */
#include <linux/bpf.h>
#include <linux/btf.h>
#include <linux/btf_ids.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/skbuff.h> /* many of the kernel's types: standalone BTF carries copies of them all */

/* 6.1 has only the older names. */
#ifndef BTF_KFUNCS_START
#define BTF_KFUNCS_START BTF_SET8_START
#define BTF_KFUNCS_END BTF_SET8_END
#endif
#ifndef __bpf_kfunc
#define __bpf_kfunc __used noinline
#endif

enum demo_mode { DEMO_IDLE, DEMO_USED };

struct demo_state {
	enum demo_mode mode;
	int calls;
	struct sk_buff *last;
};

/* Per CPU because those are the variables that pahole writes into BTF. */
static DEFINE_PER_CPU(struct demo_state, demo_state);

/* Callers are BPF programs, so there is no header to declare these in. */
int demo_add(int a, int b);
int demo_mul(int a, int b);

static void demo_called(void)
{
	this_cpu_write(demo_state.mode, DEMO_USED);
	this_cpu_inc(demo_state.calls);
}

__bpf_kfunc int demo_add(int a, int b)
{
	demo_called();
	return a + b;
}

__bpf_kfunc int demo_mul(int a, int b)
{
	demo_called();
	return a * b;
}

/*
 * The kernel wants the set sorted by id, and whoever fills it must do that: pahole gives demo_mul the lower id. The flag
 * (of no effect on numbers) shows that each entry's flags move with its id.
 */
BTF_KFUNCS_START(demo_kfuncs)
BTF_ID_FLAGS(func, demo_add, KF_TRUSTED_ARGS)
BTF_ID_FLAGS(func, demo_mul)
BTF_KFUNCS_END(demo_kfuncs)

static const struct btf_kfunc_id_set demo_kfunc_set = {
	.owner = THIS_MODULE,
	.set = &demo_kfuncs,
};

static int __init demo_init(void)
{
	/* 0 also where the module's BTF was refused: then nothing is registered, and the kernel's log says so. */
	return register_btf_kfunc_id_set(BPF_PROG_TYPE_SCHED_CLS, &demo_kfunc_set);
}

static void __exit demo_exit(void)
{
	int cpu, calls = 0;

	for_each_possible_cpu(cpu)
		calls += per_cpu(demo_state, cpu).calls;
	pr_info("demo: %d calls\n", calls);
}

module_init(demo_init);
module_exit(demo_exit);
MODULE_DESCRIPTION("btfkinds test module");
MODULE_LICENSE("GPL");
