// One step: which operation it is, and what the operations share.
#include "model.h"
#include <sys/mman.h>

// How often which group's operations are chosen: the sum of the weights.
enum { descriptor_kinds = 46, name_kinds = 37, attribute_kinds = 26 };

void take_step(int number, int self) {
  struct chance chance = chance_of(model.seed, 4, number);
  int kind = draw(&chance, descriptor_kinds + name_kinds + attribute_kinds);
  static char label[64];
  snprintf(label, sizeof label, "%d: worker %d", number, self);
  say("%s", label);
  if (kind < descriptor_kinds) descriptor_step(&chance, self, kind);
  else if (kind < descriptor_kinds + name_kinds) name_step(&chance, self, kind - descriptor_kinds);
  else attribute_step(&chance, self, kind - descriptor_kinds - name_kinds);
}

static bool is_same(const struct slot *slot, const struct stat *status) {
  return slot->fd >= 0 && slot->device == status->st_dev && slot->inode == status->st_ino;
}

// Whether anyone holds the file open, perhaps below a copy that a write would make.
bool may_write(const struct stat *status) {
  for (int i = 0; i < workers; i++) {
    struct worker *worker = &model.state->workers[i];
    for (int j = 0; j < slots; j++)
      if (is_same(&worker->slots[j], status) && worker->slots[j].may_be_lower) return false;
    for (int j = 0; j < maps; j++)
      if (worker->maps[j].address && is_same(&worker->maps[j].file, status) && worker->maps[j].file.may_be_lower)
        return false;
  }
  return true;
}

void drop_slot(struct slot *slot) {
  if (slot->fd >= 0) close(slot->fd);
  slot->fd = -1;
}

struct slot *pick_slot(struct chance *chance, int self) {
  struct slot *all = model.state->workers[self].slots;
  int first = draw(chance, slots);
  // An open one, if there is one.
  for (int i = 0; i < slots; i++)
    if (all[(first + i) % slots].fd >= 0) return &all[(first + i) % slots];
  return &all[first];
}

// AT_FDCWD, or sometimes a slot, which may well be no directory.
int pick_directory(struct chance *chance, int self, char *text) {
  if (draw(chance, 4)) {
    strcpy(text, "");
    return AT_FDCWD;
  }
  struct slot *slot = pick_slot(chance, self);
  sprintf(text, "slot %d, ", (int)(slot - model.state->workers[self].slots));
  return slot->fd;
}
