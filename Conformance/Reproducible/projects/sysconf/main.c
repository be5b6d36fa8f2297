#include <stdio.h>
#include <sys/sysinfo.h>
#include <unistd.h>

int main(void) {
  struct sysinfo information;
  sysinfo(&information);
  printf("%ld %lu %lu %ld %d\n", sysconf(_SC_AVPHYS_PAGES), information.freeram, information.loads[0], information.uptime, information.procs);
  return 0;
}
