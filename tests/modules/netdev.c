// SPDX-License-Identifier: GPL-2.0
// A network device, whose operations are tables of functions.
#include <linux/etherdevice.h>
#include <linux/ethtool.h>
#include <linux/module.h>
#include <linux/netdevice.h>

struct netdev_priv {
	struct net_device *self;
	struct napi_struct napi;
	struct u64_stats_sync sync;
	union {
		u64 sent;
		struct { u32 low, high; } parts;
	};
	unsigned int open : 1, broken : 3;
};

static netdev_tx_t netdev_xmit(struct sk_buff *skb, struct net_device *dev)
{
	struct netdev_priv *priv = netdev_priv(dev);

	priv->sent += skb->len;
	dev_kfree_skb(skb);
	return NETDEV_TX_OK;
}

static int netdev_open(struct net_device *dev)
{
	struct netdev_priv *priv = netdev_priv(dev);

	priv->self = dev;
	priv->open = 1;
	return 0;
}

static void netdev_get_drvinfo(struct net_device *dev, struct ethtool_drvinfo *info)
{
	info->n_stats = 1;
}

static const struct net_device_ops ops = { .ndo_open = netdev_open, .ndo_start_xmit = netdev_xmit };
static const struct ethtool_ops ethtool = { .get_drvinfo = netdev_get_drvinfo };
static struct net_device *device;

static void netdev_setup(struct net_device *dev)
{
	ether_setup(dev);
	dev->netdev_ops = &ops;
	dev->ethtool_ops = &ethtool;
}

static int __init netdev_init(void)
{
	int err;

	device = alloc_netdev(sizeof(struct netdev_priv), "demo%d", NET_NAME_UNKNOWN, netdev_setup);
	if (!device)
		return -ENOMEM;
	err = register_netdev(device);
	if (err)
		free_netdev(device);
	return err;
}

static void __exit netdev_exit(void)
{
	unregister_netdev(device);
	free_netdev(device);
}

module_init(netdev_init);
module_exit(netdev_exit);
MODULE_LICENSE("GPL");
