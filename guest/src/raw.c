#include "guest.h"
int raw_open;
bool raw_start(struct conn *c, struct cursor *p, size_t b) { (void)c; (void)p; (void)b; return false; }
void raw_ended(pid_t p) { (void)p; }
void raw_listen(struct conn *c, uint64_t id, struct text a, uint16_t p, uint16_t f, uint16_t l) { (void)c;(void)id;(void)a;(void)p;(void)f;(void)l; }
void raw_unlisten(uint64_t id) { (void)id; }
void raw_detach(struct conn *c) { (void)c; }
