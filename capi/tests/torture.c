/* What no caller should do: NULL everywhere, short buffers, numbers out of range, data that is cut off or
 * wrong. Each call must fail with an error; valgrind sees to the rest.
 *
 * usage: torture FILE.btf, a standalone blob that has types */
#include <btfkinds.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEN(array) (sizeof(array) / sizeof((array)[0]))
#define CHECK(what) check(!!(what), #what, __LINE__)

static void check(int is, const char *what, int line)
{
	if (!is) {
		fprintf(stderr, "torture.c:%d: %s\n", line, what);
		abort();
	}
}

static void check_error(btfkinds_error *err, int status, int line)
{
	check(err != NULL, "there is an error", line);
	check(btfkinds_error_status(err) < 0, "it has a status", line);
	check(status == 0 || btfkinds_error_status(err) == status, "it is the status returned", line);
	check(strlen(btfkinds_error_message(err)) > 5, "it has a message", line);
	btfkinds_error_free(err);
}

/* A call fails, whether somebody wants to know why or not. What the pointer was before does not matter. */
#define BAD(function, ...)                                             \
	do {                                                               \
		btfkinds_error *err_ = (btfkinds_error *)(void *)&err_;        \
		int status_ = function(__VA_ARGS__, &err_);                    \
		check(status_ < 0, #function " fails", __LINE__);              \
		check_error(err_, status_, __LINE__);                          \
		check(function(__VA_ARGS__, NULL) == status_, "so it is without err", __LINE__); \
	} while (0)

#define NONE(function, ...)                                            \
	do {                                                               \
		btfkinds_error *err_ = (btfkinds_error *)(void *)&err_;        \
		check(function(__VA_ARGS__, &err_) == NULL, #function " gives nothing", __LINE__); \
		check_error(err_, 0, __LINE__);                                \
		check(function(__VA_ARGS__, NULL) == NULL, "so it is without err", __LINE__); \
	} while (0)

#define GOOD(function, ...)                                            \
	do {                                                               \
		btfkinds_error *err_ = (btfkinds_error *)(void *)&err_;        \
		int status_ = function(__VA_ARGS__, &err_);                    \
		if (status_ < 0)                                               \
			fprintf(stderr, "%s\n", btfkinds_error_message(err_));     \
		check(status_ >= 0 && err_ == NULL, #function " does", __LINE__); \
	} while (0)

static char *data;
static size_t data_len;

static btfkinds_btf *parsed(void)
{
	btfkinds_error *err;
	btfkinds_btf *btf = btfkinds_parse(data, data_len, NULL, &err);

	CHECK(btf && !err);
	return btf;
}

static void nulls(void)
{
	void *out;
	size_t out_len;
	btfkinds_btf *btf = parsed();

	btfkinds_error_free(NULL);
	btfkinds_free(NULL);
	btfkinds_free_bytes(NULL);
	btfkinds_base_index_free(NULL);
	btfkinds_moved_free(NULL);
	btfkinds_near_misses_free(NULL);
	CHECK(btfkinds_error_status(NULL) == 0 && btfkinds_error_kind(NULL) == -1);
	CHECK(*btfkinds_error_message(NULL) == 0 && btfkinds_error_help(NULL) == NULL);
	CHECK(btfkinds_error_type_id(NULL) == 0 && btfkinds_error_offset(NULL) == -1);
	CHECK(btfkinds_raw_size(NULL) == 0 && btfkinds_type_count(NULL) == 0);
	CHECK(btfkinds_first_id(NULL) == 0 && btfkinds_string_len(NULL) == 0);
	CHECK(btfkinds_is_foreign_endian(NULL) == 0 && btfkinds_string(NULL, 0) == NULL);
	CHECK(btfkinds_kind_by_number(NULL, 1) == NULL && btfkinds_word_class_at(NULL, 0) < 0);
	CHECK(btfkinds_moved_id(NULL, 1) == -1 && btfkinds_moved_own(NULL) == 0);
	CHECK(btfkinds_moved_of_base(NULL) == 0 && btfkinds_near_misses_len(NULL) == 0);
	CHECK(btfkinds_is_numbered_for(NULL, btf) == 0 && btfkinds_is_numbered_for(btf, NULL) == 0);

	NONE(btfkinds_new_split, NULL);
	NONE(btfkinds_parse, NULL, 0, NULL);
	NONE(btfkinds_parse, NULL, 24, NULL);
	NONE(btfkinds_parse_as_it_is, NULL, 24, NULL);
	NONE(btfkinds_base, NULL);
	NONE(btfkinds_raw_data, NULL, &out_len);
	NONE(btfkinds_raw_data, btf, NULL);
	BAD(btfkinds_raw_copy, NULL, data, data_len);
	BAD(btfkinds_raw_copy, btf, NULL, data_len);
	BAD(btfkinds_raw_copy, btf, data, data_len - 1);
	BAD(btfkinds_find, NULL, 0, "int");
	BAD(btfkinds_find, btf, 0, NULL);
	BAD(btfkinds_intern, NULL, "x");
	BAD(btfkinds_add_kind, NULL, "kind 42 X\nthird id\n");
	BAD(btfkinds_add_kind, btf, NULL);
	BAD(btfkinds_check_references, NULL);
	BAD(btfkinds_check_base, NULL);
	BAD(btfkinds_type_by_id, NULL, 1, NULL);
	BAD(btfkinds_type_by_id, btf, 1, NULL);
	BAD(btfkinds_describe, NULL, NULL, NULL);
	BAD(btfkinds_describe_blob, NULL, 0, NULL, NULL, &out, &out_len, NULL);
	BAD(btfkinds_describe_blob, NULL, 99, NULL, NULL, &out, &out_len, NULL);
	BAD(btfkinds_describe_blob, data, data_len, NULL, NULL, NULL, &out_len, NULL);
	BAD(btfkinds_describe_blob, data, data_len, NULL, NULL, &out, NULL, NULL);
	BAD(btfkinds_descriptions, NULL, NULL, 0, NULL, NULL);
	BAD(btfkinds_descriptions, NULL, NULL, 1, &out, &out_len);
	BAD(btfkinds_add_type, NULL, NULL);
	BAD(btfkinds_add_type, btf, NULL);
	BAD(btfkinds_numbering_of, NULL, 24, NULL);
	BAD(btfkinds_origin_of, NULL, 24, NULL);
	NONE(btfkinds_renumber, NULL, btf);
	NONE(btfkinds_renumber, btf, NULL);
	NONE(btfkinds_renumber_portable, NULL);
	BAD(btfkinds_renumber_blob, NULL, 24, NULL, btf, &out, &out_len, NULL, NULL);
	BAD(btfkinds_renumber_blob, data, data_len, NULL, NULL, &out, &out_len, NULL, NULL);
	BAD(btfkinds_renumber_blob, data, data_len, NULL, btf, NULL, NULL, NULL, NULL);
	NONE(btfkinds_restore, NULL, 24, NULL);
	NONE(btfkinds_follow_base, NULL, NULL, NULL);
	NONE(btfkinds_follow_base, btf, NULL, btf);
	NONE(btfkinds_base_index_new, NULL);
	NONE(btfkinds_rebase, NULL, btf, NULL, 0);
	NONE(btfkinds_flatten, NULL, NULL, 0);
	NONE(btfkinds_flatten, btf, NULL, 1);
	NONE(btfkinds_distill, NULL, NULL, 0);
	NONE(btfkinds_distill, btf, NULL, 0);
	NONE(btfkinds_relocate, NULL, NULL);
	NONE(btfkinds_relocate, btf, btf);
	NONE(btfkinds_moved_btf, NULL);
	NONE(btfkinds_near_misses_new, NULL, NULL);
	BAD(btfkinds_near_misses_get, NULL, 0, NULL);

	BAD(btfkinds_add_int, NULL, "x", 4, 0);
	BAD(btfkinds_add_int, btf, NULL, 4, 0);
	BAD(btfkinds_add_float, NULL, "x", 4);
	BAD(btfkinds_add_float, btf, NULL, 4);
	BAD(btfkinds_add_ptr, NULL, 1);
	BAD(btfkinds_add_const, NULL, 1);
	BAD(btfkinds_add_volatile, NULL, 1);
	BAD(btfkinds_add_restrict, NULL, 1);
	BAD(btfkinds_add_typedef, NULL, "x", 1);
	BAD(btfkinds_add_typedef, btf, NULL, 1);
	BAD(btfkinds_add_type_tag, btf, NULL, 1);
	BAD(btfkinds_add_decl_tag, btf, NULL, 1, -1);
	BAD(btfkinds_add_array, NULL, 1, 1, 1);
	BAD(btfkinds_add_struct, NULL, "x", 1, NULL, 0);
	BAD(btfkinds_add_struct, btf, "x", 1, NULL, 1);
	BAD(btfkinds_add_union, btf, "x", 1, NULL, 1);
	BAD(btfkinds_add_enum, btf, "x", 4, 0, NULL, 1);
	BAD(btfkinds_add_enum64, btf, "x", 4, 0, NULL, 1);
	BAD(btfkinds_add_fwd, btf, NULL, 0);
	BAD(btfkinds_add_func_proto, btf, 1, NULL, 1, 0);
	BAD(btfkinds_add_func, btf, NULL, 1, 0);
	BAD(btfkinds_add_var, btf, NULL, 1, 0);
	BAD(btfkinds_add_datasec, btf, "x", 1, NULL, 1);
	CHECK(btfkinds_raw_size(btf) == data_len);
	btfkinds_free(btf);
}

static void out_of_range(void)
{
	btfkinds_btf *btf = parsed();
	btfkinds_member member = {.name = "m", .type_id = 1};
	btfkinds_enum_value value = {"v", -1}, unnamed = {NULL, 1};
	btfkinds_param param = {.name = "p", .type_id = 0};
	btfkinds_section_var var = {1, 4, 4};
	btfkinds_new_type new = {.size = sizeof(new), .name = "x", .kind = 200};
	const char latin1[] = "caf\xe9";
	uint32_t words[4] = {0};

	BAD(btfkinds_add_int, btf, "x", 3, 0);
	BAD(btfkinds_add_int, btf, "x", 4, 4);
	BAD(btfkinds_add_int, btf, latin1, 4, 0);
	BAD(btfkinds_add_float, btf, "x", 5);
	BAD(btfkinds_add_decl_tag, btf, "x", 1, -2);
	BAD(btfkinds_add_fwd, btf, "x", 2);
	BAD(btfkinds_add_func, btf, "x", 1, 3);
	BAD(btfkinds_add_var, btf, "x", 1, 3);
	BAD(btfkinds_add_enum, btf, "x", 4, 0, &value, 1);
	BAD(btfkinds_add_enum, btf, "x", 4, 2, &value, 1);
	BAD(btfkinds_add_enum, btf, "x", 4, 1, &unnamed, 1);
	BAD(btfkinds_add_func_proto, btf, 1, &param, 1, 0);
	BAD(btfkinds_add_func_proto, btf, 1, NULL, 0, -1);
	BAD(btfkinds_add_datasec, btf, "x", 4, &var, 1);
	BAD(btfkinds_add_struct, btf, "x", 4, &member, SIZE_MAX);
	BAD(btfkinds_add_struct, btf, "x", 4, (btfkinds_member *)((char *)&member + 1), 1);
	member.bitfield_size = 256;
	BAD(btfkinds_add_struct, btf, "x", 4, &member, 1);
	member.bitfield_size = 0;
	member.reserved = 1;
	BAD(btfkinds_add_struct, btf, "x", 4, &member, 1);
	NONE(btfkinds_parse, data, SIZE_MAX, NULL);
	NONE(btfkinds_flatten, btf, words, SIZE_MAX);

	BAD(btfkinds_add_type, btf, &new);
	new.kind = 42;
	BAD(btfkinds_add_type, btf, &new);
	new.kind = 3;
	BAD(btfkinds_add_type, btf, &new);
	new.words = words;
	new.words_len = 4;
	BAD(btfkinds_add_type, btf, &new);
	new.words_len = 3;
	new.kind_flag = 2;
	BAD(btfkinds_add_type, btf, &new);
	new.kind_flag = 0;
	CHECK(btfkinds_raw_size(btf) == data_len);
	GOOD(btfkinds_add_type, btf, &new);

	BAD(btfkinds_add_kind, btf, "kind 4 STRUCT\nthird size\n");
	BAD(btfkinds_add_kind, btf, "no kind file");
	GOOD(btfkinds_add_kind, btf, "kind 77 ODD\nthird id\nelements a:str b:id\n");
	BAD(btfkinds_add_kind, btf, "kind 77 ODD\nthird id\nelements a:str\n");
	/* A type that is not there. */
	GOOD(btfkinds_add_ptr, btf, 4000000);
	BAD(btfkinds_check_references, btf);
	CHECK(btfkinds_string(btf, 0xffffff) == NULL && *btfkinds_string(btf, 0) == 0);
	CHECK(btfkinds_kind_by_number(btf, 200) == NULL && btfkinds_kind_by_number(btf, 0) == NULL);
	CHECK(btfkinds_word_class_at(btfkinds_kind_by_number(btf, 1), 4) < 0);
	CHECK(btfkinds_word_class_at(btfkinds_kind_by_number(btf, 4), 1000) == BTFKINDS_WORD_CLASS_ID);
	btfkinds_free(btf);
}

static void sizes(void)
{
	btfkinds_btf *btf = parsed();
	btfkinds_parse_options parse = {.size = 8};
	btfkinds_describe_options how = {.size = sizeof(how), .select = 3};
	btfkinds_described done = {.size = 1};
	btfkinds_origin origin = {.size = sizeof(origin)};
	struct {
		btfkinds_type type;
		uint64_t more[4];
	} newer;
	struct {
		btfkinds_describe_options how;
		uint64_t more;
	} later = {.how.size = sizeof(later), .more = 1};
	const char *bad_kinds[] = {"kind x"}, *null_kinds[] = {NULL};

	NONE(btfkinds_parse, data, data_len, &parse);
	parse.size = sizeof(parse);
	parse.told = 3;
	NONE(btfkinds_parse, data, data_len, &parse);
	parse.told = 0;
	parse.reserved = 1;
	NONE(btfkinds_parse, data, data_len, &parse);
	parse.reserved = 0;
	parse.kinds_len = 1;
	NONE(btfkinds_parse, data, data_len, &parse);
	parse.kinds = null_kinds;
	NONE(btfkinds_parse, data, data_len, &parse);
	parse.kinds = bad_kinds;
	NONE(btfkinds_parse, data, data_len, &parse);

	BAD(btfkinds_describe, btf, &how, NULL);
	how.select = 0;
	how.place = 2;
	BAD(btfkinds_describe, btf, &how, NULL);
	how.place = 0;
	how.newer_than = "six";
	BAD(btfkinds_describe, btf, &how, NULL);
	how.newer_than = NULL;
	how.origin = 2;
	BAD(btfkinds_describe, btf, &how, NULL);
	how.origin = 0;
	BAD(btfkinds_describe, btf, &how, &done);
	BAD(btfkinds_describe, btf, &later.how, NULL);
	CHECK(btfkinds_raw_size(btf) == data_len);
	later.more = 0;
	done.size = sizeof(done);
	GOOD(btfkinds_describe, btf, &later.how, &done);
	CHECK(done.size == sizeof(done) && done.types > 0);
	GOOD(btfkinds_describe, btf, NULL, &done);
	CHECK(done.types == 0);

	memset(&newer, 0xff, sizeof(newer));
	newer.type.size = sizeof(newer);
	GOOD(btfkinds_type_by_id, btf, 1, &newer.type);
	CHECK(newer.type.size == sizeof(newer) && newer.type.id == 1 && newer.more[3] == 0);
	newer.type.size = 16;
	BAD(btfkinds_type_by_id, btf, 1, &newer.type);
	newer.type.size = sizeof(btfkinds_type);
	BAD(btfkinds_type_by_id, btf, 0, &newer.type);
	BAD(btfkinds_type_by_id, btf, btfkinds_type_count(btf), &newer.type);
	CHECK(btfkinds_origin_of(data, data_len, &origin, NULL) == 0);
	btfkinds_free(btf);
}

/* Each blob in memory of its own size, so that valgrind sees a byte read too far. */
static void parse_some(const char *from, size_t len)
{
	char *copy = malloc(len ? len : 1);
	btfkinds_type type = {.size = sizeof(type)};
	btfkinds_error *err;
	btfkinds_btf *btf;

	memcpy(copy, from, len);
	btf = btfkinds_parse(copy, len, NULL, &err);
	free(copy);
	CHECK(!btf == !!err);
	for (uint32_t id = 1; btf && id < btfkinds_type_count(btf); id++)
		CHECK(btfkinds_type_by_id(btf, id, &type, NULL) == 0);
	btfkinds_error_free(err);
	btfkinds_free(btf);
}

static void wrong_data(void)
{
	char *copy = malloc(data_len);

	for (size_t len = 0; len < data_len; len += 7)
		parse_some(data, len);
	for (size_t at = 0; at < data_len; at += 11) {
		memcpy(copy, data, data_len);
		copy[at] = (char)~copy[at];
		parse_some(copy, data_len);
	}
	free(copy);
}

/* Bases may be freed and changed while others need them; errors outlive what they are about. */
static void lifetimes(void)
{
	btfkinds_error *err;
	btfkinds_btf *base = parsed(), *split = btfkinds_new_split(base, NULL), *again, *moved_btf;
	btfkinds_parse_options options = {.size = sizeof(options), .base = split};
	btfkinds_type type = {.size = sizeof(type)};
	btfkinds_base_index *index;
	btfkinds_moved *moved;
	const void *bytes;
	void *out, *out_base;
	size_t len, out_len, base_len;
	int id;

	CHECK(split != NULL);
	GOOD(btfkinds_add_int, base, "added_later", 4, 0);
	id = btfkinds_add_int(split, "own", 4, 0, NULL);
	CHECK(id == (int)btfkinds_type_count(base) - 1);
	index = btfkinds_base_index_new(base, NULL);
	btfkinds_free(base);
	GOOD(btfkinds_type_by_id, split, 1, &type);
	CHECK(*type.kind_name);
	CHECK(btfkinds_find(split, 1, "added_later", NULL) == 0);
	CHECK(btfkinds_find(split, 0, "own", NULL) == id);
	bytes = btfkinds_raw_data(split, &len, NULL);
	CHECK(bytes && len == btfkinds_raw_size(split));
	again = btfkinds_parse(bytes, len, &options, &err);
	CHECK(again && btfkinds_first_id(again) == btfkinds_type_count(split));
	moved = btfkinds_flatten(split, NULL, 0, NULL);
	CHECK(moved && btfkinds_moved_id(moved, 0) == 0);
	NONE(btfkinds_near_misses_new, index, moved);
	btfkinds_free(split);
	btfkinds_free(again);
	moved_btf = btfkinds_moved_btf(moved, NULL);
	btfkinds_moved_free(moved);
	CHECK(btfkinds_type_count(moved_btf) > 1);
	moved = btfkinds_rebase(index, moved_btf, NULL, 0, &err);
	CHECK(moved && btfkinds_moved_own(moved) == 1);
	{
		btfkinds_near_misses *misses = btfkinds_near_misses_new(index, moved, NULL);

		CHECK(misses && btfkinds_near_misses_len(misses) == 0);
		BAD(btfkinds_near_misses_get, misses, 0, NULL);
		btfkinds_near_misses_free(misses);
	}
	btfkinds_moved_free(moved);
	GOOD(btfkinds_renumber_blob, data, data_len, NULL, NULL, &out, &out_len, &out_base, &base_len);
	CHECK(out_len > data_len && base_len > 24);
	again = btfkinds_restore(out, out_len, NULL, &err);
	CHECK(again && btfkinds_raw_size(again) == data_len);
	CHECK(memcmp(btfkinds_raw_data(again, &len, NULL), data, data_len) == 0);
	btfkinds_free(again);
	btfkinds_free_bytes(out);
	btfkinds_free_bytes(out_base);
	btfkinds_free(moved_btf);
	btfkinds_base_index_free(index);
}

static void *reader(void *handle)
{
	btfkinds_type type = {.size = sizeof(type)};
	btfkinds_error *err;
	size_t len;

	for (uint32_t id = 1; id < btfkinds_type_count(handle); id++)
		CHECK(btfkinds_type_by_id(handle, id, &type, NULL) == 0 && type.kind_info);
	CHECK(btfkinds_raw_data(handle, &len, NULL) != NULL);
	CHECK(btfkinds_type_by_id(handle, 0, &type, &err) < 0);
	btfkinds_error_free(err);
	return NULL;
}

static void threads(void)
{
	btfkinds_btf *btf = parsed();
	pthread_t all[4];

	for (size_t i = 0; i < LEN(all); i++)
		CHECK(pthread_create(&all[i], NULL, reader, btf) == 0);
	for (size_t i = 0; i < LEN(all); i++)
		CHECK(pthread_join(all[i], NULL) == 0);
	btfkinds_free(btf);
}

int main(int argc, char **argv)
{
	FILE *file;

	if (argc != 2 || !(file = fopen(argv[1], "rb"))) {
		fprintf(stderr, "usage: torture FILE.btf\n");
		return 2;
	}
	data = malloc(1 << 20);
	data_len = fread(data, 1, 1 << 20, file);
	fclose(file);
	nulls();
	out_of_range();
	sizes();
	wrong_data();
	lifetimes();
	threads();
	free(data);
	puts("fine");
	return 0;
}
