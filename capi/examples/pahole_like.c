/* An encoder that is built on libbpf, as pahole is: one call at its end describes the kinds.
 *
 * usage: pahole_like [-f] OBJECT.o DETACHED.btf
 *
 * With -f the descriptions come first, for readers that go through the types once; then there is nothing left to
 * describe at the end.
 *
 * cc pahole_like.c $(pkg-config --cflags --libs btfkinds libbpf libelf)
 */
#include <bpf/btf.h>
#include <btfkinds.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Says what went wrong. */
static void report(btfkinds_error *err)
{
	fprintf(stderr, "pahole_like: %s\n", btfkinds_error_message(err));
	if (btfkinds_error_help(err))
		fprintf(stderr, "help: %s\n", btfkinds_error_help(err));
	btfkinds_error_free(err);
}

/* Descriptions alone, for types to be added behind them. */
static struct btf *descriptions(void)
{
	btfkinds_error *err;
	struct btf *btf;
	size_t len;
	void *data;

	if (btfkinds_descriptions(NULL, NULL, 0, &data, &len, &err) < 0) {
		report(err);
		return NULL;
	}
	btf = btf__new(data, (__u32)len);
	btfkinds_free_bytes(data);
	return btf;
}

/* What an encoder does anyway: int distance(const struct point *p), and a variable in .data. */
static struct btf *encode(struct btf *btf)
{
	int i, point, constant, pointer, proto, var;

	if (!btf)
		return NULL;
	i = btf__add_int(btf, "int", 4, BTF_INT_SIGNED);
	point = btf__add_struct(btf, "point", 8);
	if (btf__add_field(btf, "x", i, 0, 0) || btf__add_field(btf, "y", i, 32, 0))
		goto failed;
	constant = btf__add_const(btf, point);
	pointer = btf__add_ptr(btf, constant);
	proto = btf__add_func_proto(btf, i);
	if (btf__add_func_param(btf, "p", pointer))
		goto failed;
	if (btf__add_func(btf, "distance", BTF_FUNC_GLOBAL, proto) < 0)
		goto failed;
	var = btf__add_var(btf, "origin", BTF_VAR_STATIC, point);
	if (btf__add_datasec(btf, ".data", 8) < 0 || btf__add_datasec_var_info(btf, var, 0, 8))
		goto failed;
	if (btf__add_enum64(btf, "limits", 8, false) < 0 ||
		btf__add_enum64_value(btf, "FAR_AWAY", 1ULL << 40))
		goto failed;
	return btf;
failed:
	btf__free(btf);
	return NULL;
}

/* The one addition: descriptions of all kinds, behind the types. Returns bytes to be freed with
 * btfkinds_free_bytes(), or NULL. */
static void *described(const struct btf *btf, size_t *len)
{
	const void *raw;
	__u32 raw_len;
	void *out;
	btfkinds_described done = {.size = sizeof(done)};
	btfkinds_error *err;

	raw = btf__raw_data(btf, &raw_len);
	if (!raw)
		return NULL;
	if (btfkinds_describe_blob(raw, raw_len, NULL, NULL, &out, len, &done, &err) < 0) {
		report(err);
		return NULL;
	}
	printf("described %u kinds in %u types from [%u] on, %zu bytes\n", done.kinds, done.types,
		done.first_id, done.bytes);
	return out;
}

static int write_detached(const char *path, const void *data, size_t len)
{
	FILE *file = fopen(path, "wb");
	int failed;

	if (!file)
		return -1;
	failed = fwrite(data, 1, len, file) != len;
	failed |= fclose(file) != 0;
	return failed ? -1 : 0;
}

/* A section with these bytes. The data is the caller's, until elf_end(). */
static Elf_Scn *add_section(Elf *elf, Elf32_Word name, Elf32_Word type, void *data, size_t len)
{
	Elf_Scn *section = elf_newscn(elf);
	Elf_Data *content = section ? elf_newdata(section) : NULL;
	GElf_Shdr memory, *header = content ? gelf_getshdr(section, &memory) : NULL;

	if (!header)
		return NULL;
	content->d_buf = data;
	content->d_size = len;
	content->d_align = 8;
	header->sh_name = name;
	header->sh_type = type;
	return gelf_update_shdr(section, header) ? section : NULL;
}

static int write_object(const char *path, void *data, size_t len)
{
	static char names[] = "\0.BTF\0.shstrtab";
	int result = -1, fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	Elf *elf = NULL;
	Elf64_Ehdr *header;
	Elf_Scn *section;

	if (fd < 0 || elf_version(EV_CURRENT) == EV_NONE)
		goto out;
	elf = elf_begin(fd, ELF_C_WRITE, NULL);
	header = elf ? elf64_newehdr(elf) : NULL;
	if (!header)
		goto out;
	header->e_ident[EI_DATA] = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB;
	header->e_type = ET_REL;
	header->e_machine = EM_BPF;
	header->e_version = EV_CURRENT;
	if (!add_section(elf, 1, SHT_PROGBITS, data, len))
		goto out;
	section = add_section(elf, 6, SHT_STRTAB, names, sizeof(names));
	if (!section)
		goto out;
	header->e_shstrndx = (Elf64_Half)elf_ndxscn(section);
	if (elf_update(elf, ELF_C_WRITE) >= 0)
		result = 0;
out:
	if (elf)
		elf_end(elf);
	if (fd >= 0 && close(fd) != 0)
		result = -1;
	return result;
}

int main(int argc, char **argv)
{
	int first = argc == 4 && strcmp(argv[1], "-f") == 0;
	struct btf *btf;
	void *data = NULL;
	size_t len;
	int failed = 1;

	if (argc != 3 + first) {
		fprintf(stderr, "usage: pahole_like [-f] OBJECT.o DETACHED.btf\n");
		return 2;
	}
	argv += first;
	btf = encode(first ? descriptions() : btf__new_empty());
	if (btf)
		data = described(btf, &len);
	if (data)
		failed = write_object(argv[1], data, len) || write_detached(argv[2], data, len);
	if (failed)
		fprintf(stderr, "pahole_like: failed\n");
	btfkinds_free_bytes(data);
	btf__free(btf);
	return failed;
}
