// SPDX-License-Identifier: GPL-2.0
// Timers and work, embedded in a struct of the module.
#include <linux/hrtimer.h>
#include <linux/module.h>
#include <linux/timer.h>
#include <linux/workqueue.h>

struct timers_state {
	struct timer_list timer;
	struct hrtimer precise;
	struct delayed_work work;
	void (*notify)(struct timers_state *state, ktime_t when);
	ktime_t last[4];
};

static struct timers_state state;

static void timers_notify(struct timers_state *s, ktime_t when)
{
	s->last[0] = when;
}

static void timers_tick(struct timer_list *timer)
{
	struct timers_state *s = container_of(timer, struct timers_state, timer);

	s->notify(s, ktime_get());
}

static enum hrtimer_restart timers_precise(struct hrtimer *timer)
{
	return HRTIMER_NORESTART;
}

static void timers_work(struct work_struct *work)
{
	struct delayed_work *delayed = to_delayed_work(work);

	container_of(delayed, struct timers_state, work)->last[1] = 0;
}

static int __init timers_init(void)
{
	state.notify = timers_notify;
	timer_setup(&state.timer, timers_tick, 0);
	hrtimer_init(&state.precise, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	state.precise.function = timers_precise;
	INIT_DELAYED_WORK(&state.work, timers_work);
	return 0;
}

static void __exit timers_exit(void)
{
	del_timer_sync(&state.timer);
	cancel_delayed_work_sync(&state.work);
}

module_init(timers_init);
module_exit(timers_exit);
MODULE_LICENSE("GPL");
