// SPDX-License-Identifier: GPL-2.0
// Files in /proc: seq_file, inodes, file operations.
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>

typedef int (*files_show_t)(struct seq_file *, void *);

struct files_table {
	const char *name;
	files_show_t show[2];
	struct proc_dir_entry *entry;
	struct super_block *sb;
};

static struct files_table table;

static int files_show(struct seq_file *m, void *v)
{
	struct files_table *t = m->private;

	t->sb = file_inode(m->file)->i_sb;
	seq_printf(m, "%s\n", t->name);
	return 0;
}

static int __init files_start(void)
{
	table.name = "files";
	table.show[0] = files_show;
	table.entry = proc_create_single_data("files-demo", 0444, NULL, files_show, &table);
	return table.entry ? 0 : -ENOMEM;
}

static void __exit files_stop(void)
{
	proc_remove(table.entry);
}

module_init(files_start);
module_exit(files_stop);
MODULE_LICENSE("GPL");
