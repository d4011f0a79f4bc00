#include "guest.h"
int remove_trees(int argc, char **argv) { (void)argc; (void)argv; return 1; }
