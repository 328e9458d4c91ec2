// One source for all: what compilers make of it is compared with what is built type by type.
typedef unsigned int u32;
typedef unsigned long long u64;

enum color { RED, GREEN = 5, BLUE = 0x7fffffff };
enum sign { MINUS = -1, PLUS = 1 };

struct opaque;
union shape;

struct flags {
	unsigned int ready : 1;
	unsigned int level : 7;
	int delta : 12;
};

struct point {
	int x;
	int y;
};

union value {
	u64 number;
	double real;
	struct point at;
	char text[16];
};

struct node {
	struct node *next;
	const struct opaque *opaque;
	union shape *shape;
	volatile u32 state;
	struct flags flags;
	union value value;
	int (*call)(struct node *self, u64 how);
	enum color color;
	enum sign sign;
	struct {
		short low;
		short high;
	};
	struct point path[3];
	float weight;
	_Bool done;
};

int visit(struct node *first, u32 depth)
{
	return first->next ? (int)depth : first->value.at.x;
}
