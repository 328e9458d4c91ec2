// SPDX-License-Identifier: GPL-2.0
/* Calls both functions of module/demo.c. The kernel's headers are not needed for that. */
#define SEC(name) __attribute__((section(name), used))
#define KFUNC __attribute__((section(".ksyms")))

struct __sk_buff;

extern int demo_add(int a, int b) KFUNC;
extern int demo_mul(int a, int b) KFUNC;

SEC("tc")
int demo(struct __sk_buff *skb)
{
	(void)skb;
	/* 712: no other result of the two, nor their exchange, gives it. */
	return 100 * demo_add(3, 4) + demo_mul(3, 4);
}

char _license[] SEC("license") = "GPL";
