enum color { RED, GREEN = 5, BLUE = -1 };
struct opaque;
union value { int i; float f; double d; char text[12]; };
struct node {
	struct node *next;
	union value v;
	unsigned flag : 1, rest : 7;
	int wide : 31;
	enum color color;
	const volatile unsigned long *restrict p;
	struct opaque *o;
	_Bool ok;
	long matrix[3][4];
	char tail[];
};
typedef int (*walk_t)(struct node *first, void *with, ...);

struct node *list;
static int counter __attribute__((used)) = 3;

static int one(struct node *n, walk_t f)
{
	return f ? f(n, n->next) : n->wide;
}

int visit(struct node *n)
{
	return one(n, 0) + counter;
}
