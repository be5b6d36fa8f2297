// The two calls that only the kernel's own probe trampolines make.
// calls: uprobe uretprobe
#include "observe.h"

int main(void) {
  IN_CHILD SHOW(syscall(335));
  IN_CHILD SHOW(syscall(336));
}
