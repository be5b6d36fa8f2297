#!/bin/sh
# cc and c++: compile, link in every way that a Linux program is linked, run.
set -eu
export PATH=/usr/local/bin:/usr/bin:/bin LC_ALL=C.UTF-8
for tool in cc c++ readelf ar; do command -v $tool >/dev/null || { echo "missing: $tool"; exit 77; }; done

cat > hello.c <<'EOF'
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
static void *work(void *argument) { *(double *)argument = sqrt(*(double *)argument); return argument; }
int main(int argc, char **argv) {
  double number = argc > 1 ? atof(argv[1]) : 2;
  pthread_t thread;
  if (pthread_create(&thread, NULL, work, &number) || pthread_join(thread, NULL)) return 1;
  printf("hello %.6f\n", number);
  return argc > 2 ? atoi(argv[2]) : 0;
}
EOF
cat > hello.cc <<'EOF'
#include <fstream>
#include <iostream>
#include <map>
#include <regex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>
int main() {
  std::map<std::string, int> counts;
  for (auto word : {"one", "two", "one"}) counts[word]++;
  std::vector<std::thread> threads;
  std::vector<int> results(8);
  for (int i = 0; i < 8; i++) threads.emplace_back([&results, i] { results[i] = i * i; });
  for (auto &thread : threads) thread.join();
  std::ofstream("written.txt") << "one=" << counts["one"] << " last=" << results[7] << "\n";
  std::string line;
  std::ifstream input("written.txt");
  std::getline(input, line);
  try {
    if (std::regex_match(line, std::regex("one=2 last=49"))) throw std::runtime_error(line);
  } catch (const std::exception &error) { std::cout << "caught " << error.what() << std::endl; return 0; }
  return 1;
}
EOF
kind() { readelf -h "$1" | sed -n 's/^ *Type: *\([A-Z]*\).*/\1/p'; }
interpreter() { if readelf -lW "$1" | grep -q INTERP; then echo dynamic; else echo static; fi; }
for mode in "" -no-pie -static -static-pie; do
  cc -O2 -g -Wall -Werror $mode -o hello-c hello.c -lm -pthread
  echo "cc '$mode': $(kind hello-c) $(interpreter hello-c): $(./hello-c 2)"
  c++ -O1 -Wall $mode -o hello-cc hello.cc -pthread
  echo "c++ '$mode': $(kind hello-cc) $(interpreter hello-cc): $(./hello-cc)"
done
status=0; ./hello-c 2 7 || status=$?; echo "exit status $status"

# A shared and a static library, found by rpath and by dlopen.
printf 'int answer(void) { return 42; }\n' > answer.c
printf 'int answer(void);\n#include <stdio.h>\nint main(void) { printf("answer %%d\\n", answer()); return 0; }\n' > ask.c
cat > plugin.c <<'EOF'
#include <dlfcn.h>
#include <stdio.h>
int main(void) {
  void *library = dlopen("./libanswer.so", RTLD_NOW);
  int (*answer)(void) = library ? (int (*)(void))dlsym(library, "answer") : NULL;
  if (!answer) { puts(dlerror()); return 1; }
  printf("dlopen %d\n", answer());
  return dlclose(library);
}
EOF
cc -shared -fPIC -o libanswer.so answer.c
cc -o ask-shared ask.c -L. -lanswer -Wl,-rpath,'$ORIGIN'
cc -c answer.c && ar rcs libanswer.a answer.o && cc -o ask-static ask.c libanswer.a
cc -o plugin plugin.c -ldl
./ask-shared && ./ask-static && ./plugin
rm libanswer.so && if ./ask-shared 2>/dev/null; then exit 1; else echo "without its library: $?"; fi

# Other ways through the driver: a pipe, the preprocessor, dependencies, LTO, errors.
printf 'int main(void) { return 5; }\n' | cc -pipe -x c -o five - ; status=0; ./five || status=$?; echo "five: $status"
cc -E -P ask.c | grep -c answer
cc -MMD -c ask.c && tr -s ' \\\n' '\n' < ask.d | grep -c '\.h$' | sed 's/^[1-9][0-9]*$/some headers/'
cc -O2 -flto ask.c answer.c -o ask-lto && ./ask-lto
if cc -c -o broken.o - -x c </dev/null 2>/dev/null; then exit 1; fi
printf 'int main(void) { return nowhere; }\n' > broken.c
if cc broken.c -o broken 2> errors; then exit 1; fi
grep -c "nowhere" errors | sed 's/^[1-9].*/the error names the variable/'
test ! -e broken && ls
