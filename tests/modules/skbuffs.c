// SPDX-License-Identifier: GPL-2.0
// Packet buffers: the module's functions take the kernel's own structs.
#include <linux/module.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <linux/skbuff.h>
#include <net/net_namespace.h>

struct skbuffs_count {
	struct net *net;
	atomic64_t packets;
	u64 bytes;
};

static struct skbuffs_count count;

static unsigned int skbuffs_hook(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	struct skbuffs_count *here = priv;

	here->net = state->net;
	here->bytes += skb->len;
	atomic64_inc(&here->packets);
	return NF_ACCEPT;
}

static struct nf_hook_ops ops = {
	.hook = skbuffs_hook,
	.priv = &count,
	.pf = NFPROTO_IPV4,
	.hooknum = NF_INET_PRE_ROUTING,
};

static int __init skbuffs_init(void)
{
	return nf_register_net_hook(&init_net, &ops);
}

static void __exit skbuffs_exit(void)
{
	nf_unregister_net_hook(&init_net, &ops);
}

module_init(skbuffs_init);
module_exit(skbuffs_exit);
MODULE_LICENSE("GPL");
