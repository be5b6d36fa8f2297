// Takes another root than the supervisor looked at, climbs out of a root by descriptors and directories that lie outside, and runs
// programs there. Natively root gets out of any root so: here out of one is still below the guest's own.
#include "attack.h"

static char path[256];

static void look(const char *how) {
  static const char *const ups[] = {"secret", "/secret", "../secret", "/../secret", "/../../../../secret"};
  for (unsigned i = 0; i < sizeof ups / sizeof *ups; i++) {
    int secret = open(ups[i], O_RDONLY);
    if (secret < 0) continue;
    if (reads_secret(secret)) escaped("%s, then %s", how, ups[i]);
    close(secret);
  }
  int secret = open(outside("secret"), O_RDONLY);
  if (secret < 0) return;
  if (reads_secret(secret)) escaped("%s, then the whole path", how);
  close(secret);
}

static void climb(int from) {
  if (fchdir(from)) return;
  for (int i = 0; i < 64; i++) (void)!chdir("..");
  look("above the root");
  if (chroot(".") == 0) look("the root above");
  // Whose program runs is decided by what stands in the skeleton.
  IN_CHILD {
    execl(outside("program"), "program", NULL);
    execl("/program", "program", NULL);
    execl("program", "program", NULL);
    _exit(0);
  }
  if (WIFEXITED(child_status) && WEXITSTATUS(child_status) == 77) escaped("a program of the host's ran");
}

int main(void) {
  char first[256] = "", second[256] = "";
  snprintf(first, sizeof first, "%s/data/dir", given("ATTACK_WORK"));
  const char *others[] = {outside("."), "/proc/1/root", "/proc/self/root/..", "../../../../../../../../..", "/proc", "/proc/1/cwd", "/dev/fd/0"};
  for (unsigned i = 0; i < sizeof others / sizeof *others; i++) {
    snprintf(second, sizeof second, "%s", others[i]);
    IN_CHILD {
      int top = open("/", O_RDONLY | O_DIRECTORY), here = open(".", O_PATH | O_DIRECTORY);
      struct racer racer;
      start_race(&racer, path, first, second, sizeof first);
      for (double end = now() + patience() / 4; now() < end;)
        if (chroot(path) == 0) {
          look("chroot");
          if (chdir("/") == 0) look("its root");
          if (fchdir(top) || chroot(".")) break;
        }
      end_race(&racer);
      climb(here);
      climb(top);
    }
  }
  // This process has the root that it had, whatever its children took.
  struct stat st;
  NEEDS(stat(first, &st) == 0 && S_ISDIR(st.st_mode));
  return verdict();
}
