// model <seed> <steps> [--prepare] [--made] [--merged] [--dump <every>] [--only <file of step numbers>]
//
// Makes random file operations in the current directory and prints what each did; every so many steps it prints the whole
// tree. Several processes take turns. Run natively and under uwrx it must print the same.
#include "model.h"
#include <sys/mman.h>
#include <sys/socket.h>
#include <signal.h>
#include <sys/wait.h>

struct model model;

static void serve(int self, int commands, int answers) {
  signal(SIGPIPE, SIG_IGN);
  int number;
  while (read(commands, &number, sizeof number) == sizeof number) {
    take_step(number, self);
    if (write(answers, "", 1) != 1) _exit(1);
  }
  _exit(0);
}

// The steps to take: all, or those that a file lists.
static int *read_steps(const char *path, int *count) {
  FILE *file = fopen(path, "r");
  if (!file) return NULL;
  int *steps = NULL, number;
  *count = 0;
  while (fscanf(file, "%d", &number) == 1) {
    steps = realloc(steps, (*count + 1) * sizeof *steps);
    steps[(*count)++] = number;
  }
  fclose(file);
  return steps;
}

static void take_steps(const int *steps, int count, int every) {
  int commands[workers][2], answers[workers][2];
  for (int i = 0; i < workers; i++) {
    if (pipe2(commands[i], O_CLOEXEC) < 0 || pipe2(answers[i], O_CLOEXEC) < 0) _exit(2);
    pid_t pid = fork();
    if (pid < 0) _exit(2);
    if (pid == 0) {
      for (int j = 0; j <= i; j++) {
        close(commands[j][1]);
        close(answers[j][0]);
      }
      serve(i, commands[i][0], answers[i][1]);
    }
    model.state->workers[i].pid = pid;
    close(commands[i][0]);
    close(answers[i][1]);
  }
  for (int i = 0; i < count; i++) {
    struct chance chance = chance_of(model.seed, 1, steps[i]);
    int worker = draw(&chance, workers);
    char answer;
    if (write(commands[worker][1], &steps[i], sizeof steps[i]) != sizeof steps[i] ||
        read(answers[worker][0], &answer, 1) != 1) {
      say("worker %d has ended", worker);
      break;
    }
    if (every > 0 && steps[i] % every == every - 1) dump_tree(steps[i]);
  }
  for (int i = 0; i < workers; i++) close(commands[i][1]);
  for (int i = 0; i < workers; i++) {
    int status;
    waitpid(model.state->workers[i].pid, &status, 0);
    if (status != 0) say("worker %d ended with %#x", i, status);
  }
}

int main(int count, char **arguments) {
  if (count < 3) {
    fprintf(stderr, "usage: model <seed> <steps> [--prepare] [--made] [--merged] [--dump <every>] [--only <file>]\n");
    return 2;
  }
  model.seed = strtoull(arguments[1], NULL, 10);
  int total = atoi(arguments[2]), every = 50;
  bool prepares = false;
  int *steps = NULL, chosen = 0;
  for (int i = 3; i < count; i++) {
    if (!strcmp(arguments[i], "--prepare")) prepares = true;
    else if (!strcmp(arguments[i], "--made")) model.is_made = prepares = true;
    else if (!strcmp(arguments[i], "--merged")) model.is_merged = true;
    else if (!strcmp(arguments[i], "--dump") && i + 1 < count) every = atoi(arguments[++i]);
    else if (!strcmp(arguments[i], "--only") && i + 1 < count) {
      steps = read_steps(arguments[++i], &chosen);
      if (!steps) chosen = 0;
      total = -1;
    } else return 2;
  }
  umask(022);
  if (!getcwd(model.top, sizeof model.top)) return 2;
  if (prepares) prepare_tree();
  if (chdir("g/g/g/g/g/g") < 0 || !getcwd(model.base, sizeof model.base)) return 2;
  if (prepares && !model.is_made) return 0;

  model.state = mmap(NULL, sizeof *model.state, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (model.state == MAP_FAILED) return 2;
  for (int i = 0; i < workers; i++)
    for (int j = 0; j < slots; j++) model.state->workers[i].slots[j].fd = -1;
  // Descriptors go from worker to worker through it.
  if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, model.channel) < 0) return 2;
  if (total >= 0) {
    chosen = total;
    steps = malloc(total * sizeof *steps + 1);
    for (int i = 0; i < total; i++) steps[i] = i;
  }
  // Half of the seeds begin with a tree that nothing has looked at.
  if (model.seed % 2 == 0) dump_tree(-1);
  take_steps(steps, chosen, every);
  dump_tree(total >= 0 ? total : 1 << 30);
  return 0;
}
