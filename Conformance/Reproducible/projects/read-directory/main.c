#include <dirent.h>
#include <stdio.h>

int main(int count, char **arguments) {
  DIR *directory = opendir(arguments[1]);
  if (count < 2 || !directory) return 1;
  for (struct dirent *entry; (entry = readdir(directory));) puts(entry->d_name);
  return 0;
}
