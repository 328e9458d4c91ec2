/* An encoder on btfkinds alone, with a kind that no reader has heard of.
 *
 * usage: encoder FOLDER
 *
 * It writes into the folder:
 *   types.btf       types of all released kinds
 *   plain.btf       the same, described
 *   gadget.btf      they as well, with types of a made-up kind 42; the descriptions come first
 *   base.btf        a base with some of the types
 *   rebased.btf     types.btf, split on the base: what the base has is the base's
 *   renumbered.btf  types.btf as it is, moved behind the base
 *   portable.btf    types.btf for kernels that relocate BTF, split on
 *   portable.base   this, which belongs into .BTF.base
 *
 * cc encoder.c $(pkg-config --cflags --libs btfkinds)
 */
#include <btfkinds.h>
#include <stdio.h>
#include <stdlib.h>

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

static const char *folder;

/* Says what went wrong, and ends the program: an encoder has nothing better to do. */
static void check(btfkinds_error *err)
{
	if (!err)
		return;
	fprintf(stderr, "encoder: %s\n", btfkinds_error_message(err));
	if (btfkinds_error_help(err))
		fprintf(stderr, "help: %s\n", btfkinds_error_help(err));
	btfkinds_error_free(err);
	exit(1);
}

static void save(const char *name, const btfkinds_btf *btf)
{
	char path[4096];
	btfkinds_error *err;
	size_t len;
	const void *data = btfkinds_raw_data(btf, &len, &err);
	FILE *file;

	check(err);
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "wb");
	if (!file || fwrite(data, 1, len, file) != len || fclose(file) != 0) {
		perror(path);
		exit(1);
	}
	printf("%s: %u types, %zu bytes of strings\n", name, btfkinds_type_count(btf) - btfkinds_first_id(btf),
		btfkinds_string_len(btf));
}

/* A call that gives an id, and ends the program if it fails. */
#define ADD(what, ...) add_ok(btfkinds_add_##what(btf, __VA_ARGS__, &err), &err)

static uint32_t add_ok(int id, btfkinds_error **err)
{
	check(*err);
	return (uint32_t)id;
}

/* Types of every released kind. */
static void add_types(btfkinds_btf *btf)
{
	btfkinds_error *err;
	uint32_t i = ADD(int, "int", 4, BTFKINDS_ENCODING_SIGNED);
	uint32_t u = ADD(int, "unsigned int", 4, BTFKINDS_ENCODING_UNSIGNED);
	uint32_t c = ADD(int, "char", 1, BTFKINDS_ENCODING_SIGNED);
	uint32_t text = ADD(array, c, u, 16);
	uint32_t real = ADD(float, "double", 8);
	uint32_t hidden = ADD(fwd, "hidden", 0);
	uint32_t to_hidden = ADD(ptr, hidden);
	btfkinds_member either[] = {{.name = "number", .type_id = i}, {.name = "real", .type_id = real}};
	uint32_t value = ADD(union, NULL, 8, either, LEN(either));
	btfkinds_enum_value colours[] = {{"RED", -1}, {"GREEN", 2}};
	uint32_t colour = ADD(enum, "colour", 4, 1, colours, LEN(colours));
	btfkinds_enum_value bits[] = {{"LOW", 1}, {"HIGH", INT64_MIN}};
	uint32_t flags = ADD(enum64, "flags", 8, 0, bits, LEN(bits));
	btfkinds_member members[] = {
		{.name = "ready", .type_id = u, .bits_offset = 0, .bitfield_size = 1},
		{.name = "level", .type_id = u, .bits_offset = 1, .bitfield_size = 5},
		{.name = "colour", .type_id = colour, .bits_offset = 32},
		{.name = NULL, .type_id = value, .bits_offset = 64},
		{.name = "flags", .type_id = flags, .bits_offset = 128},
		{.name = "text", .type_id = text, .bits_offset = 192},
		{.name = "hidden", .type_id = to_hidden, .bits_offset = 320},
	};
	uint32_t lamp = ADD(struct, "lamp", 48, members, LEN(members));
	uint32_t lamp_t = ADD(typedef, "lamp_t", lamp);
	uint32_t constant = ADD(const, lamp_t);
	uint32_t user = ADD(type_tag, "user", constant);
	uint32_t to_lamp = ADD(ptr, user);
	uint32_t only = ADD(restrict, to_lamp);
	uint32_t now = ADD(volatile, i);
	btfkinds_param params[] = {{.name = "lamp", .type_id = only}, {.name = "format", .type_id = i}};
	uint32_t proto = ADD(func_proto, i, params, LEN(params), 1);
	uint32_t func = ADD(func, "lamp_print", proto, BTFKINDS_LINKAGE_GLOBAL);
	uint32_t count = ADD(var, "lamps", now, BTFKINDS_LINKAGE_GLOBAL);
	uint32_t one = ADD(var, "the_lamp", lamp, BTFKINDS_LINKAGE_STATIC);
	btfkinds_section_var vars[] = {{count, 0, 4}, {one, 8, 48}};

	ADD(datasec, ".bss", 56, vars, LEN(vars));
	ADD(decl_tag, "kfunc", func, -1);
	ADD(decl_tag, "secret", lamp, 6);
	btfkinds_check_references(btf, &err);
	check(err);
}

/* Kind 42, as its author would state it. */
static const char gadget[] = "kind 42 GADGET\n"
	"third id               # what it is made of\n"
	"fixed weight:s32\n"
	"elements name_off:str type:id amount\n";

/* Descriptions first: a reader that goes through the types once knows kind 42 before it meets one. */
static btfkinds_btf *with_gadgets(void)
{
	const char *kinds[] = {gadget};
	btfkinds_error *err;
	void *data;
	size_t len;
	btfkinds_btf *btf;
	btfkinds_new_type new = {.size = sizeof(new), .name = "torch", .kind = 42, .vlen = 2};
	uint32_t words[7];
	int lamp, name;

	btfkinds_descriptions(NULL, kinds, LEN(kinds), &data, &len, &err);
	check(err);
	btf = btfkinds_parse(data, len, NULL, &err);
	check(err);
	btfkinds_free_bytes(data);
	btfkinds_add_kind(btf, gadget, &err);
	check(err);
	add_types(btf);

	lamp = btfkinds_find(btf, 4, "lamp", &err);
	check(err);
	words[0] = (uint32_t)-12;
	for (size_t part = 0; part < 2; part++) {
		name = btfkinds_intern(btf, part ? "battery" : "bulb", &err);
		check(err);
		words[1 + 3 * part] = (uint32_t)name;
		words[2 + 3 * part] = (uint32_t)lamp;
		words[3 + 3 * part] = 1 + (uint32_t)part;
	}
	new.size_or_type = (uint32_t)lamp;
	new.words = words;
	new.words_len = LEN(words);
	btfkinds_add_type(btf, &new, &err);
	check(err);
	/* Nothing is missing, so this adds nothing; an encoder need not know that. */
	btfkinds_describe(btf, NULL, NULL, &err);
	check(err);
	return btf;
}

int main(int argc, char **argv)
{
	btfkinds_describe_options all = {.size = sizeof(all), .select = BTFKINDS_SELECT_ALL};
	btfkinds_btf *plain, *gadgets, *base, *rebased, *renumbered, *portable, *tiny;
	btfkinds_base_index *index;
	btfkinds_moved *moved;
	btfkinds_error *err;
	const char *own[] = {"lamp_print"};

	if (argc != 2) {
		fprintf(stderr, "usage: encoder FOLDER\n");
		return 2;
	}
	folder = argv[1];
	plain = btfkinds_new(&err);
	check(err);
	add_types(plain);
	save("types.btf", plain);

	/* The base: some of the types, and the descriptions. */
	base = btfkinds_new(&err);
	check(err);
	{
		btfkinds_btf *btf = base;
		uint32_t real = ADD(float, "double", 8);
		uint32_t i = ADD(int, "int", 4, BTFKINDS_ENCODING_SIGNED);
		btfkinds_member either[] = {{.name = "number", .type_id = i}, {.name = "real", .type_id = real}};

		ADD(union, NULL, 8, either, LEN(either));
	}
	btfkinds_describe(base, &all, NULL, &err);
	check(err);
	save("base.btf", base);

	index = btfkinds_base_index_new(base, &err);
	check(err);
	moved = btfkinds_rebase(index, plain, own, LEN(own), &err);
	check(err);
	rebased = btfkinds_moved_btf(moved, &err);
	check(err);
	printf("rebased: %zu types are the base's, %zu its own; [1] is [%d] now\n",
		btfkinds_moved_of_base(moved), btfkinds_moved_own(moved), btfkinds_moved_id(moved, 1));
	save("rebased.btf", rebased);

	renumbered = btfkinds_renumber(plain, base, &err);
	check(err);
	save("renumbered.btf", renumbered);
	portable = btfkinds_renumber_portable(plain, &err);
	check(err);
	tiny = btfkinds_base(portable, &err);
	check(err);
	save("portable.btf", portable);
	save("portable.base", tiny);

	btfkinds_describe(plain, &all, NULL, &err);
	check(err);
	save("plain.btf", plain);
	gadgets = with_gadgets();
	save("gadget.btf", gadgets);

	btfkinds_moved_free(moved);
	btfkinds_base_index_free(index);
	btfkinds_free(plain);
	btfkinds_free(gadgets);
	btfkinds_free(base);
	btfkinds_free(rebased);
	btfkinds_free(renumbered);
	btfkinds_free(portable);
	btfkinds_free(tiny);
	return 0;
}
