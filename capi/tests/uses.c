/* What the examples have no use for, used as it is meant. valgrind sees to the rest. */
#include <btfkinds.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEN(array) (sizeof(array) / sizeof((array)[0]))
#define CHECK(what) check(!!(what), #what, __LINE__)

static void check(int is, const char *what, int line)
{
	if (!is) {
		fprintf(stderr, "uses.c:%d: %s\n", line, what);
		abort();
	}
}

/* A number from a call that must not fail. */
#define NUM(...) (number = (__VA_ARGS__), check_call(err, __LINE__), (uint32_t)number)

static btfkinds_error *err;
static int number;

static void check_call(btfkinds_error *what, int line)
{
	if (what) {
		fprintf(stderr, "uses.c:%d: %s\n", line, btfkinds_error_message(what));
		abort();
	}
}

static btfkinds_btf *btf_of(btfkinds_btf *result)
{
	check_call(err, 0);
	CHECK(result != NULL);
	return result;
}

static const char gadget[] = "kind 42 GADGET\nthird id\nfixed weight:s32\nelements part:str of:id\n";

/* A gadget with one part, both of type `of`. */
static uint32_t add_gadget(btfkinds_btf *btf, const char *name, uint32_t of)
{
	uint32_t words[3];
	btfkinds_new_type new = {.size = sizeof(new), .name = name, .kind = 42, .vlen = 1};

	NUM(btfkinds_add_kind(btf, gadget, &err));
	words[0] = (uint32_t)-5;
	words[1] = NUM(btfkinds_intern(btf, "part_name", &err));
	words[2] = of;
	new.size_or_type = of;
	new.words = words;
	new.words_len = LEN(words);
	return NUM(btfkinds_add_type(btf, &new, &err));
}

static btfkinds_type type_of(const btfkinds_btf *btf, uint32_t id)
{
	btfkinds_type type = {.size = sizeof(type)};

	NUM(btfkinds_type_by_id(btf, id, &type, &err));
	return type;
}

/* Without a description an error says which kind it is; with the caller's words it can be read. */
static void unknown_kind(void)
{
	btfkinds_btf *btf = btf_of(btfkinds_new(&err)), *again;
	const char *kinds[] = {gadget};
	btfkinds_parse_options options = {.size = sizeof(options), .kinds = kinds, .kinds_len = 1};
	const btfkinds_kind *kind;
	btfkinds_type type;
	const void *data;
	size_t len;

	NUM(btfkinds_add_int(btf, "int", 4, BTFKINDS_ENCODING_SIGNED, &err));
	CHECK(add_gadget(btf, "lamp", 1) == 2);
	data = btfkinds_raw_data(btf, &len, &err);
	CHECK(data && !btfkinds_parse(data, len, NULL, &err));
	CHECK(btfkinds_error_status(err) == BTFKINDS_STATUS_UNKNOWN_KIND);
	CHECK(btfkinds_error_kind(err) == 42 && btfkinds_error_type_id(err) == 2);
	CHECK(btfkinds_error_offset(err) == 24 + 16 && btfkinds_error_help(err));
	CHECK(strstr(btfkinds_error_message(err), "lamp"));
	btfkinds_error_free(err);

	again = btf_of(btfkinds_parse(data, len, &options, &err));
	kind = btfkinds_kind_by_number(again, 42);
	CHECK(kind && kind->source == BTFKINDS_SOURCE_GIVEN && kind->classes_known == 1);
	CHECK(kind->third == BTFKINDS_THIRD_ID && !kind->since && !strcmp(kind->name, "GADGET"));
	CHECK(kind->fixed_len == 1 && kind->fixed[0].word_class == BTFKINDS_WORD_CLASS_S32);
	CHECK(kind->elements_len == 2 && !strcmp(kind->elements[1].name, "of"));
	type = type_of(again, 2);
	CHECK(type.words_len == 6 && type.kind_info == kind && type.vlen == 1);
	CHECK(btfkinds_word_class_at(kind, 0) == BTFKINDS_WORD_CLASS_STR);
	CHECK(btfkinds_word_class_at(kind, 4) == BTFKINDS_WORD_CLASS_STR);
	CHECK(btfkinds_word_class_at(kind, 9) == BTFKINDS_WORD_CLASS_ID);
	CHECK(!strcmp(btfkinds_string(again, type.words[4]), "part_name"));
	kind = btfkinds_kind_by_number(again, 17);
	CHECK(kind && !strcmp(kind->name, "DECL_TAG") && !strcmp(kind->since, "5.16"));
	btfkinds_free(again);
	btfkinds_free(btf);
}

/* Descriptions go to the front of a base: what is split on it has to follow. */
static void base_grows(void)
{
	btfkinds_btf *base = btf_of(btfkinds_new(&err)), *split, *moved;
	btfkinds_describe_options front = {.size = sizeof(front), .place = BTFKINDS_PLACE_FRONT};
	btfkinds_described done = {.size = sizeof(done)};
	uint32_t lamp, torch;
	btfkinds_type type;

	NUM(btfkinds_add_int(base, "int", 4, BTFKINDS_ENCODING_SIGNED, &err));
	lamp = add_gadget(base, "lamp", 1);
	split = btf_of(btfkinds_new_split(base, &err));
	torch = add_gadget(split, "torch", lamp);
	NUM(btfkinds_describe(base, &front, &done, &err));
	CHECK(done.kinds == 20 && done.first_id == lamp && done.shift.ids_from == lamp);
	CHECK(done.shift.ids_by == done.types && done.without_classes == 0);
	CHECK(!strcmp(type_of(base, lamp + done.types).name, "lamp"));
	moved = btf_of(btfkinds_follow_base(split, &done.shift, base, &err));
	type = type_of(moved, torch + done.types);
	CHECK(!strcmp(type.name, "torch") && !strcmp(type.kind_name, "GADGET"));
	CHECK(type.size_or_type == lamp + done.types && type.words[5] == lamp + done.types);
	CHECK(!strcmp(btfkinds_string(moved, type.words[4]), "part_name"));
	NUM(btfkinds_check_base(moved, &err));
	/* What was there before is as it was. */
	CHECK(type_of(split, torch).size_or_type == lamp);
	CHECK(btfkinds_first_id(split) == torch);
	btfkinds_free(moved);
	btfkinds_free(split);
	btfkinds_free(base);
}

/* struct task { int pid, prio, cpu, <last>; }; int look(struct task *task); */
static btfkinds_btf *task(const char *last)
{
	btfkinds_btf *btf = btf_of(btfkinds_new(&err));
	uint32_t i = NUM(btfkinds_add_int(btf, "int", 4, BTFKINDS_ENCODING_SIGNED, &err));
	btfkinds_member members[] = {
		{.name = "pid", .type_id = i},
		{.name = "prio", .type_id = i, .bits_offset = 32},
		{.name = "cpu", .type_id = i, .bits_offset = 64},
		{.name = last, .type_id = i, .bits_offset = 96},
	};
	uint32_t id = NUM(btfkinds_add_struct(btf, "task", 16, members, LEN(members), &err));
	uint32_t pointer = NUM(btfkinds_add_ptr(btf, id, &err));
	btfkinds_param param = {.name = "task", .type_id = pointer};
	uint32_t proto = NUM(btfkinds_add_func_proto(btf, i, &param, 1, 0, &err));

	NUM(btfkinds_add_func(btf, "look", proto, BTFKINDS_LINKAGE_STATIC, &err));
	return btf;
}

static void near_misses(const btfkinds_base_index *index)
{
	btfkinds_btf *other = task("node");
	btfkinds_moved *moved = btfkinds_rebase(index, other, NULL, 0, &err);
	btfkinds_near_misses *misses;
	btfkinds_near_miss miss = {.size = sizeof(miss)};
	int found = 0;

	check_call(err, __LINE__);
	misses = btfkinds_near_misses_new(index, moved, &err);
	check_call(err, __LINE__);
	for (size_t at = 0; at < btfkinds_near_misses_len(misses); at++) {
		NUM(btfkinds_near_misses_get(misses, at, &miss, &err));
		if (miss.kind == 4 && !strcmp(miss.name, "task")) {
			found++;
			CHECK(miss.own_size == 16 && miss.base_size == 16 && miss.own_id == 2);
			CHECK(strstr(miss.own_text, "node") && !strstr(miss.own_text, "load"));
			CHECK(strstr(miss.base_text, "load") && strstr(miss.reached, "look"));
		}
	}
	CHECK(found == 1);
	btfkinds_near_misses_free(misses);
	btfkinds_moved_free(moved);
	btfkinds_free(other);
}

static void rebased(void)
{
	btfkinds_btf *base = task("load"), *module = task("load"), *btf, *distilled, *own_base, *back;
	btfkinds_origin origin = {.size = sizeof(origin)};
	btfkinds_parse_options options = {.size = sizeof(options), .base = base};
	const char *own[] = {"look"};
	btfkinds_base_index *index;
	btfkinds_moved *moved, *portable, *flat;
	const void *data, *other;
	size_t len, other_len;
	uint32_t root = 3;

	index = btfkinds_base_index_new(base, &err);
	check_call(err, __LINE__);
	moved = btfkinds_rebase(index, module, own, LEN(own), &err);
	check_call(err, __LINE__);
	CHECK(btfkinds_moved_of_base(moved) == 4 && btfkinds_moved_own(moved) == 1);
	CHECK(btfkinds_moved_id(moved, 2) == 2 && btfkinds_moved_id(moved, 5) == 6);
	CHECK(btfkinds_moved_id(moved, 99) == -1);
	btf = btf_of(btfkinds_moved_btf(moved, &err));
	CHECK(btfkinds_is_numbered_for(btf, base) && !btfkinds_is_numbered_for(module, base));
	data = btfkinds_raw_data(btf, &len, &err);
	CHECK(btfkinds_origin_of(data, len, &origin, &err) == 1 && origin.base_types == 6);
	CHECK(btfkinds_numbering_of(data, len, NULL, &err) == BTFKINDS_NUMBERING_SPLIT_BY_ORIGIN);
	CHECK(!btfkinds_numbering_is_standalone(BTFKINDS_NUMBERING_SPLIT_BY_ORIGIN));
	CHECK(btfkinds_numbering_is_standalone(BTFKINDS_NUMBERING_STANDALONE_BY_REFERENCES));
	CHECK(!btfkinds_parse_as_it_is(data, len, NULL, &err));
	CHECK(btfkinds_error_status(err) == BTFKINDS_STATUS_BASE);
	btfkinds_error_free(err);
	btfkinds_free(btf_of(btfkinds_parse_as_it_is(data, len, &options, &err)));
	options.told = BTFKINDS_TOLD_STANDALONE;
	CHECK(btfkinds_numbering_of(data, len, &options, &err) == BTFKINDS_NUMBERING_STANDALONE_TOLD);

	/* To a base of its own, and back from there. */
	portable = btfkinds_distill(btf, NULL, 0, &err);
	check_call(err, __LINE__);
	distilled = btf_of(btfkinds_moved_btf(portable, &err));
	own_base = btf_of(btfkinds_base(distilled, &err));
	CHECK(btfkinds_base(own_base, &err) == NULL && err == NULL);
	CHECK(btfkinds_find(own_base, 4, "task", &err) > 0);
	CHECK(btfkinds_is_numbered_for(distilled, own_base));
	back = btf_of(btfkinds_relocate(distilled, base, &err));
	CHECK(btfkinds_is_numbered_for(back, base) && btfkinds_find(back, 12, "look", &err) == 5);
	btfkinds_free(back);

	/* Standalone again, with one type more than it needs. */
	flat = btfkinds_flatten(btf, &root, 1, &err);
	check_call(err, __LINE__);
	CHECK(btfkinds_moved_own(flat) == 5 && btfkinds_moved_id(flat, root) == 3);
	back = btf_of(btfkinds_moved_btf(flat, &err));
	other = btfkinds_raw_data(back, &other_len, &err);
	CHECK(btfkinds_numbering_of(other, other_len, NULL, &err) == BTFKINDS_NUMBERING_STANDALONE_BY_ORIGIN);
	btfkinds_free(back);

	near_misses(index);
	btfkinds_moved_free(flat);
	btfkinds_moved_free(portable);
	btfkinds_moved_free(moved);
	btfkinds_base_index_free(index);
	btfkinds_free(own_base);
	btfkinds_free(distilled);
	btfkinds_free(btf);
	btfkinds_free(module);
	btfkinds_free(base);
}

/* Descriptions of some kinds, before there is anything else. */
static void descriptions(void)
{
	btfkinds_describe_options newer = {.size = sizeof(newer), .newer_than = "5.13"};
	const char *kinds[] = {gadget, "kind 43 GIZMO\nthird unused\nelements a:id\n"};
	btfkinds_btf *btf;
	char name[32];
	void *data;
	size_t len;

	NUM(btfkinds_descriptions(&newer, kinds, LEN(kinds), &data, &len, &err));
	btf = btf_of(btfkinds_parse(data, len, NULL, &err));
	btfkinds_free_bytes(data);
	for (int kind = 1; kind < 128; kind++) {
		int there = (kind >= 17 && kind <= 19) || kind == 42 || kind == 43;

		snprintf(name, sizeof(name), "__BTF_KIND_%d", kind);
		CHECK((btfkinds_find(btf, 8, name, &err) > 0) == there);
	}
	CHECK(btfkinds_find(btf, 8, "__BTF_SIZES_42_4_8", &err) > 0);
	CHECK(btfkinds_find(btf, 42, "", &err) == 0);
	/* Types of these kinds can be added now, and are read without anybody's help. */
	add_gadget(btf, "lamp", 1);
	CHECK(btfkinds_raw_data(btf, &len, &err));
	{
		btfkinds_btf *again = btf_of(btfkinds_parse(btfkinds_raw_data(btf, &len, NULL), len, NULL, &err));
		btfkinds_type type = type_of(again, btfkinds_type_count(again) - 1);

		CHECK(!strcmp(type.kind_name, "GADGET"));
		CHECK(type.kind_info->source == BTFKINDS_SOURCE_DESCRIPTION);
		btfkinds_free(again);
	}
	newer.origin = 1;
	CHECK(btfkinds_descriptions(&newer, NULL, 0, &data, &len, NULL) == BTFKINDS_STATUS_ARGUMENT);
	NUM(btfkinds_describe(btf, &newer, NULL, &err));
	CHECK(!strcmp(type_of(btf, btfkinds_type_count(btf) - 1).name, "__BTF_ORIGIN"));
	btfkinds_free(btf);
}

int main(void)
{
	char version[32];

	snprintf(version, sizeof(version), "%d.%d.%d", BTFKINDS_VERSION_MAJOR, BTFKINDS_VERSION_MINOR,
		 BTFKINDS_VERSION_PATCH);
	CHECK(!strcmp(version, btfkinds_version()));
	unknown_kind();
	base_grows();
	rebased();
	descriptions();
	puts("fine");
	return 0;
}
