#include <assert.h>

int main(int count, char **arguments) {
  assert(count && arguments);
  return 0;
}
