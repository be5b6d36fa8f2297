#!/bin/sh
# CMake 3.25.1 with GNU ld 2.40 (Debian 12): a program that is linked with a library of its own project differs by the build directory after
# `cmake --install`, although the compiler was told to hide the directory (-ffile-prefix-map) and CMake removes the run path of the build tree
# when it installs. One would expect nothing of the directory to be left. But the linker has hashed the run path into the build id before
# CMake takes it out, so the ids differ, and with them the .debs and their -dbgsym packages. What uwrx does: a reproducible run has the project
# at /project wherever it is (Sources/uwrx/uwrx.docc/DebianPackages.md: libzip, yajl).
set -eu
version=3.25.1-1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -q "cmake=$version" "cmake-data=$version" libarchive13 libcurl4 libjsoncpp25 librhash0 libuv1 libnghttp2-14 librtmp1 libssh2-1 \
  libpsl5 > /dev/null 2>&1 || { echo "cannot download cmake=$version"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" tools; done
LD_LIBRARY_PATH=$folder/tools/usr/lib/x86_64-linux-gnu
export LD_LIBRARY_PATH
tools/usr/bin/cmake --version | head -1
ld --version | head -1
for name in one two; do
  mkdir "$name"
  cat > "$name/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.20)
project(sample C)
add_library(part SHARED part.c)
add_executable(whole whole.c)
target_link_libraries(whole part)
install(TARGETS part whole)
END
  echo 'int part(void) { return 0; }' > "$name/part.c"
  echo 'int part(void); int main(void) { return part(); }' > "$name/whole.c"
  (
    cd "$name"
    ../tools/usr/bin/cmake -B build -DCMAKE_INSTALL_PREFIX=/usr -DCMAKE_C_FLAGS="-O1 -ffile-prefix-map=$PWD=. -Wl,--build-id" > /dev/null
    ../tools/usr/bin/cmake --build build > /dev/null
    DESTDIR=$PWD/result ../tools/usr/bin/cmake --install build > /dev/null
  )
done
unset LD_LIBRARY_PATH
id() { readelf -n "$1/result/usr/$2" | sed -n 's/.*Build ID: //p'; }
for name in one two; do
  grep -c "$folder" "$name/result/usr/bin/whole" || true
  readelf -d "$name/result/usr/bin/whole" | grep -ci 'r.*path' || true
done
library=$(cd one/result/usr && find . -name 'libpart.so')
same=differ
cmp -s "one/result/usr/$library" "two/result/usr/$library" && same="are the same"
echo "the library's files $same; the program's ids: $(id one bin/whole) and $(id two bin/whole)"
objcopy --remove-section .note.gnu.build-id one/result/usr/bin/whole first
objcopy --remove-section .note.gnu.build-id two/result/usr/bin/whole second
rest=differ
cmp -s first second && rest="is the same"
echo "all but the id $rest"
[ "$same" = "are the same" ] && [ "$(id one bin/whole)" != "$(id two bin/whole)" ] && [ "$rest" = "is the same" ]
