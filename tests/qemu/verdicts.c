/* Asks the kernel that runs it about blobs: its verdict on each (BPF_BTF_LOAD), and the end of its log.
 *
 * usage: verdicts BLOBS >ANSWERS
 * BLOBS: for each a length (u32) and bytes. ANSWERS: for each an errno (u32; 0: accepted), a length (u32) and so much of the log.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static char message[1 << 16];

static int load(const void *blob, uint32_t len, char *text, uint32_t size)
{
	union bpf_attr attr;
	int fd;

	memset(&attr, 0, sizeof(attr));
	attr.btf = (uintptr_t)blob;
	attr.btf_size = len;
	attr.btf_log_buf = (uintptr_t)text;
	attr.btf_log_size = size;
	attr.btf_log_level = size ? 1 : 0;
	fd = syscall(SYS_bpf, BPF_BTF_LOAD, &attr, sizeof(attr));
	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

int main(int argc, char **argv)
{
	FILE *in = argc == 2 ? fopen(argv[1], "rb") : NULL;
	uint32_t len;

	if (!in)
		return 2;
	while (fread(&len, sizeof(len), 1, in) == 1) {
		char *blob = malloc(len + 1);
		uint32_t answer[2] = { 0, 0 };
		const char *tail = message;

		if (!blob || fread(blob, 1, len, in) != len)
			return 2;
		/* A log that overflows would be an error by itself. */
		answer[0] = load(blob, len, NULL, 0);
		message[0] = 0;
		if (answer[0])
			load(blob, len, message, sizeof(message) - 1);
		answer[1] = strlen(message);
		if (answer[1] > 1200) {
			tail += answer[1] - 1200;
			answer[1] = 1200;
		}
		fwrite(answer, sizeof(answer), 1, stdout);
		fwrite(tail, 1, answer[1], stdout);
		free(blob);
	}
	return 0;
}
