// System V shared memory, semaphores and message queues. Everything made here is removed here.
// calls: msgctl msgget msgrcv msgsnd semctl semget semop semtimedop shmat shmctl shmdt shmget
#include "observe.h"
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

int main(void) {
  say("-- shared memory");
  int memory = CHECK(shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600));
  char *at = shmat(memory, NULL, 0);
  say("attached %d", at != (char *)-1);
  strcpy(at, "parent");
  IN_CHILD {
    strcat(at, " and child");
    SHOW(shmdt(at));
  }
  say("%s", at);
  struct shmid_ds status;
  SHOW(shmctl(memory, IPC_STAT, &status));
  say("size %ld mode %o attached %ld ours %d %d", (long)status.shm_segsz, status.shm_perm.mode & 0777, (long)status.shm_nattch,
      status.shm_cpid == getpid(), status.shm_perm.uid == geteuid());
  SHOW(shmctl(memory, IPC_RMID, NULL));
  say("%s", at);
  SHOW(shmdt(at));
  SHOW(shmdt(at));
  SHOW(shmctl(memory, IPC_STAT, &status));
  key_t key = ftok("data/hello.txt", getpid() & 0xff) ^ getpid() << 8;
  SHOW(shmget(key, 100, 0));
  memory = CHECK(shmget(key, 100, IPC_CREAT | IPC_EXCL | 0600));
  SHOW(shmget(key, 100, IPC_CREAT | IPC_EXCL | 0600));
  SHOW(shmget(key, 100000, 0));
  SHOW(shmget(key, 100, 0) == memory);
  SHOW(shmctl(memory, IPC_RMID, NULL));
  SHOW(shmget(IPC_PRIVATE, 0, IPC_CREAT | 0600));
  CHECK(ftok("data/missing", 1));

  say("-- semaphores");
  int semaphores = CHECK(semget(IPC_PRIVATE, 2, IPC_CREAT | 0600));
  SHOW(semctl(semaphores, 0, SETVAL, 1));
  SHOW(semctl(semaphores, 0, GETVAL));
  struct sembuf take = {0, -1, SEM_UNDO}, takeNow = {0, -1, IPC_NOWAIT};
  SHOW(semop(semaphores, &take, 1));
  SHOW(semop(semaphores, &takeNow, 1));
  SHOW(semctl(semaphores, 0, GETPID) == getpid());
  pid_t pid = fork();
  if (pid == 0) {
    struct sembuf wait = {0, -1, 0}, tell = {1, 3, 0};
    QUIET(semop(semaphores, &wait, 1));
    QUIET(semop(semaphores, &tell, 1));
    _exit(0);
  }
  pause_ms(20);
  SHOW(semctl(semaphores, 0, GETNCNT));
  struct sembuf give = {0, 1, 0};
  SHOW(syscall(SYS_semop, semaphores, &give, 1));
  wait_for("child", pid);
  SHOW(semctl(semaphores, 1, GETVAL));
  IN_CHILD {
    struct sembuf undo = {1, -2, SEM_UNDO};
    QUIET(semop(semaphores, &undo, 1));
    SHOW(semctl(semaphores, 1, GETVAL));
  }
  SHOW(semctl(semaphores, 1, GETVAL));
  SHOW(semtimedop(semaphores, &take, 1, &(struct timespec){0, 1000000}));
  SHOW(semctl(semaphores, 9, GETVAL));
  SHOW(semctl(semaphores, 0, IPC_RMID));
  SHOW(semop(semaphores, &take, 1));

  say("-- messages");
  struct {
    long type;
    char text[32];
  } message = {3, "three"};
  int queue = CHECK(msgget(IPC_PRIVATE, IPC_CREAT | 0600));
  SHOW(msgsnd(queue, &message, 6, 0));
  message.type = 1;
  strcpy(message.text, "one");
  SHOW(msgsnd(queue, &message, 4, 0));
  SHOW(msgrcv(queue, &message, 32, -3, 0));
  say("type %ld %s", message.type, message.text);
  SHOW(msgrcv(queue, &message, 2, 0, 0));
  SHOW(msgrcv(queue, &message, 2, 0, MSG_NOERROR));
  SHOW(msgrcv(queue, &message, 32, 0, IPC_NOWAIT));
  message.type = 0;
  SHOW(msgsnd(queue, &message, 4, 0));
  pid = fork();
  if (pid == 0) {
    message.type = 9;
    strcpy(message.text, "from the child");
    pause_ms(20);
    QUIET(msgsnd(queue, &message, 15, 0));
    _exit(0);
  }
  SHOW(msgrcv(queue, &message, 32, 9, 0));
  say("%s", message.text);
  wait_for("child", pid);
  SHOW(msgctl(queue, IPC_RMID, NULL));
  SHOW(msgctl(queue, IPC_RMID, NULL));
}
