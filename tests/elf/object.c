/* gcc -gbtf; the program exits with 42. */
struct point { int x; long y; const char *name; };
union value { int whole; float part; };
enum colour { RED, GREEN = 5 };
typedef struct point point_t;
union value held;
static int counter = 5;
int shared = 7;
int area(point_t *p) { counter++; return p->x * (int)p->y + counter; }
int hue(enum colour c, union value *v) { return c + v->whole; }
int main(void) { point_t p = { 6, 6, "p" }; return area(&p) + hue(GREEN, &held) + shared - 12; }
