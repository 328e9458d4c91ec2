// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The peer in benches/encode.sh: describes the 19 released BTF kinds in a raw BTF file through libbpf's API, in the
 * shape posted to the bpf list in November 2022 (sizes only, no word classes; INT without its word).
 * It always appends, so it is meant for BTF that is not described yet.
 *
 * usage: libbpf_encode IN OUT
 */
#include <bpf/btf.h>
#include <errno.h>
#include <linux/btf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What follows the 12-byte header of a kind: words once (fixed) or vlen times. */
static const struct kind {
	const char *name;
	int fixed;
	const char *words[3];
} kinds[NR_BTF_KINDS] = {
	[BTF_KIND_INT] = { .name = "INT" },
	[BTF_KIND_PTR] = { .name = "PTR" },
	[BTF_KIND_ARRAY] = { .name = "ARRAY", .fixed = 1, .words = { "type", "index_type", "nelems" } },
	[BTF_KIND_STRUCT] = { .name = "STRUCT", .words = { "name_off", "type", "offset" } },
	[BTF_KIND_UNION] = { .name = "UNION", .words = { "name_off", "type", "offset" } },
	[BTF_KIND_ENUM] = { .name = "ENUM", .words = { "name_off", "val" } },
	[BTF_KIND_FWD] = { .name = "FWD" },
	[BTF_KIND_TYPEDEF] = { .name = "TYPEDEF" },
	[BTF_KIND_VOLATILE] = { .name = "VOLATILE" },
	[BTF_KIND_CONST] = { .name = "CONST" },
	[BTF_KIND_RESTRICT] = { .name = "RESTRICT" },
	[BTF_KIND_FUNC] = { .name = "FUNC" },
	[BTF_KIND_FUNC_PROTO] = { .name = "FUNC_PROTO", .words = { "name_off", "type" } },
	[BTF_KIND_VAR] = { .name = "VAR", .fixed = 1, .words = { "linkage" } },
	[BTF_KIND_DATASEC] = { .name = "DATASEC", .words = { "type", "offset", "size" } },
	[BTF_KIND_FLOAT] = { .name = "FLOAT" },
	[BTF_KIND_DECL_TAG] = { .name = "DECL_TAG", .fixed = 1, .words = { "component_idx" } },
	[BTF_KIND_TYPE_TAG] = { .name = "TYPE_TAG" },
	[BTF_KIND_ENUM64] = { .name = "ENUM64", .words = { "name_off", "val_lo32", "val_hi32" } },
};

static void die(const char *what)
{
	fprintf(stderr, "libbpf_encode: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* libbpf returns the new id, or a negative error number, which it also leaves in errno. */
static int ok(int id)
{
	if (id < 0)
		die("adding a type");
	return id;
}

/* The id of __u32; added where the input has none. */
static int find_u32(struct btf *btf)
{
	int id = btf__find_by_name_kind(btf, "__u32", BTF_KIND_TYPEDEF);

	if (id > 0)
		return id;
	id = btf__find_by_name_kind(btf, "unsigned int", BTF_KIND_INT);
	if (id < 0)
		id = ok(btf__add_int(btf, "unsigned int", 4, 0));
	return ok(btf__add_typedef(btf, "__u32", id));
}

/* struct __btf_type, what all records begin with. */
static int add_header(struct btf *btf, int u32)
{
	int third = ok(btf__add_union(btf, NULL, 4)), id;

	ok(btf__add_field(btf, "size", u32, 0, 0));
	ok(btf__add_field(btf, "type", u32, 0, 0));
	id = ok(btf__add_struct(btf, "__btf_type", 12));
	ok(btf__add_field(btf, "name_off", u32, 0, 0));
	ok(btf__add_field(btf, "info", u32, 32, 0));
	ok(btf__add_field(btf, NULL, third, 64, 0));
	return id;
}

static void add_kind(struct btf *btf, int n, int u32, int index, int header)
{
	const struct kind *kind = &kinds[n];
	int words = 0, meta = 0, id;
	char name[64];

	while (words < 3 && kind->words[words])
		words++;
	if (words) {
		snprintf(name, sizeof(name), "__BTF_KIND_META_%s", kind->name);
		id = ok(btf__add_struct(btf, name, 4 * words));
		for (int i = 0; i < words; i++)
			ok(btf__add_field(btf, kind->words[i], u32, 32 * i, 0));
		meta = ok(btf__add_array(btf, index, id, kind->fixed));
	}
	snprintf(name, sizeof(name), "__BTF_KIND_%s", kind->name);
	id = ok(btf__add_struct(btf, name, 12 + 4 * words * kind->fixed));
	ok(btf__add_field(btf, "type", header, 0, 0));
	if (meta)
		ok(btf__add_field(btf, "meta", meta, 96, 0));
	snprintf(name, sizeof(name), "__BTF_KIND_%d", n);
	ok(btf__add_typedef(btf, name, id));
}

int main(int argc, char **argv)
{
	int u32, index, header;
	const void *data;
	struct btf *btf;
	__u32 size;
	FILE *out;

	if (argc != 3) {
		fprintf(stderr, "usage: libbpf_encode IN OUT\n");
		return 2;
	}
	btf = btf__parse_raw(argv[1]);
	if (!btf)
		die(argv[1]);

	u32 = find_u32(btf);
	index = ok(btf__resolve_type(btf, u32)); /* the INT itself, as compilers have it */
	header = add_header(btf, u32);
	for (int n = 1; n < NR_BTF_KINDS; n++)
		if (kinds[n].name) /* a newer linux/btf.h may have more kinds than our table */
			add_kind(btf, n, u32, index, header);

	data = btf__raw_data(btf, &size);
	if (!data)
		die("btf__raw_data");
	out = fopen(argv[2], "wb");
	if (!out || fwrite(data, 1, size, out) != size || fclose(out))
		die(argv[2]);
	btf__free(btf);
	return 0;
}
