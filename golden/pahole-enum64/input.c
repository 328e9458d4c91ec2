enum mask { LOW = 1, HIGH = 0xf00000000000ULL };
enum span { BEFORE = -0x700000000000LL, AFTER = 1 };
struct masks { enum mask m; enum span s; float f; double d; } masks;
int use(struct masks *m) { return m->m == HIGH; }
