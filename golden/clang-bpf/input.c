#define TAG(x) __attribute__((btf_decl_tag(x)))
#define TYPE_TAG(x) __attribute__((btf_type_tag(x)))

enum color { RED, GREEN = 5, BLUE = -1 };
struct opaque;
union value { int i; float f; double d; char text[12]; };
struct node {
	struct node *next;
	union value v;
	unsigned flag : 1, rest : 7;
	int wide : 31;
	enum color color TAG("painted");
	const volatile unsigned long *restrict p;
	struct opaque *o;
	_Bool ok;
	char tail[];
};
typedef int (*walk_t)(struct node *first, void *with, ...);

struct node *list;
static int TYPE_TAG("user") * user __attribute__((used));
const int limit = 7;
extern int elsewhere(long n);

__attribute__((noinline)) static int one(struct node *n TAG("argument"), walk_t f)
{
	return f ? f(n, n->next) : n->wide;
}

int visit(void *ctx)
{
	return one(list, 0) + elsewhere(limit) + *user;
}
