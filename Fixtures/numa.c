// Placement of memory. A machine with one node is the most common, and what is said about others is refused.
// calls: get_mempolicy mbind migrate_pages move_pages set_mempolicy set_mempolicy_home_node
#include "observe.h"
#include <linux/mempolicy.h>

int main(void) {
  int mode = -1;
  unsigned long nodes[16] = {0}, first[16] = {1}, none[16] = {0}, far[16] = {1UL << 63};
  char *memory = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memory[0] = 'x';
  SHOW(syscall(SYS_get_mempolicy, &mode, nodes, 1024, NULL, 0));
  say("mode %d nodes %lu", mode, nodes[0]);
  SHOW(syscall(SYS_get_mempolicy, &mode, nodes, 1024, NULL, MPOL_F_MEMS_ALLOWED));
  say("node 0 is allowed: %lu", nodes[0] & 1);
  SHOW(syscall(SYS_get_mempolicy, &mode, NULL, 0, memory, MPOL_F_NODE | MPOL_F_ADDR));
  SHOW(syscall(SYS_get_mempolicy, &mode, NULL, 0, bad_pointer(), MPOL_F_ADDR));
  SHOW(syscall(SYS_get_mempolicy, &mode, NULL, 0, NULL, 99));
  SHOW(syscall(SYS_set_mempolicy, MPOL_BIND, first, 1024));
  SHOW(syscall(SYS_get_mempolicy, &mode, nodes, 1024, NULL, 0));
  say("mode %d nodes %lu", mode, nodes[0]);
  SHOW(syscall(SYS_set_mempolicy, MPOL_BIND, none, 1024));
  SHOW(syscall(SYS_set_mempolicy, MPOL_BIND, far, 1024));
  SHOW(syscall(SYS_set_mempolicy, 99, first, 1024));
  SHOW(syscall(SYS_set_mempolicy, MPOL_BIND, bad_pointer(), 1024));
  SHOW(syscall(SYS_set_mempolicy, MPOL_DEFAULT, NULL, 0));
  SHOW(syscall(SYS_mbind, memory, 4096, MPOL_PREFERRED, first, 1024, 0));
  SHOW(syscall(SYS_get_mempolicy, &mode, nodes, 1024, memory, MPOL_F_ADDR));
  say("mode %d nodes %lu", mode, nodes[0]);
  SHOW(syscall(SYS_mbind, memory + 1, 4096, MPOL_PREFERRED, first, 1024, 0));
  SHOW(syscall(SYS_mbind, memory, 4096, 99, first, 1024, 0));
  SHOW(syscall(SYS_mbind, memory, 4096, MPOL_BIND, first, 1024, 0x100));
  SHOW(syscall(SYS_mbind, bad_pointer(), 4096, MPOL_BIND, first, 1024, 0));
  SHOW(syscall(SYS_mbind, memory, 4096, MPOL_BIND, first, 1024, 0));
  SHOW(syscall(SYS_set_mempolicy_home_node, memory, 4096, 0, 0));
  SHOW(syscall(SYS_set_mempolicy_home_node, memory, 4096, 0, 1));
  SHOW(syscall(SYS_set_mempolicy_home_node, memory, 4096, 1000, 0));
  SHOW(syscall(SYS_set_mempolicy_home_node, memory + 4096, 4096, 0, 0));
  void *pages[2] = {memory, bad_pointer()};
  int status[2] = {99, 99}, target[2] = {0, 0};
  SHOW(syscall(SYS_move_pages, 0, 2, pages, NULL, status, 0));
  say("node %d, error %s", status[0], error_name(-status[1]));
  SHOW(syscall(SYS_move_pages, 0, 1, pages, target, status, MPOL_MF_MOVE));
  say("node %d", status[0]);
  SHOW(syscall(SYS_move_pages, 0, 1, pages, target, status, 99));
  target[0] = 1000;
  SHOW(syscall(SYS_move_pages, 0, 1, pages, target, status, MPOL_MF_MOVE));
  SHOW(syscall(SYS_move_pages, 4194303, 1, pages, NULL, status, 0));
  SHOW(syscall(SYS_move_pages, 0, 1, bad_pointer(), NULL, status, 0));
  SHOW(syscall(SYS_migrate_pages, 0, 1024, first, first));
  SHOW(syscall(SYS_migrate_pages, 0, 1024, first, bad_pointer()));
  SHOW(syscall(SYS_migrate_pages, 4194303, 1024, first, first));
}
