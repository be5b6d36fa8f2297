#include "CLinux.h"
#include <netdb.h>
#include <resolv.h>
#include <string.h>

long uwrx_query_name(const char *name, int type, void *answer, size_t length) {
  struct __res_state state;
  memset(&state, 0, sizeof state);
  if (res_ninit(&state)) return -NO_RECOVERY;
  int n = res_nquery(&state, name, 1 /* IN */, type, answer, (int)length);
  int error = state.res_h_errno;
  res_nclose(&state);
  return n < 0 ? -(error ? error : NO_RECOVERY) : n;
}
