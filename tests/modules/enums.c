// SPDX-License-Identifier: GPL-2.0
// Enums: of 64 bits, signed, forward declared, and the kernel's own.
#include <linux/bpf.h>
#include <linux/dcache.h>
#include <linux/filter.h>
#include <linux/module.h>

enum enums_wide {
	ENUMS_NONE = 0,
	ENUMS_LOW = 1ULL << 3,
	ENUMS_HIGH = 1ULL << 40,
};

enum enums_signed { ENUMS_MINUS = -1, ENUMS_PLUS = 1 };

enum enums_deep { ENUMS_DEEP = -(1LL << 40), ENUMS_TOP = 1LL << 40 };

struct enums_opaque;

struct enums_all {
	enum enums_wide wide;
	enum enums_signed sign;
	enum enums_deep deep;
	enum bpf_reg_type reg;
	enum bpf_prog_type type;
	struct enums_opaque *opaque;
	struct bpf_prog *prog;
	struct dentry *dentry;
};

static struct enums_all all;

static noinline enum enums_wide enums_look(struct enums_all *a, enum bpf_access_type type,
					   const struct bpf_func_proto *proto)
{
	a->type = BPF_PROG_TYPE_XDP;
	a->sign = type == BPF_READ ? ENUMS_PLUS : ENUMS_MINUS;
	a->reg = proto ? PTR_TO_CTX : SCALAR_VALUE;
	a->deep = ENUMS_DEEP;
	return a->wide;
}

static int __init enums_init(void)
{
	all.wide = ENUMS_HIGH;
	return enums_look(&all, BPF_READ, NULL) == ENUMS_NONE;
}

static void __exit enums_exit(void)
{
}

module_init(enums_init);
module_exit(enums_exit);
MODULE_LICENSE("GPL");
