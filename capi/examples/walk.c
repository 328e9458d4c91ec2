/* A reader that goes through all types, of kinds it has never heard of as well, and follows their ids and names.
 *
 * usage: walk FILE.btf [BASE.btf]
 *
 * cc walk.c $(pkg-config --cflags --libs btfkinds)
 */
#include <btfkinds.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void *read_file(const char *path, size_t *len)
{
	FILE *file = fopen(path, "rb");
	char *data = malloc(1 << 24);

	if (!file || !data) {
		perror(path);
		exit(1);
	}
	*len = fread(data, 1, 1 << 24, file);
	fclose(file);
	return data;
}

static btfkinds_btf *open_btf(const char *path, const btfkinds_btf *base)
{
	btfkinds_parse_options options = {.size = sizeof(options), .base = base};
	btfkinds_error *err;
	btfkinds_btf *btf;
	size_t len;
	void *data = read_file(path, &len);

	btf = btfkinds_parse_as_it_is(data, len, &options, &err);
	free(data);
	if (!btf) {
		fprintf(stderr, "walk: %s: %s\n", path, btfkinds_error_message(err));
		btfkinds_error_free(err);
		exit(1);
	}
	return btf;
}

/* [id] KIND 'name' and every word of the record, as what it is. */
static void print(const btfkinds_btf *btf, const btfkinds_type *type)
{
	printf("[%" PRIu32 "] %s '%s'", type->id, type->kind_name, type->name);
	for (size_t at = 2; at < type->words_len; at++) {
		uint32_t word = type->words[at];

		switch (btfkinds_word_class_at(type->kind_info, at)) {
		case BTFKINDS_WORD_CLASS_ID:
			printf(" [%" PRIu32 "]", word);
			break;
		case BTFKINDS_WORD_CLASS_STR:
			printf(" '%s'", btfkinds_string(btf, word));
			break;
		case BTFKINDS_WORD_CLASS_S32:
			printf(" %" PRId32, (int32_t)word);
			break;
		default:
			printf(" %" PRIu32, word);
		}
	}
	putchar('\n');
}

int main(int argc, char **argv)
{
	btfkinds_btf *base = NULL, *btf;
	btfkinds_type type = {.size = sizeof(type)};

	if (argc != 2 && argc != 3) {
		fprintf(stderr, "usage: walk FILE.btf [BASE.btf]\n");
		return 2;
	}
	if (argc == 3)
		base = open_btf(argv[2], NULL);
	btf = open_btf(argv[1], base);
	/* It keeps what it needs of its base. */
	btfkinds_free(base);
	for (uint32_t id = btfkinds_first_id(btf); id < btfkinds_type_count(btf); id++) {
		if (btfkinds_type_by_id(btf, id, &type, NULL) < 0)
			break;
		print(btf, &type);
	}
	btfkinds_free(btf);
	return 0;
}
