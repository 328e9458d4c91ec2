// The types of types.c, built with libbpf and written to a file.
#include <bpf/btf.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	struct btf *btf = btf__new_empty();
	int int_id = btf__add_int(btf, "int", 4, BTF_INT_SIGNED);
	int uint = btf__add_int(btf, "unsigned int", 4, 0);
	int ull = btf__add_int(btf, "unsigned long long", 8, 0);
	int chr = btf__add_int(btf, "char", 1, BTF_INT_SIGNED);
	int shrt = btf__add_int(btf, "short", 2, BTF_INT_SIGNED);
	int boolean = btf__add_int(btf, "_Bool", 1, BTF_INT_BOOL);
	int index = btf__add_int(btf, "__ARRAY_SIZE_TYPE__", 4, 0);
	int dbl = btf__add_float(btf, "double", 8);
	int flt = btf__add_float(btf, "float", 4);
	int u32_id = btf__add_typedef(btf, "u32", uint);
	int u64_id = btf__add_typedef(btf, "u64", ull);
	int err = 0;

	int color = btf__add_enum(btf, "color", 4);
	err |= btf__add_enum_value(btf, "RED", 0);
	err |= btf__add_enum_value(btf, "GREEN", 5);
	err |= btf__add_enum_value(btf, "BLUE", 0x7fffffff);
	int sign = btf__add_enum(btf, "sign", 4);
	err |= btf__add_enum_value(btf, "MINUS", -1);
	err |= btf__add_enum_value(btf, "PLUS", 1);

	int opaque = btf__add_fwd(btf, "opaque", BTF_FWD_STRUCT);
	int shape = btf__add_fwd(btf, "shape", BTF_FWD_UNION);

	int flags = btf__add_struct(btf, "flags", 4);
	err |= btf__add_field(btf, "ready", uint, 0, 1);
	err |= btf__add_field(btf, "level", uint, 1, 7);
	err |= btf__add_field(btf, "delta", int_id, 8, 12);

	int point = btf__add_struct(btf, "point", 8);
	err |= btf__add_field(btf, "x", int_id, 0, 0);
	err |= btf__add_field(btf, "y", int_id, 32, 0);

	int text = btf__add_array(btf, index, chr, 16);
	int value = btf__add_union(btf, "value", 16);
	err |= btf__add_field(btf, "number", u64_id, 0, 0);
	err |= btf__add_field(btf, "real", dbl, 0, 0);
	err |= btf__add_field(btf, "at", point, 0, 0);
	err |= btf__add_field(btf, "text", text, 0, 0);

	int halves = btf__add_struct(btf, NULL, 4);
	err |= btf__add_field(btf, "low", shrt, 0, 0);
	err |= btf__add_field(btf, "high", shrt, 16, 0);

	// What the node needs comes before it, the pointers to it are to an id that comes soon.
	int next_id = btf__type_cnt(btf), node = next_id + 8;
	int to_node = btf__add_ptr(btf, node);
	int const_opaque = btf__add_const(btf, opaque);
	int to_opaque = btf__add_ptr(btf, const_opaque);
	int to_shape = btf__add_ptr(btf, shape);
	int state = btf__add_volatile(btf, u32_id);
	int path = btf__add_array(btf, index, point, 3);
	int proto = btf__add_func_proto(btf, int_id);
	err |= btf__add_func_param(btf, "", to_node);
	err |= btf__add_func_param(btf, "", u64_id);
	int call = btf__add_ptr(btf, proto);

	if (btf__add_struct(btf, "node", 104) != node)
		return 1;
	err |= btf__add_field(btf, "next", to_node, 0, 0);
	err |= btf__add_field(btf, "opaque", to_opaque, 64, 0);
	err |= btf__add_field(btf, "shape", to_shape, 128, 0);
	err |= btf__add_field(btf, "state", state, 192, 0);
	err |= btf__add_field(btf, "flags", flags, 224, 0);
	err |= btf__add_field(btf, "value", value, 256, 0);
	err |= btf__add_field(btf, "call", call, 384, 0);
	err |= btf__add_field(btf, "color", color, 448, 0);
	err |= btf__add_field(btf, "sign", sign, 480, 0);
	err |= btf__add_field(btf, "", halves, 512, 0);
	err |= btf__add_field(btf, "path", path, 544, 0);
	err |= btf__add_field(btf, "weight", flt, 736, 0);
	err |= btf__add_field(btf, "done", boolean, 768, 0);

	int visit = btf__add_func_proto(btf, int_id);
	err |= btf__add_func_param(btf, "first", to_node);
	err |= btf__add_func_param(btf, "depth", u32_id);
	if (err || btf__add_func(btf, "visit", BTF_FUNC_GLOBAL, visit) < 0 || argc != 2)
		return 1;

	__u32 size;
	const void *bytes = btf__raw_data(btf, &size);
	FILE *out = fopen(argv[1], "wb");
	if (!bytes || !out || fwrite(bytes, size, 1, out) != 1 || fclose(out))
		return 1;
	btf__free(btf);
	return 0;
}
