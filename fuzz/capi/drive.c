/* Drives the C API by a program that is in the input: each byte of the input's text is a call or what it is given.
 *
 * What goes into a call is in memory of its own size, so that the address sanitizer sees a byte read too far. */
#include <btfkinds.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEN(array) (sizeof(array) / sizeof((array)[0]))
#define CHECK(what) check(!!(what), #what, __LINE__)

static void check(int is, const char *what, int line)
{
	if (!is) {
		fprintf(stderr, "drive.c:%d: %s\n", line, what);
		abort();
	}
}

/* Handles that calls take and leave. */
#define SLOTS 4

struct state {
	const uint8_t *ops;
	size_t ops_len;
	btfkinds_btf *btf[SLOTS];
	btfkinds_base_index *index;
	btfkinds_moved *moved;
	void *base, *blob;
	size_t base_len, blob_len;
};

static uint8_t next(struct state *s)
{
	if (!s->ops_len)
		return 0;
	s->ops_len--;
	return *s->ops++;
}

static uint32_t next_word(struct state *s)
{
	static const uint32_t words[] = {0x7fffffff, 0x80000000, 0xffffffff, 0xfffff, 0xffffff, 0x1000000, 256, 64};
	uint8_t n = next(s);

	return n < 248 ? n : words[n - 248];
}

static const char *next_name(struct state *s)
{
	static const char *const names[] = {
		NULL, "", "a", "int", "unsigned int", "__BTF_KIND_42", "__BTF_ORIGIN", "bpf_list_head", "\xff\xfe", "x y",
		".data", "struct", "node", "\xc3\xa4",
	};

	return names[next(s) % LEN(names)];
}

static const char *const kinds[] = {
	"kind 42 GADGET\nthird id\nfixed a:s32 b:id\nelements name_off:str type:id n\n",
	"kind 42 GADGET\nthird size\n",
	"kind 20 LOC_PARAM\nthird size\nelements value\n",
	"kind 127 LAST\nthird unused\n",
	"kind 4 STRUCT\nthird size\n",
	"no kind",
};

/* A call has failed if and only if it left an error; that says something. */
static int said(btfkinds_error *err, int failed, int line)
{
	check(!!err == !!failed, "an error where a call has failed", line);
	if (err) {
		check(btfkinds_error_status(err) < 0, "it has a status", line);
		check(btfkinds_error_status(err) != BTFKINDS_STATUS_INTERNAL, btfkinds_error_message(err), line);
		check(strlen(btfkinds_error_message(err)) > 5, "it has a message", line);
		check(!strpbrk(btfkinds_error_message(err), "\n\r\t\033"), "in one line", line);
		(void)(btfkinds_error_help(err) && strlen(btfkinds_error_help(err)));
		(void)btfkinds_error_kind(err);
		(void)btfkinds_error_type_id(err);
		(void)btfkinds_error_offset(err);
	}
	btfkinds_error_free(err);
	return !failed;
}

static btfkinds_error *err;

#define INT(call) (result = (call), said(err, result < 0, __LINE__))
#define HANDLE(to, call) ((to) = (call), said(err, !(to), __LINE__))

/* Puts a new handle into a slot; the one that was there goes. */
static void keep(struct state *s, btfkinds_btf *btf)
{
	btfkinds_btf **slot = &s->btf[next(s) % SLOTS];

	if (btf) {
		btfkinds_free(*slot);
		*slot = btf;
	}
}

static btfkinds_btf *any(struct state *s)
{
	return s->btf[next(s) % SLOTS];
}

/* Everything that can be read. */
static void look(const btfkinds_btf *btf, uint8_t short_by)
{
	size_t len, size = btfkinds_raw_size(btf);
	char *copy = malloc(size + !size);
	const char *data;
	uint32_t id, at;
	int result, wrong = 0;

	if (INT(btfkinds_raw_copy(btf, copy, size, &err)) && btf) {
		if (HANDLE(data, btfkinds_raw_data(btf, &len, &err)))
			CHECK(len == size && !memcmp(copy, data, len));
		if (short_by && short_by <= size) {
			memset(copy, 0x5a, size);
			CHECK(!INT(btfkinds_raw_copy(btf, copy, size - short_by, &err)));
			CHECK(result == BTFKINDS_STATUS_BUFFER && copy[0] == 0x5a);
		}
	}
	free(copy);
	for (id = btfkinds_first_id(btf); id < btfkinds_type_count(btf) + 2; id++) {
		btfkinds_type type = {.size = sizeof(type)};

		if (!INT(btfkinds_type_by_id(btf, id, &type, &err))) {
			CHECK(id == 0 || id >= btfkinds_type_count(btf));
			continue;
		}
		CHECK(type.id == id && type.words_len >= 3 && type.words[2] == type.size_or_type);
		CHECK(strlen(type.name) < 0x1000000 && strlen(type.kind_name) > 0);
		CHECK(type.kind_info && type.kind_info->number == type.kind);
		CHECK(!strcmp(type.name, btfkinds_string(btf, type.name_off)));
		for (at = 0; at < type.words_len && at < 64; at++)
			if (btfkinds_word_class_at(type.kind_info, at) == BTFKINDS_WORD_CLASS_STR) {
				data = btfkinds_string(btf, type.words[at]);
				wrong |= !data;
				CHECK(!data || strlen(data) < 0x1000000);
			}
		if (*type.name) {
			CHECK(INT(btfkinds_find(btf, type.kind, type.name, &err)) || result == BTFKINDS_STATUS_ARGUMENT);
			CHECK(result < 0 || (result > 0 && (uint32_t)result <= id));
		}
	}
	/* What is being built may lead nowhere. */
	CHECK(!INT(btfkinds_check_references(btf, &err)) || !wrong);
	(void)INT(btfkinds_check_base(btf, &err));
	(void)btfkinds_is_foreign_endian(btf);
	(void)btfkinds_string_len(btf);
}

static void parse(struct state *s)
{
	const char *one = kinds[next(s) % LEN(kinds)];
	uint8_t how = next(s);
	btfkinds_parse_options options = {
		.size = sizeof(options), .base = any(s), .kinds = how & 1 ? &one : NULL, .kinds_len = how & 1, .told = how >> 1 & 3,
	};
	const btfkinds_parse_options *given = how & 8 ? &options : NULL;
	size_t len = how & 16 ? s->base_len : s->blob_len;
	void *data = how & 16 ? s->base : s->blob;
	btfkinds_origin origin = {.size = sizeof(origin)};
	btfkinds_btf *btf;
	int result;

	if (INT(btfkinds_numbering_of(data, len, given, &err)))
		(void)btfkinds_numbering_is_standalone(result);
	(void)INT(btfkinds_origin_of(data, len, &origin, &err));
	switch (how >> 5 & 3) {
	case 0:
		(void)HANDLE(btf, btfkinds_parse_as_it_is(data, len, given, &err));
		break;
	case 1:
		(void)HANDLE(btf, btfkinds_restore(data, len, given, &err));
		break;
	default:
		if (HANDLE(btf, btfkinds_parse(data, len, given, &err)))
			CHECK(btfkinds_raw_size(btf) == len);
	}
	keep(s, btf);
}

/* One more type, or more. */
static void add(struct state *s, btfkinds_btf *btf)
{
	const char *name = next_name(s);
	uint32_t a = next_word(s), b = next_word(s), words[8], i, n = next(s) % 4;
	btfkinds_member members[4];
	btfkinds_enum_value values[4];
	btfkinds_param params[4];
	btfkinds_section_var vars[4];
	btfkinds_new_type new = {.size = sizeof(new), .name = name, .words = words, .kind = a, .size_or_type = b};
	int result;

	memset(members, 0, sizeof(members));
	memset(params, 0, sizeof(params));
	for (i = 0; i < 4; i++) {
		members[i].name = next_name(s);
		members[i].type_id = next_word(s);
		members[i].bits_offset = next_word(s);
		members[i].bitfield_size = i * a % 70;
		values[i] = (btfkinds_enum_value){members[i].name, (int64_t)next_word(s) << (a % 33)};
		params[i].name = members[i].name;
		params[i].type_id = members[i].type_id;
		vars[i] = (btfkinds_section_var){members[i].type_id, members[i].bits_offset, b};
		words[i] = members[i].type_id;
		words[i + 4] = members[i].bits_offset;
	}
	switch (next(s) % 23) {
	case 0: (void)INT(btfkinds_add_int(btf, name, a, b, &err)); break;
	case 1: (void)INT(btfkinds_add_float(btf, name, a, &err)); break;
	case 2: (void)INT(btfkinds_add_ptr(btf, a, &err)); break;
	case 3: (void)INT(btfkinds_add_const(btf, a, &err)); break;
	case 4: (void)INT(btfkinds_add_volatile(btf, a, &err)); break;
	case 5: (void)INT(btfkinds_add_restrict(btf, a, &err)); break;
	case 6: (void)INT(btfkinds_add_typedef(btf, name, a, &err)); break;
	case 7: (void)INT(btfkinds_add_type_tag(btf, name, a, &err)); break;
	case 8: (void)INT(btfkinds_add_decl_tag(btf, name, a, (int32_t)b, &err)); break;
	case 9: (void)INT(btfkinds_add_array(btf, a, b, words[0], &err)); break;
	case 10: (void)INT(btfkinds_add_struct(btf, name, a, members, n, &err)); break;
	case 11: (void)INT(btfkinds_add_union(btf, name, a, members, n, &err)); break;
	case 12: (void)INT(btfkinds_add_enum(btf, name, a, b % 3, values, n, &err)); break;
	case 13: (void)INT(btfkinds_add_enum64(btf, name, a, b % 3, values, n, &err)); break;
	case 14: (void)INT(btfkinds_add_fwd(btf, name, a % 3, &err)); break;
	case 15: (void)INT(btfkinds_add_func_proto(btf, a, params, n, b % 3, &err)); break;
	case 16: (void)INT(btfkinds_add_func(btf, name, a, b, &err)); break;
	case 17: (void)INT(btfkinds_add_var(btf, name, a, b, &err)); break;
	case 18: (void)INT(btfkinds_add_datasec(btf, name, a, vars, n, &err)); break;
	case 19: (void)INT(btfkinds_add_kind(btf, kinds[a % LEN(kinds)], &err)); break;
	case 20: (void)INT(btfkinds_intern(btf, name, &err)); break;
	default:
		new.vlen = n;
		new.kind_flag = next(s) % 3;
		new.words_len = next(s) % 9;
		(void)INT(btfkinds_add_type(btf, &new, &err));
	}
}

static void describe(struct state *s, btfkinds_btf *btf)
{
	static const char *const versions[] = {NULL, "5.2", "6.0", "4.18", "99.99", "six"};
	uint8_t how = next(s);
	btfkinds_describe_options options = {
		.size = sizeof(options), .newer_than = versions[next(s) % LEN(versions)], .select = how & 3,
		.place = how >> 2 & 3, .origin = how >> 4 & 1,
	};
	btfkinds_described done = {.size = sizeof(done)}, twice = {.size = sizeof(twice)};
	void *out;
	size_t out_len;
	const char *kind = kinds[next(s) % LEN(kinds)];
	btfkinds_btf *other;
	int result;

	if (INT(btfkinds_describe(btf, &options, &done, &err))) {
		CHECK(INT(btfkinds_describe(btf, &options, &twice, &err)) && twice.types == 0);
	}
	if (INT(btfkinds_describe_blob(s->blob, s->blob_len, NULL, &options, &out, &out_len, &done, &err))) {
		if (HANDLE(other, btfkinds_parse(out, out_len, NULL, &err)))
			look(other, 1);
		CHECK(other);
		btfkinds_free(other);
		btfkinds_free_bytes(out);
	}
	if (INT(btfkinds_descriptions(&options, &kind, how >> 5 & 1, &out, &out_len, &err))) {
		CHECK(HANDLE(other, btfkinds_parse(out, out_len, NULL, &err)));
		btfkinds_free(other);
		btfkinds_free_bytes(out);
	}
}

static void renumber(struct state *s, const btfkinds_btf *btf, const btfkinds_btf *base)
{
	btfkinds_btf *out = NULL, *back, *below;
	btfkinds_shift shift = {next(s), next(s), next(s), next_word(s)};
	void *bytes, *base_bytes;
	size_t len, base_len;
	const void *raw;
	int result;

	/* Standalone BTF has none, which is no error. */
	below = btfkinds_base(btf, &err);
	CHECK(!below || !err);
	btfkinds_error_free(err);
	switch (next(s) % 5) {
	case 0:
		(void)HANDLE(out, btfkinds_renumber(btf, base, &err));
		break;
	case 1:
		(void)HANDLE(out, btfkinds_renumber_portable(btf, &err));
		break;
	case 2:
		(void)HANDLE(out, btfkinds_follow_base(btf, &shift, base, &err));
		break;
	case 3:
		(void)HANDLE(out, btfkinds_relocate(btf, base, &err));
		break;
	default:
		if (INT(btfkinds_renumber_blob(s->blob, s->blob_len, NULL, base, &bytes, &len, &base_bytes, &base_len, &err))) {
			if (HANDLE(back, btfkinds_restore(bytes, len, NULL, &err)) &&
			    HANDLE(raw, btfkinds_raw_data(back, &len, &err)))
				look(back, 3);
			btfkinds_free(back);
			btfkinds_free_bytes(bytes);
			btfkinds_free_bytes(base_bytes);
		}
	}
	(void)btfkinds_is_numbered_for(out, base);
	keep(s, out);
	keep(s, below);
}

static void rebase(struct state *s, const btfkinds_btf *btf)
{
	const char *functions[2];
	uint32_t roots[2], id, at;
	btfkinds_moved *moved = NULL;
	btfkinds_near_misses *misses;
	btfkinds_btf *out;
	size_t n = next(s) % 3;
	int result;

	for (at = 0; at < 2; at++) {
		functions[at] = next_name(s);
		roots[at] = next_word(s);
	}
	switch (next(s) % 5) {
	case 0:
		btfkinds_base_index_free(s->index);
		(void)HANDLE(s->index, btfkinds_base_index_new(btf, &err));
		return;
	case 1:
		(void)HANDLE(moved, btfkinds_flatten(btf, roots, n, &err));
		break;
	case 2:
		(void)HANDLE(moved, btfkinds_distill(btf, roots, n, &err));
		break;
	default:
		(void)HANDLE(moved, btfkinds_rebase(s->index, btf, functions, n, &err));
	}
	if (!moved)
		return;
	for (id = 0; id < btfkinds_type_count(btf) + 2; id++)
		CHECK(btfkinds_moved_id(moved, id) >= -1);
	CHECK(btfkinds_moved_own(moved) + btfkinds_moved_of_base(moved) < 0x1000000);
	if (HANDLE(misses, btfkinds_near_misses_new(s->index, moved, &err))) {
		for (at = 0; at <= btfkinds_near_misses_len(misses); at++) {
			btfkinds_near_miss miss = {.size = sizeof(miss)};

			if (INT(btfkinds_near_misses_get(misses, at, &miss, &err)))
				CHECK(*miss.name && *miss.own_text && *miss.base_text && strlen(miss.reached) < 1 << 24);
			else
				CHECK(at == btfkinds_near_misses_len(misses));
		}
		btfkinds_near_misses_free(misses);
	}
	if (HANDLE(out, btfkinds_moved_btf(moved, &err)))
		look(out, 0);
	keep(s, out);
	btfkinds_moved_free(s->moved);
	s->moved = moved;
}

static void *own(const uint8_t *from, size_t len)
{
	void *memory = malloc(len + !len);

	if (len)
		memcpy(memory, from, len);
	return memory;
}

/* An input is as src/input.rs says. */
int btfkinds_fuzz_drive(const uint8_t *data, size_t len)
{
	struct state s = {0};
	btfkinds_btf *btf;
	int i;

	if (len < 6)
		return 0;
	s.base_len = data[2] | data[3] << 8;
	s.blob_len = data[4] | data[5] << 8;
	data += 6;
	len -= 6;
	s.base_len = s.base_len < len ? s.base_len : len;
	s.blob_len = s.blob_len < len - s.base_len ? s.blob_len : len - s.base_len;
	s.base = own(data, s.base_len);
	s.blob = own(data + s.base_len, s.blob_len);
	s.ops = data + s.base_len + s.blob_len;
	s.ops_len = len - s.base_len - s.blob_len;
	(void)HANDLE(s.btf[0], btfkinds_parse(s.base, s.base_len, NULL, &err));
	(void)HANDLE(s.btf[1], btfkinds_parse(s.blob, s.blob_len, NULL, &err));
	for (i = 0; i < 24 && s.ops_len; i++) {
		switch (next(&s) % 12) {
		case 0:
			(void)HANDLE(btf, btfkinds_new(&err));
			keep(&s, btf);
			break;
		case 1:
			(void)HANDLE(btf, btfkinds_new_split(any(&s), &err));
			keep(&s, btf);
			break;
		case 2: parse(&s); break;
		case 3:
		case 4: add(&s, any(&s)); break;
		case 5:
		case 6: describe(&s, any(&s)); break;
		case 7:
		case 8: {
			const btfkinds_btf *one = any(&s);

			renumber(&s, one, any(&s));
			break;
		}
		case 9:
		case 10: rebase(&s, any(&s)); break;
		default: look(any(&s), next(&s));
		}
	}
	for (i = 0; i < SLOTS; i++) {
		look(s.btf[i], (uint8_t)i);
		btfkinds_free(s.btf[i]);
	}
	btfkinds_base_index_free(s.index);
	btfkinds_moved_free(s.moved);
	free(s.base);
	free(s.blob);
	return 0;
}
