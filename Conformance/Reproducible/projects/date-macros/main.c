#include <stdio.h>

int main(void) {
  puts(__DATE__ " " __TIME__ ", " __TIMESTAMP__);
  return 0;
}
